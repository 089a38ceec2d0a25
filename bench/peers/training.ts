import type { Decoder } from "../../src/index.ts";
import { AMD_IN_TRAINING } from "../../src/train/check-options.ts";
import { rmsprop, train } from "../../src/train/index.ts";
import { mean } from "../timing.ts";
import { oneThread } from "./latentflow.ts";
import type { Torch } from "./pytorch.ts";
import { inTurns, medianOf, ratioOf, type Timed } from "./rounds.ts";

/**
 * The two take the samples in another order and round differently, so their losses differ; by more than this share,
 * as a mean over the second half of the run, they would not do the same.
 */
const TOLERANCE = 0.1;

export interface TrainingFigure {
  readonly miniBatch: number;
  readonly images: number;
  readonly imagesPerSecond: number;
  /** Undefined where there is no PyTorch. */
  readonly peer:
    | { readonly imagesPerSecond: number /** Our images a second divided by its. */; readonly ratio: number }
    | undefined;
}

/** What is trained. */
export interface TrainingTask {
  /** A new decoder that training starts from, to be disposed. */
  readonly untrained: () => Decoder;
  readonly y: Float32Array;
  readonly miniBatches: readonly number[];
}

/** Training from the same parameters on one thread: RMSprop, the approximate adjoint, AMD to its own end. */
export async function measureTraining(
  { untrained, y, miniBatches }: TrainingTask,
  torch: Pick<Torch, "train"> | undefined,
  images: number,
  rounds: number,
): Promise<TrainingFigure[]> {
  const figures: TrainingFigure[] = [];
  for (const miniBatch of miniBatches) {
    const losses = { ours: Number.NaN, theirs: Number.NaN };
    const ours: Timed = {
      name: "ours",
      async time() {
        const decoder = untrained();
        const data = y.slice(0, images * decoder.outputSize);
        const start = performance.now();
        const result = await train(decoder, data, {
          optimizer: rmsprop(),
          solver: AMD_IN_TRAINING,
          batchSize: miniBatch,
          backend: oneThread(),
        });
        const seconds = (performance.now() - start) / 1000;
        losses.ours = endLoss(result.history.map(({ loss }) => loss));
        decoder.dispose();
        result.decoder.dispose();
        return seconds;
      },
    };
    const theirs: Timed[] = torch
      ? [
          {
            name: "theirs",
            async time() {
              const { stepMax } = AMD_IN_TRAINING;
              const { seconds, losses: all } = await torch.train(miniBatch, images, stepMax);
              losses.theirs = endLoss(all);
              return seconds;
            },
          },
        ]
      : [];
    const times = await inTurns([ours, ...theirs], rounds);
    if (torch && !(Math.abs(losses.theirs / losses.ours - 1) <= TOLERANCE)) {
      throw new Error(
        `training at mini-batch ${miniBatch}: PyTorch's mean loss is ${losses.theirs}, latentflow's ${losses.ours}, expected the same within ${TOLERANCE}`,
      );
    }
    figures.push({
      miniBatch,
      images,
      imagesPerSecond: images / medianOf(times, "ours"),
      peer: torch && {
        imagesPerSecond: images / medianOf(times, "theirs"),
        ratio: ratioOf(times, "theirs", "ours"),
      },
    });
  }
  return figures;
}

function endLoss(losses: readonly number[]): number {
  return mean(losses.slice(losses.length >> 1));
}
