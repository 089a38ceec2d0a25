import { align, broadcast } from "../align.ts";
import { arrange, joined, writeAlong } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { type Numbers, strided } from "../tensor.ts";
import { BATCH, makeValue, replaced, type Value, withRank } from "../value.ts";
import { combine, linear } from "./arithmetic.ts";

// Translates matrix products, of constant or computed matrices.

/** Reason for refusing a product along the batch axis. */
export const ALONG_BATCH =
  "it multiplies along the batch, which makes samples depend on each other; export it with the batch as the first axis of " +
  "what it multiplies";

/** A constant matrix. Element (i, j) is values[i · rowStride + j · columnStride]. */
export interface Matrix {
  readonly values: Numbers;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/**
 * Multiplies a value by a matrix along an ONNX axis, whose length is `rows` before and `columns` after.
 *
 * @param bias one number per column. Default: zeros
 */
export function multiplied(
  node: Site,
  value: Value,
  axis: number,
  { values, rows, columns, rowStride, columnStride }: Matrix,
  bias: Numbers = new Float32Array(columns),
): Value {
  const factors = value.axes[axis]!;
  if (factors.includes(BATCH)) return node.refuse(ALONG_BATCH);
  if (factors.some((each) => value.shape[each] === "points"))
    return node.refuse("it multiplies along the points");
  const length = factors.reduce<number>((all, each) => all * (value.shape[each] as number), 1);
  if (length !== rows) return node.refuse(`it multiplies ${length} numbers by a matrix of ${rows} rows`);
  const weight = strided(values, [columns, rows], [columnStride, rowStride]);
  return writeAlong(node, "dense", value, axis, { settings: { units: columns }, weight, bias }, columns);
}

/**
 * Returns a value as a constant matrix; undefined if the value is computed, includes the batch, has fewer than two axes, or has
 * an axis longer than 1 before the last two.
 */
function matrixOf({ source, shape, axes }: Value): Matrix | undefined {
  if (typeof source === "string" || axes.flat().includes(BATCH)) return undefined;
  // Leading axes of length 1 are ignored.
  const lengths = axes.map((factors) => factors.reduce((all, each) => all * (shape[each] as number), 1));
  if (lengths.length < 2 || lengths.slice(0, -2).some((length) => length !== 1)) return undefined;
  const [rows, columns] = lengths.slice(-2) as [number, number];
  return { values: source, rows, columns, rowStride: columns, columnStride: 1 };
}

function transposed({ values, rows, columns, rowStride, columnStride }: Matrix): Matrix {
  return { values, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride };
}

/** Translates a Gemm node, alpha · A · B + beta · C. */
export function gemm(node: NodeView): Value {
  const a = node.value(0);
  const b = node.value(1);
  if (a.axes.length !== 2 || b.axes.length !== 2) return node.refuse("it multiplies what are no matrices");
  const turn = (value: Value, turns: boolean): Value =>
    turns ? { ...value, axes: [...value.axes].reverse() } : value;
  const isTurned = { a: node.integer("transA", 0) !== 0, b: node.integer("transB", 0) !== 0 };
  const matrix = matrixOf(b);
  const product = matrix
    ? multiplied(node, turn(a, isTurned.a), 1, isTurned.b ? transposed(matrix) : matrix)
    : productOf(node, turn(a, isTurned.a), turn(b, isTurned.b));
  const scaled = linear(node, product, node.float("alpha", 1), 0);
  if (!node.has(2)) return scaled;
  const beta = node.float("beta", 1);
  return beta === 0 ? scaled : combine(node, "add", scaled, linear(node, node.value(2), beta, 0));
}

/** Translates a MatMul node. */
export function matmul(node: NodeView): Value {
  const [a, b] = [node.value(0), node.value(1)];
  if (a.axes.length === 1 || b.axes.length === 1) return vectorProduct(node, a, b);
  return productOf(node, a, b);
}

function productOf(node: NodeView, a: Value, b: Value): Value {
  const matrix = matrixOf(b);
  if (matrix && typeof a.source === "string") {
    // The product has as many axes as the matrix, even if those before its last two have length 1.
    const whole = withRank(a, Math.max(a.axes.length, b.axes.length));
    return multiplied(node, whole, whole.axes.length - 1, matrix);
  }
  const left = matrixOf(a);
  if (left && typeof b.source === "string" && a.axes.length <= b.axes.length) {
    return multiplied(node, b, b.axes.length - 2, transposed(left));
  }
  return productOfValues(node, a, b);
}

/**
 * Multiplies two values, one or both of them vectors. A vector becomes a matrix by an added axis of length 1, which the result
 * drops.
 */
function vectorProduct(node: NodeView, a: Value, b: Value): Value {
  const left: Value = a.axes.length === 1 ? { ...a, axes: [[], ...a.axes] } : a;
  const right: Value = b.axes.length === 1 ? { ...b, axes: [...b.axes, []] } : b;
  const product = productOf(node, left, right);
  const rank = product.axes.length;
  const axes = product.axes.filter((_, axis) => {
    return !(a.axes.length === 1 && axis === rank - 2) && !(b.axes.length === 1 && axis === rank - 1);
  });
  return { ...product, axes };
}

/** Multiplies two values as matrices in their last two axes, with the other axes broadcast. */
export function productOfValues(node: NodeView, a: Value, b: Value): Value {
  const rank = Math.max(a.axes.length, b.axes.length);
  const whole = (value: Value): Value => {
    const both = joined(node, joined(node, withRank(value, rank), rank - 2), rank - 1);
    if (both.axes.slice(-2).flat().includes(BATCH)) return node.refuse(ALONG_BATCH);
    return both;
  };
  const aligned = align(node, [whole(a), whole(b)], { aside: 2 });
  // Both values are broadcast to the same number of matrices.
  const [x, y] = broadcast(node, aligned) as [Value, Value];
  const before = (value: Value) =>
    value.axes.slice(0, -2).flatMap((factors) => factors.filter((factor) => factor !== BATCH));
  const lengthOf = (value: Value, axis: number) => {
    const [stored] = value.axes[axis]!;
    return stored === undefined ? 1 : value.shape[stored]!;
  };
  if (lengthOf(x, rank - 1) !== lengthOf(y, rank - 2)) {
    return node.refuse("the matrices that it multiplies do not fit together");
  }
  const groups = (value: Value, rows: number, columns: number) => [
    ...before(value).map((each) => [each]),
    value.axes[rows]!,
    value.axes[columns]!,
  ];
  const [row, column] = [y.axes[rank - 2]![0], y.axes[rank - 1]![0]];
  // A matrix that is stored transposed is not moved.
  const isTransposed = row !== undefined && column !== undefined && column < row;
  const l = arrange(node, x, groups(x, rank - 2, rank - 1));
  const r = arrange(node, y, isTransposed ? groups(y, rank - 1, rank - 2) : groups(y, rank - 2, rank - 1));
  const shape = [...l.shape.slice(0, -1), r.shape.at(isTransposed ? -2 : -1)!];
  const settings = { transposed: isTransposed };
  const source = node.writer.write("matmul", [l.source, r.source], shape, { settings });
  let next = 0;
  const axes = x.axes.slice(0, -2).map((factors) => replaced(factors, () => next++));
  const leading = aligned.axes.slice(0, -2).map((keys, i) => {
    return keys.includes(BATCH) && !axes[i]!.includes(BATCH) ? [BATCH, ...axes[i]!] : axes[i]!;
  });
  return makeValue(source, shape, [...leading, [next], [next + 1]]);
}
