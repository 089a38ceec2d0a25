import { sizeOf } from "../../../graph/operations.ts";
import { lastAxes } from "../arrangement.ts";
import type { Fold } from "../operator.ts";
import { permuted, type Tensor } from "../tensor.ts";

// Constant folding of softmax and layer norm, as in self-attention among learnt tokens before they are combined with the
// latent.

/** Modifies a row of numbers in place. */
type Change = (row: Float64Array) => void;

/** Returns a copy of a tensor with `change` applied to each row that extends along the given axes. */
function alongAxes(tensor: Tensor, axes: readonly number[], change: Change): Tensor {
  const { shape, values } = tensor;
  const order = [...shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const lengths = order.map((axis) => shape[axis]!);
  const sorted = permuted(Float64Array.from(values), shape, order);
  const width = sizeOf(axes.map((axis) => shape[axis]!));
  for (let start = 0; start < sorted.length; start += width)
    change(sorted.subarray(start, start + width) as Float64Array);
  const back = shape.map((_, axis) => order.indexOf(axis));
  const changed = permuted(sorted, lengths, back);
  return { ...tensor, values: values instanceof Float32Array ? Float32Array.from(changed) : changed };
}

/** Constant-folds Softmax. */
export const foldSoftmax: Fold = (node, [tensor], claim) => {
  claim(2 * tensor!.values.length);
  return alongAxes(tensor!, [node.axis(node.integer("axis", -1), tensor!.shape.length)], (row) => {
    const largest = row.reduce((most, number) => Math.max(most, number), Number.NEGATIVE_INFINITY);
    const powers = Float64Array.from(row, (number) => Math.exp(number - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (const [i, power] of powers.entries()) row[i] = power / sum;
  });
};

/** Constant-folds LayerNormalization. */
export const foldLayerNorm: Fold = (node, [tensor, scale, bias], claim) => {
  const axes = lastAxes(node, tensor!.shape.length);
  const width = sizeOf(axes.map((axis) => tensor!.shape[axis]!));
  const epsilon = node.float("epsilon", 1e-5);
  // Left to the graph's definition, which refuses it with the reason.
  if (scale!.values.length !== width || (bias && bias.values.length !== width) || !(epsilon > 0))
    return undefined;
  claim(2 * tensor!.values.length);
  return alongAxes(tensor!, axes, (row) => {
    const mean = row.reduce((total, number) => total + number, 0) / width;
    const variance = row.reduce((total, number) => total + (number - mean) ** 2, 0) / width;
    for (const [i, number] of row.entries()) {
      row[i] = ((number - mean) / Math.sqrt(variance + epsilon)) * scale!.values[i]! + (bias?.values[i] ?? 0);
    }
  });
};
