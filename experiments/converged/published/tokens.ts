import { add, constant, dense, graph, layerNorm, permute, reshape } from "../../../src/graph/index.ts";
import type { Decoder, GraphDefinition } from "../../../src/index.ts";
import { faninWeights, fill } from "../weights.ts";
import { feedForward, residual, selfAttention } from "./blocks.ts";

/** He et al. 2022, the decoder of a masked autoencoder: embedding, fixed positions, pre-norm blocks, norm, pixels of each patch. */
export function maeDecoder(): GraphDefinition {
  const [tokens, channels] = [6, 16];
  const norm = () => layerNorm({ epsilon: 1e-6 });
  return graph(({ latent }) => {
    let x = dense(channels)(reshape([tokens, 8])(latent(tokens * 8)));
    x = add()(x, constant([tokens, channels])());
    for (let block = 0; block < 2; block++) {
      x = residual(x, (h) => selfAttention(norm()(h), tokens, channels, 4));
      x = residual(x, (h) => feedForward(norm()(h), 4 * channels, channels));
    }
    return dense(24)(norm()(x));
  });
}

/** Tolstikhin et al. 2021: dense layers over tokens and over channels in turns, from one latent. */
export function mlpMixer(): GraphDefinition {
  const [tokens, channels] = [6, 16];
  return graph(({ latent }) => {
    let x = reshape([tokens, channels])(dense(tokens * channels)(latent(24)));
    for (let block = 0; block < 2; block++) {
      x = residual(x, (h) => permute([1, 0])(feedForward(permute([1, 0])(layerNorm()(h)), 16, tokens)));
      x = residual(x, (h) => feedForward(layerNorm()(h), 32, channels));
    }
    return dense(24)(layerNorm()(x));
  });
}

/** Xavier's weights, biases of 0, and sines and cosines as positions. */
export function tokenWeights(decoder: Decoder, draw: () => number): void {
  faninWeights(1)(decoder, draw);
  for (const operation of decoder.operations) {
    if (operation.kind !== "constant") continue;
    const channels = operation.shape.at(-1)!;
    fill(operation.weight, (i) => {
      const [token, channel] = [Math.floor(i / channels), i % channels];
      const angle = token / 10_000 ** ((2 * (channel % (channels / 2))) / channels);
      return channel < channels / 2 ? Math.sin(angle) : Math.cos(angle);
    });
  }
}
