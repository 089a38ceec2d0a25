import { checkOptions } from "../base/check.ts";
import { cosineOfPi, logarithm } from "../base/elementary-functions.ts";
import { atOnce } from "../base/event-loop.ts";
import { createRandom } from "../base/random.ts";
import { checkMemory, isFloat32Array } from "../base/realms.ts";
import { invalid, invalidFile } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { type Metadata, readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { readFloats, type Tensor } from "../files/tensor.ts";
import type { FixedInput } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";

// A probe is a few latents and the decoder's outputs for them. Names and shapes cannot distinguish a stack of layers from
// residual blocks, or a square matrix from its transpose, or reveal a missing sigmoid; numbers can.
//
// In a file it is the metadata entry `latentflow.probe`, which contains, as base64, the bytes of a safetensors file with
// the metadata {"format": "1"} and the tensors
//
//   z            F32 [rows, latentSize]
//   fixed.NAME   F32 [rows, …], for each fixed input
//   indices      I32 [k], k ≤ 4,096: indices into an output in the order of `decode`; if missing, `x` has all elements
//   x            F32 [rows, k]: these elements of the outputs

/** A few latents and the outputs that the right decoder computes for them. */
export interface Probe {
  /** Latents, rows × latentSize. */
  readonly z: Float32Array;
  /** Outputs of the decoder, rows × outputSize, in the order of `decode`. */
  readonly x: Float32Array;
  /** Values of each fixed input by name, rows × its size. Default: none. */
  readonly fixed?: Readonly<Record<string, Float32Array>>;
}

/** A probe (a few latents with their outputs, by which a reader checks the decoder), with validated sizes. */
export interface CheckedProbe {
  readonly rows: number;
  /** Number of points that each row is evaluated at; undefined unless the decoder maps z and a point's coordinates to a value. */
  readonly points: number | undefined;
  readonly z: Float32Array;
  readonly fixed: ReadonlyMap<string, Float32Array>;
  /** Positions, within an output, of the elements that `x` holds; undefined if it holds all elements. */
  readonly indices: Int32Array | undefined;
  /** Outputs of the decoder: for each row the elements at `indices`, or all of them. */
  readonly x: Float32Array;
}

/** Sizes of a decoder, which its probe (a few latents with their outputs) must fit. */
export interface Probed {
  readonly latentSize: number;
  readonly outputSize: number;
  readonly fixedInputs: readonly FixedInput[];
  /** Returns the sizes for a number of points; undefined for a decoder without points. */
  readonly atPoints?: (points: number) => Probed;
}

/** Metadata key of the probe (a few latents with their outputs, by which a reader checks the decoder). */
export const PROBE = "latentflow.probe";

const FORMAT = "1";
/** Number of rows of a probe made here. A single row could not distinguish a decoder from a constant. */
const ROWS = 4;
/** Maximum number of rows read from a file's probe; each costs a pass through the decoder. */
const MOST_ROWS = 64;
const MOST_INDICES = 4096;
const MOST_POINTS = 2 ** 20;
/** Number of points per row in a probe made here, for decoders over points. */
const PROBE_POINTS = 5;
/**
 * Maximum number of bytes of a probe, so that its base64, 4/3 as long, fits into the header of a file, of at most 2^20
 * bytes.
 */
const MOST_BYTES = 2 ** 19;

/**
 * Reads the probe (a few latents with their outputs) in a file's metadata; undefined if there is none.
 *
 * @param where function that was called, for messages
 * @throws LatentflowError `invalid_file` if the probe is malformed, or its sizes do not fit the decoder
 */
export function readProbe(where: string, metadata: Metadata, decoder: Probed): CheckedProbe | undefined {
  const text = metadata.get(PROBE);
  if (text === undefined) return undefined;
  const at = `${where}: the file's ${PROBE}`;
  const { metadata: own, tensors } = readSafetensors(at, fromBase64(at, text));
  const format = own.get("format");
  if (format !== FORMAT) {
    throw invalidFile(
      `${at}: its format is ${show(format)}, expected "${FORMAT}"; a newer latentflow may read it`,
    );
  }
  const names = new Set(["z", "x", ...decoder.fixedInputs.map(({ name }) => `fixed.${name}`)]);
  const missing = [...names].find((name) => !tensors.has(name));
  if (missing !== undefined) throw invalidFile(`${at}: the tensor ${show(missing)} is missing`);
  const surplus = [...tensors.keys()].find((name) => name !== "indices" && !names.has(name));
  if (surplus !== undefined) throw invalidFile(`${at}: the tensor ${show(surplus)} is none of a probe's`);

  const z = tensors.get("z")!;
  const [rows = 0] = z.shape;
  if (rows < 1 || rows > MOST_ROWS) {
    throw invalidFile(`${at}: "z" is ${showShape(z.shape)}, expected 1 to ${MOST_ROWS} rows`);
  }
  const points = pointsOf(decoder, rows, (name) => sizeOf(tensors.get(`fixed.${name}`)!.shape));
  const { latentSize, outputSize, fixedInputs } = bound(decoder, points);
  const indices = readIndices(at, tensors.get("indices"), outputSize);
  return {
    rows,
    points,
    z: readTensor(at, "z", z, [rows, latentSize]),
    fixed: new Map(
      fixedInputs.map(({ name, shape, classes }) => {
        const tensor = tensors.get(`fixed.${name}`)!;
        // Class indices may have the shape [rows] or [rows, 1].
        const isSame = tensor.shape[0] === rows && sizeOf(tensor.shape) === rows * sizeOf(shape);
        const values = readTensor(at, `fixed.${name}`, tensor, isSame ? tensor.shape : [rows, ...shape]);
        const wrong = wrongClass(values, classes);
        if (wrong === undefined) return [name, values];
        throw invalidFile(
          `${at}: "fixed.${name}" has the class ${wrong}, expected integers from 0 to ${classes! - 1}`,
        );
      }),
    ),
    indices,
    x: readTensor(at, "x", tensors.get("x")!, [rows, indices?.length ?? outputSize]),
  };
}

/**
 * Returns the number of points per row of a probe, from the size of an input with points; undefined if the decoder has
 * none.
 */
function pointsOf({ fixedInputs }: Probed, rows: number, size: (name: string) => number): number | undefined {
  const input = fixedInputs.find(({ hasPoints }) => hasPoints);
  if (!input) return undefined;
  // A size that is not a multiple is refused when lengths are checked.
  return Math.min(Math.max(1, Math.floor(size(input.name) / rows / sizeOf(input.shape))), MOST_POINTS);
}

/** Returns the first value that is not a class index; undefined if all are, or the input has no classes. */
function wrongClass(values: Float32Array, classes: number | undefined): number | undefined {
  if (classes === undefined) return undefined;
  return values.find((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
}

function bound(decoder: Probed, points: number | undefined): Probed {
  return points === undefined ? decoder : decoder.atPoints!(points);
}

function readTensor(where: string, name: string, tensor: Tensor, shape: readonly number[]): Float32Array {
  if (tensor.dtype !== "F32" || String(tensor.shape) !== String(shape)) {
    throw invalidFile(
      `${where}: ${show(name)} is ${showShape(tensor.shape)} ${tensor.dtype}, expected ${showShape(shape)} F32`,
    );
  }
  const values = new Float32Array(sizeOf(shape));
  atOnce(readFloats(where, name, tensor, values));
  return values;
}

function readIndices(where: string, tensor: Tensor | undefined, outputSize: number): Int32Array | undefined {
  if (!tensor) return undefined;
  const { dtype, shape, bytes } = tensor;
  const [count = 0] = shape;
  if (dtype !== "I32" || shape.length !== 1 || count < 1 || count > MOST_INDICES) {
    throw invalidFile(
      `${where}: "indices" is ${showShape(shape)} ${dtype}, expected 1 to ${MOST_INDICES} numbers, I32`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: count }, (_, i) => {
    const index = view.getInt32(4 * i, true);
    if (index >= 0 && index < outputSize) return index;
    throw invalidFile(
      `${where}: "indices" has ${index} at ${i}, expected 0 to ${outputSize - 1}, an element of an output`,
    );
  });
}

/**
 * Copies the option `probe` (a few latents with their outputs), and validates it as far as possible without the decoder.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function copyProbe(where: string, probe: Probe): Probe {
  checkOptions(`${where}: probe`, probe, { z: true, x: true, fixed: true });
  const { z, x, fixed = {} } = Object(probe) as Probe;
  if (typeof fixed !== "object" || fixed === null || Array.isArray(fixed)) {
    throw invalid(`${where}: probe.fixed is ${show(fixed)}, expected an object with a Float32Array for each`);
  }
  return {
    z: copyValues(where, "probe.z", z),
    x: copyValues(where, "probe.x", x),
    fixed: Object.fromEntries(
      Object.entries(fixed).map(([name, values]) => [
        name,
        copyValues(where, `probe.fixed[${show(name)}]`, values),
      ]),
    ),
  };
}

function copyValues(where: string, name: string, values: unknown): Float32Array {
  if (!isFloat32Array(values)) {
    throw invalid(`${where}: ${name} is ${show(values)}, expected a Float32Array`);
  }
  checkMemory(where, name, values);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values.slice();
  throw invalid(`${where}: ${name} is ${values[bad]} at index ${bad}, expected finite numbers`);
}

/**
 * Checks that the sizes of a probe (a few latents with their outputs) fit a decoder.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function fitProbe(where: string, probe: Probe, decoder: Probed): CheckedProbe {
  const { z, x, fixed = {} } = probe;
  const rows = z.length / decoder.latentSize;
  if (!Number.isInteger(rows) || rows < 1) {
    throw invalid(
      `${where}: probe.z has ${z.length} values, expected a multiple of ${decoder.latentSize} (the decoder's latent size)`,
    );
  }
  const points = pointsOf(decoder, rows, (name) => (Object.hasOwn(fixed, name) ? fixed[name]!.length : 0));
  const { outputSize, fixedInputs } = bound(decoder, points);
  const names = fixedInputs.map(({ name }) => name);
  const surplus = Object.keys(fixed).find((name) => !names.includes(name));
  if (surplus !== undefined) {
    const which = names.length === 0 ? "none" : names.map(show).join(", ");
    throw invalid(
      `${where}: probe.fixed has ${show(surplus)}, which the decoder has not; its fixed inputs: ${which}`,
    );
  }
  for (const input of fixedInputs) {
    const values = Object.hasOwn(fixed, input.name) ? fixed[input.name] : undefined;
    const wrong = values && wrongClass(values, input.classes);
    if (wrong !== undefined) {
      const expected = `integers from 0 to ${input.classes! - 1}`;
      throw invalid(
        `${where}: probe.fixed[${show(input.name)}] has the class ${wrong}, expected ${expected}`,
      );
    }
    if (values?.length === rows * sizeOf(input.shape)) continue;
    throw invalid(
      `${where}: probe.fixed[${show(input.name)}] ${values ? `has ${values.length} values` : "is missing"}, ` +
        `expected ${showShape(input.shape)} for each of ${rows} rows`,
    );
  }
  if (x.length !== rows * outputSize) {
    throw invalid(
      `${where}: probe.x has ${x.length} values, expected ${rows * outputSize}: ${outputSize} (the decoder's output ` +
        `size) for each of ${rows} rows`,
    );
  }
  return {
    rows,
    points,
    z,
    x,
    indices: undefined,
    fixed: new Map(names.map((name) => [name, fixed[name]!])),
  };
}

/**
 * Draws the inputs of a probe (a few latents with their outputs): standard normal numbers and uniform class indices, always
 * the same ones.
 */
export function probeInputs(decoder: Probed): {
  readonly points: number | undefined;
  readonly z: Float32Array;
  readonly fixed: Readonly<Record<string, Float32Array>>;
} {
  const points = decoder.atPoints && PROBE_POINTS;
  const { latentSize, fixedInputs } = bound(decoder, points);
  const random = createRandom(0);
  // Box-Muller transform; 1 - u is never 0.
  const normal = () => Math.sqrt(-2 * logarithm(1 - random.uniform())) * cosineOfPi(2 * random.uniform());
  const z = Float32Array.from({ length: ROWS * latentSize }, normal);
  const fixed = fixedInputs.map(({ name, shape, classes }) => {
    const draw = () => (classes === undefined ? normal() : random.below(classes));
    return [name, Float32Array.from({ length: ROWS * sizeOf(shape) }, draw)];
  });
  return { points, z, fixed: Object.fromEntries(fixed) };
}

/**
 * Formats a probe (a few latents with their outputs) as metadata text. Outputs with more than 4,096 elements are sampled at
 * 4,096 positions; rows that do not fit into a file's header are left out.
 *
 * @returns undefined if fewer than two rows fit, which would not be conclusive
 * @throws LatentflowError `invalid_argument` if the probe does not fit the decoder
 */
export function writeProbe(where: string, probe: Probe, decoder: Probed): string | undefined {
  const { rows: given, points, z, x, fixed } = fitProbe(where, copyProbe(where, probe), decoder);
  const width = x.length / given;
  const indices = width > MOST_INDICES ? spread(width) : undefined;
  const perRow = [z, ...fixed.values()].reduce((sum, { length }) => sum + length / given, 0);
  const rowBytes = 4 * (perRow + (indices?.length ?? width));
  const room = MOST_BYTES - 4 * (indices?.length ?? 0);
  const rows = Math.min(given, MOST_ROWS, Math.floor(room / rowBytes));
  if (rows < 2) return undefined;
  const first = (values: Float32Array) => values.subarray(0, (values.length / given) * rows);
  const shapes = new Map(bound(decoder, points).fixedInputs.map(({ name, shape }) => [name, shape]));
  const tensors = [
    { name: "z", shape: [rows, decoder.latentSize], values: first(z) },
    ...[...fixed].map(([name, values]) => ({
      name: `fixed.${name}`,
      shape: [rows, ...shapes.get(name)!],
      values: first(values),
    })),
    ...(indices ? [{ name: "indices", shape: [indices.length], values: indices }] : []),
    {
      name: "x",
      shape: [rows, indices?.length ?? width],
      values: indices ? pick(first(x), rows, indices) : first(x),
    },
  ];
  return toBase64(writeSafetensors(tensors, new Map([["format", FORMAT]])));
}

/**
 * Draws the indices of output elements to store: one at a random place in each of 4,096 equal intervals. At regular
 * distances they might all fall into one channel or column of the output.
 *
 * @param width number of elements of an output
 */
function spread(width: number): Int32Array {
  const random = createRandom(1);
  const drawn = Array.from({ length: MOST_INDICES }, (_, i) =>
    Math.floor(((i + random.uniform()) * width) / MOST_INDICES),
  );
  return Int32Array.from(new Set(drawn));
}

/** Selects the elements at `indices` from each row. */
export function pick(rowsOfAll: Float32Array, rows: number, indices: Int32Array): Float32Array {
  const width = rowsOfAll.length / rows;
  const picked = new Float32Array(rows * indices.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < indices.length; i++) {
      picked[row * indices.length + i] = rowsOfAll[row * width + indices[i]!]!;
    }
  }
  return picked;
}

function fromBase64(where: string, text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw invalidFile(`${where} is no base64`);
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces, since the number of arguments of a call is limited.
  for (let start = 0; start < bytes.length; start += 2 ** 13) {
    text += String.fromCharCode(...bytes.subarray(start, start + 2 ** 13));
  }
  return btoa(text);
}
