import { calling, within } from "../base/calling.ts";
import { checkNumber, checkOptions, orDefault } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import {
  concat,
  dense,
  type Layer,
  matmul,
  reshape,
  type SparseEntries,
  slice,
  sparse as sparseLayer,
} from "../graph/index.ts";
import { checkLengths } from "../graph/settings.ts";
import type { Signal, Tensors } from "./extension.ts";
import { checkFloats } from "./floats.ts";
import { applicationOf, type Operator, operator } from "./operator.ts";

/** Options of `decolorize`. */
export interface DecolorizeOptions {
  /** Weight of each channel in the sum. Default for three channels: [0.299, 0.587, 0.114], the luma of ITU-R BT.601. */
  readonly weights?: ArrayLike<number> | undefined;
}

const LUMA = [0.299, 0.587, 0.114];

/**
 * Makes the operator that adds up the channels of a picture to one.
 *
 * @throws LatentflowError `invalid_argument`; in `measure`, if there is not a weight for each channel
 * @example
 * const measured = measure(decoder, decolorize());
 */
export function decolorize(options: DecolorizeOptions = {}): Operator {
  return calling("decolorize", () => {
    checkOptions(options, { weights: true });
    const weight = checkFloats("weights", orDefault(options.weights, LUMA));
    return operator("decolorize", (into, signal) => {
      const pixels = into.pixelsOf(signal);
      const channels = pixels.shape[2]!;
      if (channels !== weight.length)
        throw refused("weights", "has", `${weight.length} numbers`, `${channels}, one for each channel`);
      return into.add(dense(1), [pixels], { weight });
    });
  });
}

/** Options of `crop`, in pixels. */
export interface CropOptions {
  /** First row that is kept. Default 0. */
  readonly top?: number | undefined;
  /** First column that is kept. Default 0. */
  readonly left?: number | undefined;
  /** Number of rows. Default: all from `top` on. */
  readonly height?: number | undefined;
  /** Number of columns. Default: all from `left` on. */
  readonly width?: number | undefined;
}

/**
 * Makes the operator that keeps a rectangle of a picture.
 *
 * @throws LatentflowError `invalid_argument`; in `measure`, if the rectangle is not within the picture
 * @example
 * const measured = measure(decoder, crop({ height: 14 })); // the upper half of 28 rows
 */
export function crop(options: CropOptions): Operator {
  return calling("crop", () => {
    checkOptions(options, { top: true, left: true, height: true, width: true });
    const ends = [
      { from: "top", of: "height", first: options?.top, count: options?.height },
      { from: "left", of: "width", first: options?.left, count: options?.width },
    ].map(({ first = 0, ...rest }) => ({
      ...rest,
      first: checkNumber(rest.from, first, { min: 0, integer: true }),
    }));
    for (const { of, count } of ends)
      if (count !== undefined) checkNumber(of, count, { min: 1, integer: true });
    return operator("crop", (into, signal) => {
      const pixels = into.pixelsOf(signal);
      return ends.reduce((from, { from: name, of, first, count }, axis) => {
        const length = from.shape[axis]!;
        if (first >= length)
          throw refused(name, "is", `${first}`, `less than ${length}, the picture's ${of}`);
        const end = first + (count ?? length - first);
        if (end > length) throw refused(of, "is", `${count} from ${first} on`, `at most ${length - first}`);
        return first === 0 && end === length ? from : into.add(slice({ axis, start: first, end }), [from]);
      }, pixels);
    });
  });
}

/** Options of `matrix`: the shape, and either the values or the name of a fixed input. */
export interface MatrixOptions {
  /** Rows and columns of the matrix: the length of a measurement, and the count of numbers in a sample. */
  readonly shape: readonly [number, number];
  /** Numbers of the matrix, row by row. */
  readonly values?: ArrayLike<number> | undefined;
  /** Name of the fixed input with the matrix of each sample, `shape` numbers. */
  readonly fixed?: string | undefined;
}

/**
 * Makes the operator that multiplies a sample by a matrix, A·x; x are the sample's numbers in the order of `decode`.
 *
 * @throws LatentflowError `invalid_argument` unless `values` or `fixed` is given; in `measure`, if the shape does not fit
 * @example
 * const values = Float32Array.from({ length: 50 * 784 }, () => Math.random() - 0.5);
 * const measured = measure(decoder, matrix({ shape: [50, 784], values })); // 50 numbers of each picture
 * const each = measure(decoder, matrix({ shape: [50, 784], fixed: "A" })); // encode(each, y, { fixed: { A } })
 */
export function matrix(options: MatrixOptions): Operator {
  return calling("matrix", () => {
    checkOptions(options, { shape: true, values: true, fixed: true });
    const [rows, columns] = checkMatrixShape(options?.shape);
    const { values, fixed } = options;
    if ((values === undefined) === (fixed === undefined)) {
      const got = values === undefined ? "neither" : "both";
      throw refused("values", "or fixed: given are", got, "one of them");
    }
    if (fixed !== undefined) {
      return operator("matrix", (into, signal) => {
        const vector = checkedVector(into.vectorOf(signal), columns);
        const column = into.add(reshape([columns, 1]), [vector]);
        const product = into.add(matmul(), [into.addFixed(fixed, [rows, columns]), column]);
        return into.add(reshape([rows]), [product]);
      });
    }
    const weight = checkFloats("values", values, rows * columns);
    return operator("matrix", (into, signal) =>
      into.add(dense(rows), [checkedVector(into.vectorOf(signal), columns)], { weight }),
    );
  });
}

/** Options of `sparse`: a matrix by coordinates, as SciPy's `coo_matrix`. */
export interface SparseOptions extends Omit<SparseEntries, "outputs"> {
  /** Rows and columns of the matrix: the length of a measurement, and the count of numbers in a sample. */
  readonly shape: readonly [number, number];
}

/**
 * Makes the operator that multiplies a sample by a sparse matrix, A·x; x are the sample's numbers in the order of `decode`. Entries
 * of the same row and column add up.
 *
 * @throws LatentflowError `invalid_argument`; in `measure`, if the shape or an entry does not fit, or there are more than 2²² entries
 * @example
 * // The sums of the first and the last two of four numbers.
 * const sums = sparse({ shape: [2, 4], rows: [0, 0, 1, 1], columns: [0, 1, 2, 3], values: [1, 1, 1, 1] });
 */
export function sparse(options: SparseOptions): Operator {
  return calling("sparse", () => {
    checkOptions(options, { shape: true, rows: true, columns: true, values: true });
    const { shape, ...entries } = options ?? {};
    const [outputs, columns] = checkMatrixShape(shape);
    const layer = sparseLayer({ outputs, ...entries });
    return operator("sparse", (into, signal) =>
      into.add(layer, [checkedVector(into.vectorOf(signal), columns)]),
    );
  });
}

/** A layer of `latentflow/graph` with its parameters, for `layers`. */
export type LayerWithTensors = Layer | ({ readonly layer: Layer } & Tensors);

/**
 * Makes the operator that applies layers of `latentflow/graph` one after the other. A layer with parameters is given as
 * `{ layer, weight, bias }`; their shapes are PyTorch's, and a bias that is left out is 0. Samples of three axes are read as
 * [height, width, channels].
 *
 * @throws LatentflowError `invalid_argument`; in `measure`, if a layer does not fit what it reads
 * @example
 * const edges = layers([{ layer: conv({ channels: 1, kernel: [1, 2] }), weight: [-1, 1] }]);
 */
export function layers(list: readonly LayerWithTensors[]): Operator {
  return calling("layers", () => {
    if (!Array.isArray(list) || list.length === 0)
      throw refused("layers", "is", show(list), "an array of layers");
    const all = Array.from(list, (each: unknown, i) => {
      const { layer, weight, bias } = (typeof each === "function" ? { layer: each } : Object(each)) as {
        layer?: Layer;
      } & Tensors;
      if (typeof layer === "function" && typeof layer.kind === "string") return { layer, weight, bias };
      throw refused(`layers[${i}]`, "is", show(each), "a layer, or { layer, weight, bias }");
    });
    return operator("layers", (into, signal) => {
      const first: Signal = signal.shape.length === 3 ? into.pixelsOf(signal) : signal;
      const last = all.reduce(
        (from, { layer, ...tensors }, i) => within(`layers[${i}]`, () => into.add(layer, [from], tensors)),
        first,
      );
      return { ...last, hasPixels: last.shape.length === 3 };
    });
  });
}

/**
 * Makes the operator whose measurement is those of several operators of the same sample, one after the other, as one vector.
 *
 * @throws LatentflowError `invalid_argument`
 * @example
 * const both = stack([downsample({ factor: 4 }), projections({ angles: [0, 90] })]);
 */
export function stack(operators: readonly Operator[]): Operator {
  return calling("stack", () => {
    if (!Array.isArray(operators) || operators.length === 0) {
      throw refused("operators", "is", show(operators), "an array of operators");
    }
    const all = Array.from(operators, (each: Operator, i) => ({
      place: `operators[${i}]`,
      name: each?.name,
      apply: applicationOf(`operators[${i}]`, each),
    }));
    return operator("stack", (into, signal) =>
      into.add(
        concat(),
        all.map(({ place, name, apply }) => into.vectorOf(within(place, () => apply(into, signal), name))),
      ),
    );
  });
}

function checkMatrixShape(shape: unknown): readonly [number, number] {
  const lengths = checkLengths("shape", shape, 1);
  if (lengths.length !== 2) throw refused("shape", "is", show(shape), "[rows, columns]");
  return [lengths[0]!, lengths[1]!];
}

/** Returns a vector if it is as long as a matrix has columns. */
function checkedVector(vector: Signal, columns: number): Signal {
  if (vector.shape[0] === columns) return vector;
  throw refused(
    "shape",
    "has",
    `${columns} columns`,
    `${vector.shape[0]}, the count of numbers in what it reads`,
  );
}
