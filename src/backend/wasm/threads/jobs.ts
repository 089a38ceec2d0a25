import { attached } from "../../../brand.ts";
import { showName } from "../../../check.ts";
import type { Decoder } from "../../../decoder/decoder.ts";
import { cutFixed, type FixedValues } from "../../../decoder/fixed.ts";
import { serialize } from "../../../serialize.ts";
import type { Control } from "../../../solver/base.ts";
import type { Solution, SolutionPart } from "../../../solver/solution.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Task } from "../../backend.ts";
import type { Feed, SampleRange } from "../../feed.ts";
import { samplesOf, solveOn } from "../../solve.ts";
import type { Decoding } from "../decode.ts";
import type { WasmEngine } from "../engine.ts";
import type { JacobianRows } from "../jacobian-rows.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import type { CallData, CallDescription, Results } from "./messages.ts";

/** Why a call with such a loss stays on one thread. */
export const WHY_NOT_CUSTOM_LOSS =
  "the functions of a customLoss cannot be sent to workers; a loss of latentflow's own can";

/** What a call does with its samples, in a form that several threads can do: data in, data out. */
export interface Job {
  readonly handle: DecoderHandle;
  readonly sampleCount: number;
  /** What a worker has to know before it gets samples. */
  readonly description: CallDescription;
  /** A copy of the decoder's J₀ᵀ, d × n, where workers are to have that too, and it has been made. */
  readonly jacobian?: () => Float32Array<ArrayBuffer> | undefined;
  /** What it has to know of samples, in buffers of their own. */
  data(range: SampleRange): CallData;
  /**
   * Takes over what a worker has found; after an abort also of samples that have not ended.
   *
   * @param samples which ones the values are of; -1 for one that is not to be taken
   */
  place(samples: readonly number[], values: Results["values"]): void;
  /** What this thread does with the samples it takes, until it can take no more and those have ended. */
  workHere(control: Control, feed: Feed): Promise<void>;
  /** Has `onEnd` called when a sample has ended, here or in a worker. */
  watch(onEnd: (sample: number) => void): void;
}

/**
 * A solve as a job; or why workers cannot do it.
 *
 * @param jacobian as in `Job`
 */
export function solveJob(
  handle: DecoderHandle,
  engine: WasmEngine,
  task: Task,
  solution: Solution,
  jacobian?: Job["jacobian"],
): Job | string {
  const { problem, pair, isFused } = task;
  const { decoder, loss, prior, sampleCount, targets, fixed, batchSize } = problem;
  const weights = problem.weights && attached("weights", problem.weights);
  const { latentSize: d, outputSize: n } = decoder;
  const solver = serialize(pair.solver);
  const flow = serialize(pair.flow);
  if (isCustom(loss)) return WHY_NOT_CUSTOM_LOSS;
  if (!solver) return notOurs("solver", pair.solver);
  if (!flow) return notOurs("flow", pair.flow);
  const { name, reduction } = loss;
  const sharedWeights = weights?.length === n ? weights.slice() : undefined;
  const ownWeights = sharedWeights ? undefined : weights;
  return {
    ...{ handle, sampleCount, ...(jacobian && { jacobian }) },
    description: {
      kind: "solve",
      ...{ solver, flow, sampleCount, batchSize, sharedWeights, isFused },
      ...{ loss: { name, reduction }, prior },
      saveAt: solution.recording?.saveAt,
      hasOwnWeights: ownWeights !== undefined,
    },
    data: ({ first, count }) => ({
      targets: attached("y", targets).slice(first * n, (first + count) * n),
      weights: ownWeights && attached("weights", ownWeights).slice(first * n, (first + count) * n),
      fixed: copyFixed(decoder, fixed, first, first + count),
      z0: solution.z.slice(first * d, (first + count) * d),
    }),
    place: (samples, values) => solution.copyIn(samples, values as SolutionPart),
    workHere: (control, feed) => solveOn(engine, task, control, samplesOf(problem, solution, feed)),
    watch(onEnd) {
      solution.onEnd = onEnd;
    },
  };
}

/** In buffers of their own, which are sent away: also what is given for all. */
function copyFixed(
  decoder: Decoder,
  fixed: FixedValues,
  first: number,
  end: number,
): Float32Array<ArrayBuffer>[] {
  return cutFixed(decoder, fixed, first, end).map((values) => Float32Array.from(values));
}

function notOurs(kind: string, value: { readonly name: string }): string {
  const name = showName(value.name);
  return (
    `the ${kind} ${name} is not latentflow's own, or another copy's, and cannot be sent to workers; give what ` +
    `${name}() returns, as it is; a program that both imports and requires the package has two copies`
  );
}

/** A decoding as a job. */
export function decodeJob(handle: DecoderHandle, engine: WasmEngine, decoding: Decoding): Job {
  const { latentSize } = handle.decoder;
  const { z, fixed, outputs, toLogits } = decoding;
  const sampleCount = z.length / latentSize;
  const n = outputs.length / sampleCount;
  let onEnd = (_sample: number) => {};
  return {
    ...{ handle, sampleCount },
    description: { kind: "decode", toLogits },
    data: ({ first, count }) => ({
      z: attached("z", z).slice(first * latentSize, (first + count) * latentSize),
      fixed: copyFixed(handle.decoder, fixed, first, first + count),
    }),
    place(samples, values) {
      samples.forEach((sample, i) => {
        if (sample < 0) return;
        outputs.set((values as Float32Array).subarray(i * n, (i + 1) * n), sample * n);
        onEnd(sample);
      });
    },
    async workHere(control, feed) {
      // A range has ended when the next one is asked for.
      let range: SampleRange | undefined;
      const endRange = () => {
        for (let i = 0; range && i < range.count; i++) onEnd(range.first + i);
        range = undefined;
      };
      const watched: Feed = {
        get hasMore() {
          return feed.hasMore;
        },
        take(most) {
          endRange();
          range = feed.take(most);
          return range;
        },
      };
      await engine.decode(decoding, control, watched);
      endRange();
    },
    watch(watcher) {
      onEnd = watcher;
    },
  };
}

/** The rows of J₀ᵀ as a job, each latent a sample. */
export function jacobianJob(handle: DecoderHandle, rows: JacobianRows): Job {
  const { latentSize, outputSize: n } = handle.decoder;
  let onEnd = (_sample: number) => {};
  return {
    ...{ handle, sampleCount: latentSize },
    description: { kind: "jacobian" },
    data: () => undefined,
    place(samples, values) {
      samples.forEach((sample, i) => {
        if (sample < 0) return;
        rows.write(sample, (values as Float32Array).subarray(i * n, (i + 1) * n));
        onEnd(sample);
      });
    },
    workHere: (control, feed) =>
      rows.compute(feed, control, ({ first, count }) => {
        for (let i = 0; i < count; i++) onEnd(first + i);
      }),
    watch(watcher) {
      onEnd = watcher;
    },
  };
}
