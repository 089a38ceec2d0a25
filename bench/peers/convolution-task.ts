import {
  activation,
  convTranspose,
  dense,
  type GraphDefinition,
  reshape,
  sequential,
  sigmoid,
} from "../../src/graph/index.ts";
import { createDecoder, decode, type Operation } from "../../src/index.ts";
import { createRandom } from "../../src/random.ts";
import { oneThread } from "./latentflow.ts";
import type { Task } from "./peer.ts";

/** What is between the layers. */
export type Between = "elu" | "relu";

/** What all are given: a decoder as DCGAN's, and data for it. The loss is the mean of (D(z) - y)². */
export interface ConvolutionTask extends Task {
  readonly between: Between;
  readonly dense: Operation<"dense">;
  readonly convolutions: readonly Operation<"convTranspose">[];
  /** What the first convolution reads: [height, width, channels]. */
  readonly start: readonly [height: number, width: number, channels: number];
}

const LATENT_SIZE = 100;

/** 100 → 4×4×256 → 8×8×128 → 16×16×64 → 32×32×3 */
function dcgan(between: Between): GraphDefinition {
  const up = (channels: number) => convTranspose({ channels, kernel: 4, stride: 2, padding: 1 });
  const f = () => activation(between);
  return sequential(LATENT_SIZE, [
    ...[dense(4 * 4 * 256), reshape([4, 4, 256]), f()],
    ...[up(128), f(), up(64), f(), up(3), sigmoid()],
  ]);
}

/** Of PyTorch's initialisation: as it is, outputs hardly depend on z, and there is little to encode. */
const GAIN = 3;

/** A decoder with random parameters, and data that it can nearly reach: its outputs, with a tenth of noise. */
export async function convolutionTask(between: Between, rows: number): Promise<ConvolutionTask> {
  const decoder = createDecoder(dcgan(between), { seed: 1, loss: "mse" });
  decoder.parameters.forEach((value, i, parameters) => {
    parameters[i] = GAIN * value;
  });
  const random = createRandom(2);
  const { operations, latentSize } = decoder;
  const layer = operations.find((operation) => operation.kind === "dense")!;
  const latents = (range: number) =>
    Float32Array.from({ length: rows * latentSize }, () => range * (2 * random.uniform() - 1));
  const outputs = await decode(decoder, latents(1), { backend: oneThread() });
  return {
    ...{ between, decoder, dense: layer, start: [4, 4, 256] },
    convolutions: operations.filter((operation) => operation.kind === "convTranspose"),
    y: outputs.map((value) => Math.min(1, Math.max(0, value + 0.1 * (random.uniform() - 0.5)))),
    z: latents(2),
  };
}

/** Rows of [height, width, channels] as rows of [channels, height, width], of `beside` numbers each. */
export function channelsFirst(
  values: Float32Array,
  pixels: number,
  channels: number,
  beside = 1,
): Float32Array {
  const result = new Float32Array(values.length);
  const size = pixels * channels * beside;
  for (let first = 0; first < values.length; first += size) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        const from = first + (pixel * channels + channel) * beside;
        result.set(values.subarray(from, from + beside), first + (channel * pixels + pixel) * beside);
      }
    }
  }
  return result;
}
