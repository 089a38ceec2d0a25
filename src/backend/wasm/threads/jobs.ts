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

/** Work of a call in a form that threads can share: data in, results out. */
export interface Job<Kind extends CallKind = CallKind> {
  readonly handle: DecoderHandle;
  readonly sampleCount: number;
  /** Description that a worker gets before its samples. */
  readonly description: CallDescription<Kind>;
  /** Copy of the decoder's J₀ᵀ, d × n, for workers; undefined if the job does not use it, or it has not been made. */
  readonly jacobian?: () => Float32Array<ArrayBuffer> | undefined;
  /** Returns the data of samples, in buffers that can be transferred. */
  data(range: SampleRange): CallData<Kind>;
  /**
   * Copies a worker's results into the solution; after an abort also those of unfinished samples.
   *
   * @param samples which ones the values are of; -1 for one that is not to be taken
   */
  place(samples: readonly number[], values: Results<Kind>["values"]): void;
  /** Works on samples on this thread until the feed gives none and all taken have ended. */
  workHere(control: Control, feed: Feed): Promise<void>;
  /** Registers `onEnd`, called when a sample has ended, on this thread or in a worker. */
  watch(onEnd: (sample: number) => void): void;
}

/**
 * Makes the job of a solve; returns the reason if workers cannot do it.
 *
 * @param jacobian as in `Job`
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
      fixed: copyFixed(decoder, fixed, first, first + count),
      z0: solution.z.slice(first * d, (first + count) * d),
    }),
    place: (samples, values) => solution.copyIn(samples, values),
    workHere: (control, feed) => solveSamples(packed, task, control, feed),
    watch(onEnd) {
      solution.onEnd = onEnd;
    },
  };
}

/** Copies the fixed inputs of samples into buffers that can be transferred. */
function copyFixed(
  decoder: Decoder,
  fixed: FixedValues,
  first: number,
  end: number,
): Float32Array<ArrayBuffer>[] {
  return cutFixed(decoder, fixed, first, end).map((values) => Float32Array.from(values));
}

/** Makes the job of a decode. */
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
      fixed: copyFixed(decoder, fixed, first, first + count),
    }),
    workHere: (control, feed) => decodeRows(packed, decoding, control, feed, ended),
    ...rows,
  };
}

/** Makes the job that computes J₀ᵀ: each latent counts as a sample, whose result is a row. */
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
 * Makes the members of a job whose results are rows of n numbers, one for each sample.
 *
 * @param write takes over a row that a worker has computed
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
    /** Reports the end of samples computed on this thread. */
    ended({ first, count }: SampleRange): void {
      for (let sample = first; sample < first + count; sample++) onEnd(sample);
    },
    watch(watcher: (sample: number) => void): void {
      onEnd = watcher;
    },
  };
}
