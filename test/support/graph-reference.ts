import type { Decoder, Loss, Operation, Shape } from "../../src/index.ts";
import { activate, lossOf } from "./reference.ts";

// Graphs in float64, straight from PyTorch's definitions: what the kernels' convolutions are held against. Derivatives
// are differences of it.

const size = (shape: Shape) => shape.reduce((product, length) => product * length, 1);

/** D(z), with the parameters given in place of the decoder's; without its output activation where `toLogits`. */
export function graphOutput(
  decoder: Decoder,
  z: ArrayLike<number>,
  parameters: ArrayLike<number> = decoder.parameters,
  toLogits = false,
): number[] {
  let values = Array.from(z);
  let shape: Shape = [decoder.latentSize];
  let offset = 0;
  const take = (count: number) => {
    offset += count;
    return Array.from({ length: count }, (_, i) => parameters[offset - count + i]!);
  };
  const last = decoder.operations.at(-1);
  for (const operation of decoder.operations) {
    if (toLogits && operation === last && operation.kind === "activation") break;
    if (operation.kind === "activation") values = values.map((x) => activate(operation.activation, x));
    if (operation.kind === "dense") {
      const weight = take(operation.weight.length);
      const bias = take(operation.bias.length);
      values = bias.map((b, o) => values.reduce((sum, x, i) => sum + weight[o * values.length + i]! * x, b));
    }
    if (operation.kind === "conv" || operation.kind === "convTranspose") {
      const weight = take(operation.weight.length);
      values = convolve(operation, weight, take(operation.bias.length), values, shape);
    }
    shape = operation.shape;
  }
  return values;
}

/** Both kinds by the same rule: output pixel o and input pixel i meet at tap t where o·stride (or i·stride) reaches it. */
function convolve(
  operation: Operation<"conv" | "convTranspose">,
  weight: readonly number[],
  bias: readonly number[],
  values: readonly number[],
  input: Shape,
): number[] {
  const { kind, kernel, stride, padding, dilation, groups, shape: output } = operation;
  const axes = kernel.length;
  // One axis as two of which the first has one pixel.
  const two = (lengths: readonly number[], filler: number) => (axes === 1 ? [filler, ...lengths] : lengths);
  const [inputHeight, inputWidth] = two(input.slice(0, -1), 1) as [number, number];
  const [outputHeight, outputWidth] = two(output.slice(0, -1), 1) as [number, number];
  const [kernelHeight, kernelWidth] = two(kernel, 1) as [number, number];
  const [strideY, strideX] = two(stride, 1) as [number, number];
  const [dilationY, dilationX] = two(dilation, 1) as [number, number];
  const [top, left] = two(padding.slice(0, axes), 0) as [number, number];
  const inputs = input.at(-1)!;
  const outputs = output.at(-1)!;
  const [groupInputs, groupOutputs] = [inputs / groups, outputs / groups];
  const result = new Array<number>(size(output)).fill(0);
  result.forEach((_, i) => {
    result[i] = bias[i % outputs]!;
  });
  const isTransposed = kind === "convTranspose";
  for (let iy = 0; iy < inputHeight; iy++) {
    for (let ix = 0; ix < inputWidth; ix++) {
      for (let oy = 0; oy < outputHeight; oy++) {
        for (let ox = 0; ox < outputWidth; ox++) {
          for (let ky = 0; ky < kernelHeight; ky++) {
            for (let kx = 0; kx < kernelWidth; kx++) {
              const meets = isTransposed
                ? iy * strideY - top + ky * dilationY === oy && ix * strideX - left + kx * dilationX === ox
                : oy * strideY - top + ky * dilationY === iy && ox * strideX - left + kx * dilationX === ix;
              if (!meets) continue;
              const tap = ky * kernelWidth + kx;
              for (let o = 0; o < outputs; o++) {
                const group = Math.floor(o / groupOutputs);
                for (let k = 0; k < groupInputs; k++) {
                  const i = group * groupInputs + k;
                  const [row, column, columns] = isTransposed
                    ? [i, o % groupOutputs, groupOutputs]
                    : [o, k, groupInputs];
                  const w = weight[(row * columns + column) * kernelHeight * kernelWidth + tap]!;
                  const x = values[(iy * inputWidth + ix) * inputs + i]!;
                  result[(oy * outputWidth + ox) * outputs + o]! += w * x;
                }
              }
            }
          }
        }
      }
    }
  }
  return result;
}

/** l(y, D(z)) of one sample. */
export function graphLoss(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  parameters?: ArrayLike<number>,
): number {
  const output = graphOutput(decoder, z, parameters, loss.name === "binaryCrossEntropy");
  return lossOf(loss, output, y).value;
}

/** The central difference of f along each of its arguments, or along one direction. */
export function gradientOf(f: (x: number[]) => number, x: readonly number[], step = 1e-4): number[] {
  return x.map((_, i) => {
    const at = (shift: number) => f(x.map((value, k) => (k === i ? value + shift : value)));
    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
  });
}
