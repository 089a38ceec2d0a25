import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, createDecoder, type Decoder } from "../../src/index.ts";

/** A decoder of one latent and two outputs whose only hidden unit is off, so that D(z) is constant about z = 0. */
export function deadDecoder(): Decoder {
  const dead = createDecoder({
    layers: [1, 1, 2],
    activation: "relu",
    outputActivation: "sigmoid",
    loss: binaryCrossEntropy(),
  });
  layersOf(dead)[0]!.weight.fill(0);
  layersOf(dead)[0]!.bias.fill(-1);
  return dead;
}
