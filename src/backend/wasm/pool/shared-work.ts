import { attached } from "../../../brand.ts";
import { showName } from "../../../check.ts";
import { recipeOf } from "../../../recipe.ts";
import type { Control } from "../../../solver/base.ts";
import type { SolutionPart } from "../../../solver/solution.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Task } from "../../backend.ts";
import type { SampleFeed, SampleRange } from "../../feed.ts";
import { solveOn } from "../../solve.ts";
import type { Decoding } from "../decode.ts";
import type { WasmEngine } from "../engine.ts";
import type { DecodeData, DecodeDescription, SolveData, SolveDescription } from "./messages.ts";

/** Why a call with such a loss is not shared. */
export const CUSTOM_LOSS =
  "the functions of a customLoss cannot be sent to workers; a loss of latentflow's own can";

/** Work on samples that can be shared among threads, as the thread sees it that shares it. */
export interface SharedWork {
  readonly sampleCount: number;
  /** What a worker has to know before it gets samples. */
  readonly description: SolveDescription | DecodeDescription;
  /** What it has to know of samples, in buffers of their own. */
  data(range: SampleRange): SolveData | DecodeData;
  /**
   * Takes over what a worker has found; after an abort also of samples that have not ended.
   *
   * @param samples which ones the results are of; -1 for one that is not to be taken
   */
  place(samples: readonly number[], results: SolutionPart | Float32Array): void;
  /** What this thread does with the samples it takes, until it can take no more and those have ended. */
  here(control: Control, feed: SampleFeed): Promise<void>;
  /** Has `onEnd` called when a sample has ended, here or in a worker. */
  watch(onEnd: (sample: number) => void): void;
}

/** A solve as shared work; or why it cannot be shared. */
export function sharedSolve(engine: WasmEngine, task: Task): SharedWork | string {
  const { problem, pair, solution, isFused } = task;
  const { decoder, loss, sampleCount, targets, batchSize } = problem;
  const weights = problem.weights && attached("weights", problem.weights);
  const { latentSize: d, outputSize: n } = decoder;
  const solver = recipeOf(pair.solver);
  const flow = recipeOf(pair.flow);
  if (isCustom(loss)) return CUSTOM_LOSS;
  if (!solver) return notOurs("solver", pair.solver);
  if (!flow) return notOurs("flow", pair.flow);
  const { name, reduction } = loss;
  const sharedWeights = weights?.length === n ? weights.slice() : undefined;
  const ownWeights = sharedWeights ? undefined : weights;
  return {
    sampleCount,
    description: {
      kind: "solve",
      ...{ solver, flow, sampleCount, batchSize, sharedWeights, isFused },
      loss: { name, reduction },
      saveAt: solution.recording?.saveAt,
      hasOwnWeights: ownWeights !== undefined,
    },
    data: ({ first, count }) => ({
      targets: attached("y", targets).slice(first * n, (first + count) * n),
      weights: ownWeights && attached("weights", ownWeights).slice(first * n, (first + count) * n),
      z0: solution.z.slice(first * d, (first + count) * d),
    }),
    place: (samples, results) => solution.copyIn(samples, results as SolutionPart),
    here: (control, feed) => solveOn(engine, task, control, feed),
    watch(onEnd) {
      solution.onEnd = onEnd;
    },
  };
}

function notOurs(kind: string, value: { readonly name: string }): string {
  const name = showName(value.name);
  return `the ${kind} ${name} is not latentflow's own and cannot be sent to workers; give what ${name}() returns, as it is`;
}

/** A decoding as shared work. */
export function sharedDecoding(engine: WasmEngine, decoding: Decoding, latentSize: number): SharedWork {
  const { z, outputs, toLogits } = decoding;
  const sampleCount = z.length / latentSize;
  const n = outputs.length / sampleCount;
  let onEnd = (_sample: number) => {};
  return {
    sampleCount,
    description: { kind: "decode", toLogits },
    data: ({ first, count }) => ({
      z: attached("z", z).slice(first * latentSize, (first + count) * latentSize),
    }),
    place(samples, results) {
      samples.forEach((sample, i) => {
        if (sample < 0) return;
        outputs.set((results as Float32Array).subarray(i * n, (i + 1) * n), sample * n);
        onEnd(sample);
      });
    },
    async here(control, feed) {
      let range: SampleRange | undefined;
      const endRange = () => {
        for (let i = 0; range && i < range.count; i++) onEnd(range.first + i);
        range = undefined;
      };
      const watched: SampleFeed = {
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
