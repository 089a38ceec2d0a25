import { chooseRows } from "../reproduce/setting.ts";
import type { Decoder, GradientFlow, Solver } from "../src/index.ts";
import { AMD_IN_TRAINING } from "../src/train/check-options.ts";
import { type Dataset, evaluate, mnist } from "../src/train/index.ts";

export { AMD_IN_TRAINING as SOLVER };

/** `count` MNIST training digits chosen by the seed, and the 10,000 test digits. */
export async function chooseDigits(
  count: number,
  seed: number,
): Promise<{ train: Float32Array; test: Dataset }> {
  const { train, test } = await mnist();
  return { train: chooseRows(train, count, seed), test };
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
