import { binaryCrossEntropy, createDecoder } from "../../src/index.ts";
import { rmsprop, train } from "../../src/train/index.ts";
import { AMD_IN_TRAINING } from "../../src/train/options.ts";
import { mean } from "../measure.ts";
import { oneThread } from "./latentflow.ts";
import type { Task } from "./peer.ts";
import type { Torch } from "./pytorch.ts";
import { inTurns, medianOf, ratioOf, type Timed } from "./rounds.ts";

export const MINI_BATCHES = [5, 32];

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

/** Training from the same parameters on one thread: RMSprop, the approximate adjoint, AMD to its own end. */
export async function measureTraining(
  { decoder: { outputSize, outputShape }, y }: Task,
  torch: Torch | undefined,
  images: number,
  rounds: number,
): Promise<TrainingFigure[]> {
  const data = y.slice(0, images * outputSize);
  const figures: TrainingFigure[] = [];
  for (const miniBatch of MINI_BATCHES) {
    const untrained = () =>
      createDecoder({
        layers: [20, 150, 300, 600, outputSize],
        loss: binaryCrossEntropy(),
        outputShape,
        seed: 1,
      });
    const losses = { ours: Number.NaN, theirs: Number.NaN };
    const ours: Timed = {
      name: "ours",
      async time() {
        const decoder = untrained();
        const start = performance.now();
        const result = await train(decoder, data, {
          ...{ optimizer: rmsprop(), solver: AMD_IN_TRAINING, batchSize: miniBatch, backend: oneThread() },
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
              const { seconds, losses: all } = await torch.train(
                untrained(),
                miniBatch,
                images,
                AMD_IN_TRAINING.stepMax,
              );
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
      ...{ miniBatch, images, imagesPerSecond: images / medianOf(times, "ours") },
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
