import type { Operation } from "../../src/index.ts";
import { type Between, dcganDecoder, reachableData } from "../dcgan.ts";
import { oneThread } from "./latentflow.ts";
import type { Task } from "./peer.ts";

/** What all are given: a decoder as DCGAN's, and data for it. The loss is the mean of (D(z) - y)². */
export interface ConvolutionTask extends Task {
  readonly between: Between;
  readonly dense: Operation<"dense">;
  readonly convolutions: readonly Operation<"convTranspose">[];
  /** What the first convolution reads: [height, width, channels]. */
  readonly start: readonly [height: number, width: number, channels: number];
}

export async function convolutionTask(between: Between, rows: number): Promise<ConvolutionTask> {
  const decoder = dcganDecoder(between);
  const { operations } = decoder;
  return {
    between,
    decoder,
    start: [4, 4, 256],
    dense: operations.find((operation) => operation.kind === "dense")!,
    convolutions: operations.filter((operation) => operation.kind === "convTranspose"),
    ...(await reachableData(decoder, rows, oneThread())),
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
