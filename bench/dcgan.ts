import { createRandom } from "../src/base/random.ts";
import {
  activation,
  convTranspose,
  dense,
  type GraphDefinition,
  reshape,
  sequential,
  sigmoid,
} from "../src/graph/index.ts";
import { type Backend, createDecoder, type Decoder, decode } from "../src/index.ts";

// A decoder as DCGAN's, and data for it. The loss is the mean of (D(z) - y)².

/** What is between the layers. */
export type Between = "elu" | "relu";

const LATENT_SIZE = 100;

/** 100 → 4×4×256 → 8×8×128 → 16×16×64 → 32×32×3 */
export function dcgan(between: Between): GraphDefinition {
  const up = (channels: number) => convTranspose({ channels, kernel: 4, stride: 2, padding: 1 });
  const f = () => activation(between);
  return sequential(LATENT_SIZE, [
    ...[dense(4 * 4 * 256), reshape([4, 4, 256]), f()],
    ...[up(128), f(), up(64), f(), up(3), sigmoid()],
  ]);
}

/** Of PyTorch's initialisation: as it is, outputs hardly depend on z, and there is little to encode. */
const GAIN = 3;

/** With random parameters. */
export function dcganDecoder(between: Between): Decoder {
  const decoder = createDecoder(dcgan(between), { seed: 1, loss: "mse" });
  decoder.parameters.forEach((value, i, parameters) => {
    parameters[i] = GAIN * value;
  });
  return decoder;
}

/** Data that a decoder can nearly reach: its outputs, with a tenth of noise; and other latents. */
export async function reachableData(
  decoder: Decoder,
  rows: number,
  backend: Backend,
): Promise<{ readonly y: Float32Array; readonly z: Float32Array }> {
  const random = createRandom(2);
  const latents = (range: number) =>
    Float32Array.from({ length: rows * decoder.latentSize }, () => range * (2 * random.uniform() - 1));
  const outputs = await decode(decoder, latents(1), { backend });
  return {
    y: outputs.map((value) => Math.min(1, Math.max(0, value + 0.1 * (random.uniform() - 0.5)))),
    z: latents(2),
  };
}
