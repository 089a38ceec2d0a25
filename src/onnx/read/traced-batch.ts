import { stridesOf } from "../../graph/operations.ts";
import type { NodeView } from "./node-view.ts";
import type { Operator } from "./operator.ts";
import type { Site } from "./site.ts";
import { strided } from "./tensor.ts";
import { BATCH, isConstant, makeValue, type Operand, type Value } from "./value.ts";

// A file exported with a batch of 4, for example, may contain constants with 4 rows, one per sample. If the rows are
// equal, one of them serves for any batch size.

/**
 * Reduces a constant to one row along `axis`, an ONNX axis that the other operands have as their batch, if the export has
 * repeated the row for each sample. Returns other values unchanged.
 *
 * @throws NodeRefusal if the rows differ
 */
export function withoutTracedBatch(node: Site, value: Value, axis: number): Value {
  const [stored, more] = value.axes[axis]!;
  if (stored === undefined || stored === BATCH || more !== undefined || typeof value.source === "string") {
    return value;
  }
  const lengths = value.shape as readonly number[];
  if (lengths[stored] !== node.tracedBatch) return value;
  const strides = stridesOf(lengths);
  const one = lengths.map((length, i) => (i === stored ? 1 : length));
  const first = strided(value.source, one, strides);
  const back = stridesOf(one).map((stride, i) => (i === stored ? 0 : stride));
  const repeated = strided(first, lengths, back);
  const { source } = value;
  if (repeated.every((number, i) => Object.is(number, source[i])))
    return makeValue(first, one, value.axes, value.type);
  return node.refuse(
    `it reads a constant that differs from sample to sample of the batch of ${lengths[stored]} that the file was exported ` +
      "with; export it with a batch of 1, or with a dynamic batch axis",
  );
}

/**
 * Returns a node's inputs. If the first is a constant that the export repeated for each sample, its first axis becomes
 * the batch.
 */
export function withBatchFirst(
  node: NodeView,
  { ofPixels, batchFirst = ofPixels }: Operator,
): readonly (Operand | undefined)[] {
  const [first, ...others] = node.inputs;
  const mayHaveTracedBatch = batchFirst && (node.tracedBatch ?? 1) > 1;
  if (!mayHaveTracedBatch || !first || !isConstant(first) || first.at.length > 1) return node.inputs;
  if (first.at[0]!.shape[0] !== node.tracedBatch) return node.inputs;
  const row = withoutTracedBatch(node, node.value(0), 0);
  return [{ ...row, axes: [[BATCH], ...row.axes.slice(1)] }, ...others];
}
