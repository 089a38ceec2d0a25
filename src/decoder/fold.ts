import { invalidFile, show } from "../base/check.ts";
import type { Work } from "../base/event-loop.ts";
import { readFloats } from "../files/tensor.ts";
import type { LayerTensors, NormTensors } from "./layer-tensors.ts";
import type { NamedTensor } from "./sequential-modules.ts";

// What a layer's weight and bias come to: weight normalisation and BatchNorms are, for a decoder that is trained,
// products and sums that the layer can do itself. Computed in float64, and rounded once.

/** So many weights are computed between two pauses. */
const PIECE = 2 ** 17;

/** A BatchNorm as what it does: scale · x + shift. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * Reads a layer, with what is folded into it.
 *
 * @param where the function called, for messages
 * @param epsilon what BatchNorms add to a variance
 * @param target `weight` [outputSize, inputSize], `bias` [outputSize], which are 0
 * @throws LatentflowError `invalid_file` on a value that is no finite float32, or becomes none
 */
export function* readLayer(
  where: string,
  layer: LayerTensors,
  epsilon: number,
  target: { readonly weight: Float32Array; readonly bias: Float32Array },
): Work<void> {
  const { weight, bias } = target;
  yield* read(where, layer.weight, weight);
  if (layer.bias) yield* read(where, layer.bias, bias);
  if (!layer.lengths && !layer.before && !layer.after) return;

  const { inputSize, outputSize } = layer;
  const lengths = layer.lengths && (yield* readNew(where, layer.lengths, outputSize));
  const before = layer.before && (yield* readNorm(where, layer.before, epsilon));
  const after = layer.after && (yield* readNorm(where, layer.after, epsilon));
  let looked = 0;
  for (let row = 0; row < outputSize; row++) {
    const values = weight.subarray(row * inputSize, (row + 1) * inputSize);
    const stretch = lengths ? lengths[row]! / lengthOf(where, layer.weight, row, values) : 1;
    const scale = after?.scale[row] ?? 1;
    let sum = 0;
    for (let i = 0; i < inputSize; i++) {
      const value = stretch * values[i]!;
      if (before) sum += value * before.shift[i]!;
      values[i] = value * scale * (before?.scale[i] ?? 1);
    }
    bias[row] = (bias[row]! + sum) * scale + (after?.shift[row] ?? 0);
    if (!Number.isFinite(bias[row]!) || !values.every(Number.isFinite)) {
      throw invalidFile(
        `${where}: with what is folded into it, output ${row} of the layer ${show(layer.name)} is beyond float32`,
      );
    }
    looked += inputSize;
    if (looked < PIECE) continue;
    looked = 0;
    yield;
  }
}

function lengthOf(where: string, { name }: NamedTensor, row: number, values: Float32Array): number {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  if (length > 0) return length;
  throw invalidFile(`${where}: row ${row} of ${show(name)} is 0, and has no direction`);
}

function* readNorm(where: string, norm: NormTensors, epsilon: number): Work<Affine> {
  const { size } = norm;
  const weight = norm.weight && (yield* readNew(where, norm.weight, size));
  const bias = norm.bias && (yield* readNew(where, norm.bias, size));
  const mean = yield* readNew(where, norm.mean, size);
  const variance = yield* readNew(where, norm.variance, size);
  const scale = Float64Array.from(variance, (value, i) => {
    if (value < 0 || value + epsilon === 0) {
      throw invalidFile(
        `${where}: ${show(norm.variance.name)} is ${value} at index ${i}, expected a variance${value < 0 ? " >= 0" : ""}`,
      );
    }
    return (weight?.[i] ?? 1) / Math.sqrt(value + epsilon);
  });
  return { scale, shift: scale.map((factor, i) => (bias?.[i] ?? 0) - mean[i]! * factor) };
}

function* readNew(where: string, tensor: NamedTensor, size: number): Work<Float32Array> {
  const values = new Float32Array(size);
  yield* read(where, tensor, values);
  return values;
}

function* read(where: string, tensor: NamedTensor, target: Float32Array): Work<void> {
  yield* readFloats(where, tensor.name, tensor, target);
}
