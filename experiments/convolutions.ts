import type { DataName } from "../reproduce/element.ts";
import { testFloor } from "../reproduce/floors.ts";
import { means, withExcess } from "../reproduce/page.ts";
import {
  chooseRows,
  createConvolutionalDecoder,
  createPaperDecoder,
  DATA,
} from "../reproduce/paper-setting.ts";
import { type Decoder, lbfgs, wasm } from "../src/index.ts";
import { adam, type DataSplits, evaluate, linear, shift, train } from "../src/train/index.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report, seconds } from "./table.ts";

/** The demo's decoder of convolutions: 20 → 7×7×32 → 14×14×16 → 28×28×1. */
const createConvolutional = (seed: number) => createConvolutionalDecoder("small", seed);

interface Trained {
  readonly decoder: (seed: number) => Decoder;
  readonly learningRate: number;
}

/** The paper's decoder at two learning rates, since the other one takes a larger one well. */
const DECODERS: Readonly<Record<string, Trained>> = {
  "convolutions, 41,393 parameters": { decoder: createConvolutional, learningRate: 3e-3 },
  "the paper's, 700,234 parameters": { decoder: createPaperDecoder, learningRate: 1e-3 },
  "the paper's at the other's learning rate": { decoder: createPaperDecoder, learningRate: 3e-3 },
};

const SETS = ["MNIST", "Fashion-MNIST"] as const satisfies readonly DataName[];

/** Passes over so many images, of all decoders. */
const PASSES: readonly (readonly [count: number, passes: number])[] = [
  [480, 40],
  [1920, 15],
];
/** How far convolutions get with more passes, and with all images. */
const FURTHER: readonly (readonly [count: number, passes: number])[] = [
  [480, 200],
  [50_000, 2],
  [50_000, 10],
];
/** The workers are those of the build: `npm run build` first. */
const worker = new URL("../build/lib/latentflow-worker.js", import.meta.url);
const backend = wasm({ relaxed: false, threads: "auto", worker });

/**
 * What convolutions are good for: few images, by flows, at equal passes, beside the paper's decoder. Mini-batches of 16,
 * Adam, a learning rate that falls to 0, gradients clipped to 0.5, shifts by up to 2 pixels (1 of all images); tested by
 * lbfgs on all 10,000 test images.
 */
export async function compareConvolutions({ seed, out }: ExperimentSettings): Promise<void> {
  const rows: Row[] = [];
  const tell = (row: Row) => {
    console.log(Object.values(row).join(" | "));
    rows.push(row);
  };
  for (const data of SETS) {
    const splits = await DATA[data]();
    for (const [count, passes] of PASSES) {
      for (const name of Object.keys(DECODERS)) tell(await rowOf(data, splits, count, passes, name, seed));
    }
    for (const [count, passes] of data === "MNIST" ? FURTHER : []) {
      tell(await rowOf(data, splits, count, passes, Object.keys(DECODERS)[0]!, seed));
    }
  }
  report(out, "convolutions", rows);
}

async function rowOf(
  data: DataName,
  { train: images, test }: DataSplits,
  count: number,
  passes: number,
  name: string,
  seed: number,
): Promise<Row> {
  const { decoder, learningRate } = DECODERS[name]!;
  const start = performance.now();
  const run = await train(decoder(seed), chooseRows(images, count, seed), {
    solver: lbfgs(),
    optimizer: adam({ learningRate }),
    schedule: linear(),
    gradientClip: 0.5,
    batchSize: 16,
    epochs: passes,
    seed,
    augment: shift({ pixels: count > 10_000 ? 1 : 2 }),
    backend,
  });
  const trained = seconds(start);
  const { meanLoss } = await evaluate(run.decoder, test, { backend });
  return {
    data,
    images: count,
    passes,
    decoder: name,
    "learning rate": learningRate,
    "test loss": withExcess(means([meanLoss]), testFloor(data)),
    "trained in s": trained,
  };
}
