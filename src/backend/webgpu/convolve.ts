import type { ConvolutionSettings } from "../../graph/convolution.ts";
import type { Shape } from "../../graph/operations.ts";
import { convolutionAttributes, paddingBehind } from "../../onnx-format/kinds/products.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";
import type { GpuValue } from "./task.ts";

// The operators Conv and ConvTranspose, with workarounds for cases that onnxruntime-web 1.30 computes wrongly on a GPU, as
// `npm run sweep:webgpu` finds:
// - a Conv from 6, 9, 15, … channels, multiples of 3 and not of 4, to a multiple of 4: channels of zeros are appended;
// - a Conv whose kernel is as long as its input, which is padded with zeros: a row of zeros is appended to the kernel;
// - grouped ones: a Conv to 4 channels or more per group, of which a shader takes 2 or 4 at a time although they are not all of
//   one group, and a ConvTranspose from several channels per group to one: channels of zeros are appended to each group.

/** Convolution, or transposed convolution, to be written into a graph. */
export interface Convolution {
  readonly graph: OnnxGraph;
  readonly input: GpuValue;
  readonly settings: ConvolutionSettings;
  /** Shape of the convolution's output for one sample, channels last. */
  readonly output: Shape;
  readonly weight: Tensor;
  readonly bias?: Tensor;
}

/** Writes a Conv into the graph; the result has channels first. */
export function convolution(own: Convolution): Tensor {
  const given = lengthened(own);
  const { graph, input, output, weight } = given;
  const { groups } = given.settings;
  const [from, to] = [input.shape.at(-1)!, output.at(-1)!];
  if (groups > 1) {
    const each = to / groups;
    const atOnce = to % 4 === 0 ? 4 : to % 2 === 0 ? 2 : 1;
    return each >= 4 && each % atOnce !== 0 ? widened(given, "Conv") : applied(given, "Conv");
  }
  const isMisread = from > 3 && from % 3 === 0 && from % 4 !== 0 && to % 4 === 0;
  if (!isMisread) return applied(given, "Conv");
  const zeros = (tensor: Tensor) => graph.padded(tensor, input.rank + 1, 1, [4 - (from % 4)]);
  return applied({ ...given, weight: zeros(weight) }, "Conv", zeros(input.first));
}

/** Writes a ConvTranspose whose output has `outputPadding` more pixels at the end of each axis; the result has channels first. */
export function transposedConvolution(given: Convolution, outputPadding: readonly number[]): Tensor {
  const { graph, input, settings, output } = given;
  const { kernel, groups } = settings;
  const { zeros, padding } = paddingBehind(settings, outputPadding);
  const wider = zeros.some((pixels) => pixels > 0)
    ? graph.padded(input.first, kernel.length + 2, 2, zeros)
    : input.first;
  const changed = { ...given, settings: { ...settings, padding } };
  const isMisread = groups > 1 && output.at(-1) === groups && input.shape.at(-1)! > groups;
  return isMisread ? widened(changed, "ConvTranspose", wider) : applied(changed, "ConvTranspose", wider);
}

function applied(
  { graph, input, settings, weight, bias }: Convolution,
  operator: "Conv" | "ConvTranspose",
  tensor = input.first,
): Tensor {
  const tensors = bias === undefined ? [weight] : [weight, bias];
  return graph.applyWith(convolutionAttributes(settings), operator, tensor, ...tensors);
}

/**
 * Writes nodes that append a row of zeros to the kernel if onnxruntime-web would otherwise compute the convolution wrongly; else
 * returns the convolution unchanged.
 */
function lengthened(given: Convolution): Convolution {
  const { graph, input, settings, output, weight } = given;
  const { kernel, padding, dilation, groups } = settings;
  // onnxruntime fuses a Pad and a Conv into one Conv.
  const unpadded = graph.unpaddedShape(input.first)?.slice(2);
  const isPadded = unpadded !== undefined || padding.some((pixels) => pixels > 0);
  const isAsLong = kernel.every((length, axis) => length === (unpadded ?? input.shape)[axis]);
  if (!isPadded || !isAsLong) return given;
  // Not by a Pad, which onnxruntime would mistake for padding of the input.
  const row = graph.zeros([output.at(-1)!, input.shape.at(-1)! / groups, 1, ...kernel.slice(1)]);
  return {
    ...given,
    weight: graph.applyWith({ axis: { integer: 2 } }, "Concat", weight, row),
    settings: {
      ...settings,
      kernel: kernel.map((length, axis) => (axis === 0 ? length + 1 : length)),
      padding: padding.map((pixels, side) => (side === kernel.length ? pixels + dilation[0]! : pixels)),
    },
  };
}

/**
 * Writes nodes that pad each group to a multiple of four output channels for the operator, and drop the added channels of its
 * result.
 */
function widened(given: Convolution, operator: "Conv" | "ConvTranspose", tensor?: Tensor): Tensor {
  const { graph, input, settings, output, weight, bias } = given;
  const { groups, kernel } = settings;
  const [from, to] = [input.shape.at(-1)!, output.at(-1)!];
  const each = to / groups;
  const zeros = 4 - (each % 4);
  const rest = [from / groups, ...kernel];
  const wide =
    operator === "ConvTranspose"
      ? graph.padded(weight, 2 + kernel.length, 1, [zeros])
      : graph.reshape(
          graph.padded(graph.reshape(weight, [groups, each, ...rest]), 3 + kernel.length, 1, [zeros]),
          [groups * (each + zeros), ...rest],
        );
  const { bias: _, ...plain } = given;
  const made = applied({ ...plain, weight: wide }, operator, tensor);
  const pixels = output.slice(0, -1);
  const grouped = graph.reshape(made, [input.batch, groups, each + zeros, ...pixels]);
  const kept = graph.reshape(graph.slice(grouped, 2, 0, each), [input.batch, to, ...pixels]);
  return bias === undefined
    ? kept
    : graph.apply("Add", kept, graph.reshape(bias, [to, ...pixels.map(() => 1)]));
}
