import { chooseRows } from "../reproduce/paper-setting.ts";
import { type Decoder, lbfgs } from "../src/index.ts";
import { type Dataset, evaluate, mnist } from "../src/train/index.ts";

/** `count` MNIST training digits chosen by the seed, and the 10,000 test digits. */
export async function chooseDigits(
  count: number,
  seed: number,
): Promise<{ train: Float32Array; test: Dataset }> {
  const { train, test } = await mnist();
  return { train: chooseRows(train, count, seed), test };
}

/** The mean loss over test digits, encoded by lbfgs. */
export async function testLoss(decoder: Decoder, test: Dataset): Promise<number> {
  const { meanLoss } = await evaluate(decoder, test, { solver: lbfgs() });
  return meanLoss;
}
