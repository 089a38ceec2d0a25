import { stepsTo } from "../bench/steps-to.ts";
import {
  type ActivationName,
  amd,
  binaryCrossEntropy,
  createDecoder,
  encode,
  implicitAmd,
  squaredError,
  summary,
} from "../src/index.ts";
import { type DataSplits, fashionMnist, mnist, rmsprop, train } from "../src/train/index.ts";
import { chooseRows, type ExperimentSettings, SOLVER } from "./paper.ts";
import { type Row, report } from "./table.ts";

const TRAINED = 1920;
const ENCODED = 1000;

const DATA = [
  ["MNIST", mnist],
  ["Fashion-MNIST", fashionMnist],
] as const;

const LOSSES = [binaryCrossEntropy(), squaredError()];

/** What each decoder differs in from the paper's, trained with AMD. */
const DECODERS: readonly { activation?: ActivationName; latentSize?: number; trainedWith?: "implicitAmd" }[] =
  [
    {},
    { trainedWith: "implicitAmd" },
    { activation: "tanh" },
    { activation: "relu" },
    { activation: "silu" },
    { latentSize: 2 },
    { latentSize: 64 },
  ];

/**
 * Which solver `encode` is best left to: amd and implicitAmd, each as it comes, on two data sets with both losses and
 * several decoders, each trained for it in one pass over 1,920 images. Loss and time of 1,000 test images, and
 * implicitAmd's time to amd's loss.
 */
export async function compareSolvers({ seed, out }: ExperimentSettings): Promise<void> {
  const rows: Row[] = [];
  for (const [data, load] of DATA) {
    const splits = await load();
    for (const loss of LOSSES) {
      for (const decoder of DECODERS) {
        const row = { data, ...(await compare(splits, loss, decoder, seed)) };
        console.log(Object.values(row).join(", "));
        rows.push(row);
      }
    }
  }
  report(out, "solvers", rows);
}

async function compare(
  { train: images, test }: DataSplits,
  loss: (typeof LOSSES)[number],
  { activation = "elu", latentSize = 20, trainedWith }: (typeof DECODERS)[number],
  seed: number,
): Promise<Row> {
  const untrained = createDecoder({
    layers: [latentSize, 150, 300, 600, 784],
    ...{ activation, outputActivation: "sigmoid", loss, seed },
    outputShape: [28, 28],
  });
  const { decoder } = await train(untrained, chooseRows(images, TRAINED, seed), {
    solver: trainedWith ? implicitAmd() : SOLVER,
    ...{ optimizer: rmsprop(), batchSize: 5, seed },
  });
  const y = test.slice(0, ENCODED).toFloat32();
  const explicit = await encode(decoder, y, { solver: amd() });
  const implicit = await encode(decoder, y, { solver: implicitAmd() });
  const explicitLoss = summary(explicit).meanLoss;
  const afterSteps = (maxSteps: number) => encode(decoder, y, { solver: implicitAmd({ maxSteps }) });
  const steps = await stepsTo(explicitLoss, async (count) => summary(await afterSteps(count)).meanLoss);
  const soFar = await afterSteps(steps);
  return {
    ...{ loss: loss.name, activation, latents: latentSize },
    "trained with": trainedWith ?? "amd",
    "amd loss": explicitLoss.toFixed(5),
    "amd s": explicit.seconds.toFixed(2),
    "implicitAmd to that s": soFar.seconds.toFixed(2),
    "implicitAmd loss": summary(implicit).meanLoss.toFixed(5),
    "implicitAmd s": implicit.seconds.toFixed(2),
  };
}
