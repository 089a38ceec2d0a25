import { createSampler } from "../src/data/sampler.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  type GradientFlow,
  type Solver,
} from "../src/index.ts";
import { type Dataset, evaluate, mnist } from "../src/train/index.ts";
import { AMD_IN_TRAINING } from "../src/train/options.ts";

/** What every experiment is given. */
export interface ExperimentSettings {
  readonly seed: number;
  /** The folder for its files. */
  readonly out: string;
}

export { AMD_IN_TRAINING as SOLVER };

/** The paper's decoder, untrained: 20 → 150 → 300 → 600 → 784, ELU. */
export function createPaperDecoder(seed: number): Decoder {
  return createDecoder({
    layers: [20, 150, 300, 600, 784],
    outputShape: [28, 28],
    loss: binaryCrossEntropy(),
    seed,
  });
}

/** `count` MNIST training digits chosen by the seed, and the 10,000 test digits. */
export async function chooseDigits(
  count: number,
  seed: number,
): Promise<{ train: Float32Array; test: Dataset }> {
  const { train, test } = await mnist();
  return { train: chooseRows(train, count, seed), test };
}

/** `count` samples of a data set, chosen by the seed. */
export function chooseRows(data: Dataset, count: number, seed: number): Float32Array {
  return data.rows(createSampler({ count: data.count, batchSize: count, seed }).next());
}

/** The mean loss over the test digits, encoded with AMD as `train` uses it unless another solver is given. */
export async function testLoss(
  decoder: Decoder,
  test: Dataset,
  solver: Solver<GradientFlow<1>> = AMD_IN_TRAINING,
): Promise<number> {
  const { meanLoss } = await evaluate(decoder, test, { solver });
  return meanLoss;
}
