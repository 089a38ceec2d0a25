import {
  activation,
  convTranspose,
  dense,
  type GraphDefinition,
  reshape,
  sequential,
  sigmoid,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder, type Operation } from "../../src/index.ts";
import { createRandom } from "../../src/random.ts";
import type { GradientRun } from "./peer.ts";

/** What is between the layers. */
export type Between = "elu" | "relu";

/** What all are given: a decoder as DCGAN's, and data for it. The loss is the mean of (D(z) - y)². */
export interface ConvolutionTask {
  readonly between: Between;
  readonly decoder: Decoder;
  readonly dense: Operation<"dense">;
  readonly convolutions: readonly Operation<"convTranspose">[];
  /** What the first convolution reads: [height, width, channels]. */
  readonly start: readonly [height: number, width: number, channels: number];
  /** Rows of [height, width, channels], in [0, 1]. */
  readonly y: Float32Array;
  readonly z: Float32Array;
}

/** Something a user could compute the same with, on one thread. */
export interface ConvolutionPeer {
  readonly name: string;
  readonly about: string;
  /** The z-gradients of the task's first so many rows, from z in the caller's array to the gradient there. */
  gradient(rows: number): Promise<GradientRun>;
  dispose(): void;
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

/** A decoder with random parameters, and random data: how long it takes does not depend on what the numbers are. */
export function convolutionTask(between: Between, rows: number): ConvolutionTask {
  const decoder = createDecoder(dcgan(between), { seed: 1, loss: "mse" });
  const random = createRandom(2);
  const { operations, outputSize, latentSize } = decoder;
  const layer = operations.find((operation) => operation.kind === "dense")!;
  return {
    ...{ between, decoder, dense: layer, start: [4, 4, 256] },
    convolutions: operations.filter((operation) => operation.kind === "convTranspose"),
    y: Float32Array.from({ length: rows * outputSize }, () => random.uniform()),
    z: Float32Array.from({ length: rows * latentSize }, () => 4 * random.uniform() - 2),
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
