import { convolvedLengths, transposedLengths } from "../../../graph/convolution.ts";
import { firstOrder } from "../../../onnx-format/axis-order.ts";
import { convolution, transposedConvolution } from "../convolve.ts";
import type { Task, Written } from "../task.ts";

// The gradient of a convolution is the transposed convolution by the same weight, and the other way round.

export function writeConv({ graph, operation: settings, inputs, parameter }: Task<"conv">): Written {
  const input = inputs[0]!;
  const order = firstOrder(input.rank);
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const output = settings.shape;
  return {
    output: { tensor: convolution({ graph, input, settings, output, weight, bias }), order },
    backward: [
      (gradient) => {
        // Pixels behind those that the kernel reaches have a gradient of 0.
        const none = settings.kernel.map(() => 0);
        const reached = transposedLengths({ ...settings, outputPadding: none }, output);
        const beyond = reached.map((length, axis) => input.shape[axis]! - length);
        const given = { graph, input: gradient, settings, output: input.shape, weight };
        return { tensor: transposedConvolution(given, beyond), order };
      },
    ],
  };
}

export function writeConvTranspose(task: Task<"convTranspose">): Written {
  const { graph, operation: settings, inputs, parameter } = task;
  const input = inputs[0]!;
  const order = firstOrder(input.rank);
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const given = { graph, input, settings, output: settings.shape, weight, bias };
  return {
    output: { tensor: transposedConvolution(given, settings.outputPadding), order },
    backward: [
      (gradient) => {
        // Of an output padding beyond the stride a convolution makes pixels that the input does not have.
        const lengths = convolvedLengths(settings, settings.shape);
        const output = [...lengths, input.shape.at(-1)!];
        const whole = convolution({ graph, input: gradient, settings, output, weight });
        const tensor = lengths.reduce((rest, length, axis) => {
          const own = input.shape[axis]!;
          return length === own ? rest : graph.slice(rest, 2 + axis, 0, own);
        }, whole);
        return { tensor, order };
      },
    ],
  };
}
