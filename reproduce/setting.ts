import { createSampler } from "../src/data/sampler.ts";
import { type Amd, amd, binaryCrossEntropy, createDecoder, type Decoder, wasm } from "../src/index.ts";
import { type DataSplits, type Dataset, fashionMnist, mnist, rmsprop, segMnist } from "../src/train/index.ts";
import type { Settings } from "./element.ts";

// The paper's setting: its decoder, its data, its solver and its optimizer.

/** Plain SIMD: the same bits on every machine. One thread, for jobs run side by side. */
export const backend = wasm({ relaxed: false, threads: 1 });

/** AMD to the letter: s₀ = 1, s_max = 10, κ = 1.1, β = 0.75, τ = 10,000, grown from the accepted step as in the authors' code. */
export const letter = (): Amd => amd({ stepInit: 1, stepMax: 10 });

/** And grown from the step tried first, as the paper prints it. */
export const printed = (): Amd => amd({ stepInit: 1, stepMax: 10, growFrom: "trial" });

/** Mini-batches of 5, RMSprop with learning rate 5e-4, ε = 1e-6, α = 0.9. */
export const training = (seed: number) => ({ optimizer: rmsprop(), batchSize: 5, seed, backend });

/** The paper's decoder, untrained: 20 → 150 → 300 → 600 → 784, ELU. */
export function createPaperDecoder(seed: number): Decoder {
  return createDecoder({
    layers: [20, 150, 300, 600, 784],
    outputShape: [28, 28],
    loss: binaryCrossEntropy(),
    seed,
  });
}

export const DATA = { MNIST: mnist, SegMNIST: segMnist, "Fashion-MNIST": fashionMnist } as const;
export type DataName = keyof typeof DATA;

/** The images of a data set; few of them to test on where all is to be quick. */
export async function readData(name: DataName, { quick }: Settings): Promise<DataSplits> {
  const { train, validation, test } = await DATA[name]();
  return quick
    ? { train, validation: validation.slice(0, 10), test: test.slice(0, 10) }
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
