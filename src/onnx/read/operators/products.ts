import { align, broadcast } from "../align.ts";
import { arrange, joined, writeAlong } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { type Numbers, strided } from "../tensor.ts";
import { BATCH, makeValue, replaced, type Value } from "../value.ts";

// Writes matrix products, of constant or computed matrices.

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

/** Multiplies two values of equally many axes as matrices in the last two, which lack the batch, with the others broadcast. */
export function productOfValues(node: NodeView, a: Value, b: Value): Value {
  const rank = a.axes.length;
  const whole = (value: Value): Value => joined(node, joined(node, value, rank - 2), rank - 1);
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
