import { readFileSync } from "node:fs";
import { isStartedWithRevectorize, wideKernels } from "../src/cli/vectors.ts";
import { copyDecoder } from "../src/decoder/copy.ts";
import {
  type Amd,
  amd,
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  gaussian,
  wasm,
} from "../src/index.ts";
import {
  adam,
  type DataSplits,
  type Dataset,
  fashionMnist,
  mnist,
  rmsprop,
  segMnist,
} from "../src/train/index.ts";
import { createSampler } from "../src/train/sampler.ts";
import type { DataName, Settings } from "./element.ts";

// The paper's setting: its data, its solver and its optimizer; and what it leaves open, as its authors' code has it.

/**
 * Plain SIMD: the same bits on every machine, with and without V8's flag for 256-bit vectors. One thread, for jobs run side by
 * side.
 */
export const backend = wasm(
  isStartedWithRevectorize()
    ? { module: new WebAssembly.Module(wideKernels("plain")), threads: 1 }
    : { relaxed: false, threads: 1 },
);

// Spelt out, so that a change of our defaults changes no result of the paper. t1, tolerance, window and settle are
// the authors' code's; the paper names none.
const AMD_TO_THE_LETTER = {
  t1: 1e4,
  stepInit: 1,
  stepMax: 10,
  increaseFactor: 1.1,
  decreaseFactor: 0.75,
  slope: 0,
  tolerance: 1e-5,
  window: 5,
  settle: 0.02,
  maxBacktracks: 100,
  maxSteps: 10_000,
} as const;

/** AMD to the letter, its steps grown from the accepted one, as in the authors' code. */
export const letter = (): Amd => amd({ ...AMD_TO_THE_LETTER, growFrom: "accepted" });

/** And grown from the step tried first, as the paper prints it. */
export const printed = (): Amd => amd({ ...AMD_TO_THE_LETTER, growFrom: "trial" });

/** Mini-batches of 5, the authors' code's; RMSprop with the settings of the paper's appendix. */
export const training = (seed: number) => ({
  optimizer: rmsprop({ learningRate: 5e-4, epsilon: 1e-6, alpha: 0.9 }),
  batchSize: 5,
  seed,
  backend,
});

/** Figure 1's optimizer by the paper's section 3 (its appendix names RMSprop alone), with PyTorch's settings: it gives none. */
export const adamOfFigure1 = () => adam({ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });

/** Not the paper's: it holds the codes near 0, where nothing else does. */
export const PRIOR = gaussian({ weight: 0.01 });

/** The paper's decoder, untrained: 20 → 150 → 300 → 600 → 784, ELU. Its widths are the authors' code's. */
export function createPaperDecoder(seed: number): Decoder {
  return createDecoder({
    layers: [20, 150, 300, 600, 784],
    outputShape: [28, 28],
    loss: binaryCrossEntropy(),
    seed,
  });
}

/** Decoders of convolutions: the demo's and one of as many parameters as the paper's. */
const CONVOLUTIONAL = {
  small: new URL("../demo/convolutional.json", import.meta.url),
  large: new URL("./convolutional-decoder.json", import.meta.url),
} as const;

/** A decoder of convolutions for digits, untrained. */
export function createConvolutionalDecoder(size: keyof typeof CONVOLUTIONAL, seed: number): Decoder {
  const definition = JSON.parse(readFileSync(CONVOLUTIONAL[size], "utf8"));
  return createDecoder(definition, { loss: binaryCrossEntropy(), seed });
}

/** A decoder without a start of its own: the paper's flows begin at 0, an autoencoder's decoder would at its mean code. */
export function fromZero(trained: Decoder): Decoder {
  const decoder = copyDecoder(trained, { start: undefined });
  trained.dispose();
  return decoder;
}

export const DATA: Readonly<Record<DataName, () => Promise<DataSplits>>> = {
  MNIST: mnist,
  SegMNIST: segMnist,
  "Fashion-MNIST": fashionMnist,
};

/** Data sets that this process has read: its jobs are many, and unpacking 70,000 images takes half a second. */
const read = new Map<DataName, Promise<DataSplits>>();

/** The images of a data set; few of them to test on where all is to be quick. */
export async function readData(name: DataName, { quick }: Settings): Promise<DataSplits> {
  const reading = read.get(name) ?? DATA[name]();
  read.set(name, reading);
  const { train, validation, test } = await reading;
  return quick
    ? { train, validation: validation.slice(0, 2), test: test.slice(0, 2) }
    : { train, validation, test };
}

/** `count` samples of a data set, chosen by the seed. */
export function chooseRows(data: Dataset, count: number, seed: number): Float32Array {
  return data.rows(createSampler({ count: data.count, batchSize: count, seed }).next());
}

/** How many images stand for `count`. */
export function imagesOf(count: number, { quick }: Settings): number {
  return quick ? Math.max(10, Math.round(count / 400)) : count;
}

export function seedsOf({ seeds, quick }: Settings): number[] {
  return Array.from({ length: quick ? 1 : seeds }, (_, seed) => seed);
}

/** What the authors' code came to on the first 320 test images after 480, 1,920 and 5,760, run once on a CPU outside this repository, from z0 = 0. */
export const AUTHORS_CODE = [0.175, 0.121, 0.1] as const;

/** The paper's table 1: mean test cross entropy, by the number of MNIST images trained on, and of the complete sets. */
export const PAPER_TABLE = {
  few: {
    counts: [480, 1920, 5760],
    GFE: [0.2098, 0.1558, 0.1136],
    AE: [0.266, 0.2488, 0.1954],
    mixed: [0.2634, 0.2323, 0.1829],
  },
  complete: {
    sets: ["MNIST", "SegMNIST", "Fashion-MNIST"],
    GFE: [0.083, 0.1135, 0.2764],
    AE: [0.0843, 0.1205, 0.2752],
  },
} as const satisfies Record<string, object>;
