import { LayeredDecoder } from "../../src/decoder/decoder.ts";
import type { Decoder } from "../../src/index.ts";

/**
 * The same function, computed by a larger decoder: each hidden unit is there `width` times, and what comes from it is
 * divided by that. So decoders of all widths have the same flow to follow, and the same losses to reach.
 */
export function widen(decoder: Decoder, width: number): Decoder {
  const last = decoder.layers.length - 1;
  const wide = new LayeredDecoder({
    layers: decoder.layers.map(({ name, inputSize, outputSize, activation }, i) => ({
      ...{ name, activation },
      inputSize: i === 0 ? inputSize : width * inputSize,
      outputSize: i === last ? outputSize : width * outputSize,
    })),
    outputShape: decoder.outputShape,
    loss: decoder.loss,
  });
  decoder.layers.forEach(({ inputSize, outputSize, weight, bias }, i) => {
    const layer = wide.layers[i]!;
    const copies = layer.inputSize / inputSize;
    for (let o = 0; o < layer.outputSize; o++) {
      const from = o % outputSize;
      layer.bias[o] = bias[from]!;
      for (let k = 0; k < layer.inputSize; k++) {
        layer.weight[o * layer.inputSize + k] = weight[from * inputSize + (k % inputSize)]! / copies;
      }
    }
  });
  return wide;
}
