import { GraphDecoder } from "../../src/decoder/decoder.ts";
import { graphOfLayers, layersOf } from "../../src/graph/layers.ts";
import type { Decoder } from "../../src/index.ts";

/**
 * The same function, computed by a larger decoder: each hidden unit is there `width` times, and what comes from it is
 * divided by that. So decoders of all widths have the same flow to follow, and the same losses to reach.
 */
export function widen(decoder: Decoder, width: number): Decoder {
  const layers = layersOf(decoder);
  const graph = graphOfLayers(
    layers.map(({ name, inputSize, outputSize, activation }, i) => ({
      name,
      activation,
      inputSize: i === 0 ? inputSize : width * inputSize,
      outputSize: i === layers.length - 1 ? outputSize : width * outputSize,
    })),
    decoder.outputShape,
  );
  const wide = new GraphDecoder({ ...graph, loss: decoder.loss });
  const wideLayers = layersOf(wide);
  layers.forEach(({ inputSize, outputSize, weight, bias }, i) => {
    const layer = wideLayers[i]!;
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
