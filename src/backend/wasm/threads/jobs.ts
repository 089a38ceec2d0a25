import { attached } from "../../../base/realms.ts";
import type { Decoder } from "../../../decoder/decoder.ts";
import { cutFixed, type FixedValues } from "../../../decoder/fixed.ts";
import type { Control } from "../../../solver/base.ts";
import type { Solution } from "../../../solver/solution.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Task } from "../../backend.ts";
import type { Feed, SampleRange } from "../../feed.ts";
import { type Decoding, decodeRows } from "../decode.ts";
import type { JacobianRows } from "../jacobian-rows.ts";
import type { PackedDecoder } from "../packed.ts";
import { solveSamples } from "../solve.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import type { CallData, CallDescription, CallKind, Results } from "./messages.ts";

/** Reason why a call with a custom loss stays on one thread. */
export const WHY_NOT_CUSTOM_LOSS =
  "the functions of a customLoss cannot be sent to workers; a loss of latentflow's own can";

/** Work of a call in a form that can be divided among threads: data of samples in, results of samples out. */
export interface Job<Kind extends CallKind = CallKind> {
  readonly handle: DecoderHandle;
  /** Number of samples of the call, which are divided among the threads. */
  readonly sampleCount: number;
  /** Description that a worker receives before its samples. */
  readonly description: CallDescription<Kind>;
  /**
   * Returns a copy of J₀ᵀ, the transposed Jacobian at the decoder's start latent, [latentSize, outputSize], for workers;
   * undefined if it has not been made. Absent if the job does not use it.
   */
  readonly jacobian?: () => Float32Array<ArrayBuffer> | undefined;
  /** Returns the data of a range of samples, in buffers that can be transferred. */
  data(range: SampleRange): CallData<Kind>;
  /**
   * Copies a worker's results into the call's solution; after an abort the states of unfinished samples too.
   *
   * @param samples index of the sample of each result; -1 for a result to ignore
   */
  place(samples: readonly number[], values: Results<Kind>["values"]): void;
  /**
   * Works on samples on this thread until `feed` has none left and all samples taken from it have finished, or the call is
   * aborted.
   */
  workHere(control: Control, feed: Feed): Promise<void>;
  /**
   * Registers `onEnd`, which is called on this thread with each finished sample: one solved here, or one whose results have
   * come from a worker.
   */
  watch(onEnd: (sample: number) => void): void;
}

/**
 * Makes the job of a solve; returns the reason if workers cannot do it.
 *
 * @param jacobian returns a copy of J₀ᵀ, the transposed Jacobian at the decoder's start latent, [latentSize, outputSize], for
 * workers
 */
export function solveJob(
  handle: DecoderHandle,
  packed: PackedDecoder,
  task: Task,
  solution: Solution,
  jacobian?: Job["jacobian"],
): Job<"solve"> | string {
  const { problem, pair } = task;
  const { decoder, loss, targets, weights: given, fixed, ...shared } = problem;
  const weights = given && attached("weights", given);
  const { latentSize: d, outputSize: n } = decoder;
  if (isCustom(loss)) return WHY_NOT_CUSTOM_LOSS;
  const { name, reduction } = loss;
  const sharedWeights = weights?.length === n ? weights.slice() : undefined;
  const ownWeights = sharedWeights ? undefined : weights;
  return {
    handle,
    sampleCount: problem.sampleCount,
    ...(jacobian && { jacobian }),
    description: {
      kind: "solve",
      pair,
      problem: { ...shared, loss: { name, reduction } },
      sharedWeights,
      saveAt: solution.recording?.saveAt,
      hasOwnWeights: ownWeights !== undefined,
    },
    data: ({ first, count }) => ({
      targets: attached("y", targets).slice(first * n, (first + count) * n),
      weights: ownWeights && attached("weights", ownWeights).slice(first * n, (first + count) * n),
      fixed: copyFixed(decoder, fixed, { first, count }),
      z0: solution.z.slice(first * d, (first + count) * d),
    }),
    place: (samples, values) => solution.copyIn(samples, values),
    workHere: (control, feed) => solveSamples(packed, task, control, feed),
    watch(onEnd) {
      solution.onEnd = onEnd;
    },
  };
}

/** Copies the fixed inputs of a range of samples into buffers that can be transferred. */
function copyFixed(decoder: Decoder, fixed: FixedValues, { first, count }: SampleRange) {
  return cutFixed(decoder, fixed, first, first + count).map((values) => Float32Array.from(values));
}

/** Makes the job of decoding latents, which can be divided among threads. */
export function decodeJob(handle: DecoderHandle, packed: PackedDecoder, decoding: Decoding): Job<"decode"> {
  const { decoder } = handle;
  const { latentSize: d, outputSize: n } = decoder;
  const { z, fixed, outputs, toLogits } = decoding;
  const { ended, ...rows } = rowsOf(n, (sample, values) => outputs.set(values, sample * n));
  return {
    handle,
    sampleCount: z.length / d,
    description: { kind: "decode", toLogits },
    data: ({ first, count }) => ({
      z: attached("z", z).slice(first * d, (first + count) * d),
      fixed: copyFixed(decoder, fixed, { first, count }),
    }),
    workHere: (control, feed) => decodeRows(packed, decoding, control, feed, ended),
    ...rows,
  };
}

/**
 * Makes the job of computing J₀ᵀ, the transposed Jacobian at the decoder's start latent: each latent counts as a sample, whose
 * result is a row of n numbers, one for each output.
 */
export function jacobianJob(handle: DecoderHandle, rows: JacobianRows): Job<"jacobian"> {
  const { latentSize, outputSize: n } = handle.decoder;
  const { ended, ...placed } = rowsOf(n, (row, values) => rows.write(row, values));
  return {
    handle,
    sampleCount: latentSize,
    description: { kind: "jacobian" },
    data: () => undefined,
    workHere: (control, feed) => rows.compute(feed, control, ended),
    ...placed,
  };
}

/**
 * Makes the methods `place` and `watch` of a job whose results are rows of n numbers, one row per sample, and `ended`, which
 * reports finished samples to the watcher.
 *
 * @param write stores a row that a worker has computed
 */
function rowsOf(n: number, write: (sample: number, values: Float32Array) => void) {
  let onEnd = (_sample: number) => {};
  return {
    place(samples: readonly number[], values: Float32Array): void {
      samples.forEach((sample, i) => {
        if (sample < 0) return;
        write(sample, values.subarray(i * n, (i + 1) * n));
        onEnd(sample);
      });
    },
    /** Reports samples computed on this thread as finished. */
    ended({ first, count }: SampleRange): void {
      for (let sample = first; sample < first + count; sample++) onEnd(sample);
    },
    watch(watcher: (sample: number) => void): void {
      onEnd = watcher;
    },
  };
}
