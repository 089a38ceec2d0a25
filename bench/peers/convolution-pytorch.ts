import { type ConvolutionTask, channelsFirst } from "./convolution-task.ts";
import { startTorch, type Torch } from "./pytorch.ts";

/**
 * The DCGAN in PyTorch. Training starts from the parameters that it has.
 *
 * @param channelsLast how channels lie in memory; last is the faster one where PyTorch's kernels have it
 */
export function torchConvolutions(
  python: string,
  task: ConvolutionTask,
  channelsLast: boolean,
): Promise<Torch> {
  const { between, decoder, dense, convolutions, start, y, z } = task;
  const [height, width, channels] = start;
  const [outputHeight, outputWidth, outputChannels] = decoder.outputShape as [number, number, number];
  const d = decoder.latentSize;
  const tensors = [
    channelsFirst(dense.weight, height * width, channels, d),
    channelsFirst(dense.bias, height * width, channels),
    ...convolutions.flatMap(({ weight, bias }) => [weight, bias]),
  ];
  const parameters = new Float32Array(tensors.reduce((sum, { length }) => sum + length, 0));
  tensors.reduce((at, values) => {
    parameters.set(values, at);
    return at + values.length;
  }, 0);
  return startTorch(python, {
    decoder: "dcgan",
    settings: { start: [channels, height, width], function: between },
    shapes: [
      [[dense.bias.length, d], [dense.bias.length]],
      ...convolutions.map(({ weight, bias, kernel }): [number[], number[]] => [
        [weight.length / (bias.length * kernel[0]! * kernel[1]!), bias.length, ...kernel],
        [bias.length],
      ]),
    ],
    parameters,
    untrained: () => parameters,
    z,
    channelsLast,
    y: channelsFirst(y, outputHeight * outputWidth, outputChannels),
    output: [outputChannels, outputHeight, outputWidth],
  });
}
