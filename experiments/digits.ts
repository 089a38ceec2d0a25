import { FLOORS } from "../reproduce/floors.ts";
import { means, withExcess } from "../reproduce/page.ts";
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

/** A loss of the first 1,000 test digits as tables show it, its excess in brackets. */
export const showLoss = (loss: number, digits = 4): string =>
  withExcess(means([loss], digits), FLOORS["MNIST, first 1,000 of test"]);

/** The mean loss over test digits, encoded by lbfgs. */
export async function testLoss(decoder: Decoder, test: Dataset): Promise<number> {
  const { meanLoss } = await evaluate(decoder, test, { solver: lbfgs() });
  return meanLoss;
}
