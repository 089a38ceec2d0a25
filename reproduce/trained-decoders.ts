import { join } from "node:path";
import { cpuSeconds } from "../bench/timing.ts";
import { type Decoder, decode, encode, type GradientFlow, lbfgs, type Solver } from "../src/index.ts";
import { type Dataset, encodeWith, train, trainAutoencoder } from "../src/train/index.ts";
import type { DataName, Job, JobContext, Results, Settings } from "./element.ts";
import {
  backend,
  chooseRows,
  createPaperDecoder,
  fromZero,
  imagesOf,
  letter,
  printed,
  readData,
  training,
} from "./paper-setting.ts";
import { measureProjections, principalComponents } from "./pca.ts";
import { type Measured, measureCodes, measureFlow } from "./reconstruction.ts";
import { followTraining } from "./training-run.ts";
import type { Validation } from "./validation.ts";

// The paper's decoder, trained by each method and tested: table 1's jobs, whose results other elements show, too.

/** Images to train on; of SegMNIST those of digits 0 to 4 are taken, which are fewer. */
export const ALL = 50_000;

/** What a job finds. */
export interface Trained {
  readonly trainedInSeconds: number;
  /** By what the test images were encoded with. */
  readonly tests: Readonly<Record<string, Measured>>;
  readonly validation?: readonly Validation[];
  /** Of the first test images: size × images, bytes in base64. */
  readonly reconstructions?: Readonly<Record<string, string>>;
}

/** The ways to encode a test image, as the results name them, the frontier's, too. */
export const BY = {
  letter: "amd",
  printed: "amd, as printed",
  ours: "lbfgs",
  mean: "lbfgs from the mean code",
  code: "its own code",
  pca: "projection",
} as const;

export type Method =
  | "flow, amd"
  | "flow, amd as printed"
  | "flow, lbfgs"
  | "autoencoder, 1 pass"
  | "autoencoder, 12 passes"
  | "PCA";

/** What a method is given. */
interface Given {
  readonly y: Float32Array;
  readonly seed: number;
  readonly test: Dataset;
  readonly validation: Dataset | undefined;
}

/** What is trained, and how; every kind of method once. */
const METHODS: Readonly<Record<Method, (given: Given, context: JobContext<Trained>) => Promise<Trained>>> = {
  "flow, amd": (given, context) =>
    trainFlow(letter(), { [BY.ours]: lbfgs(), [BY.letter]: letter() }, given, context),
  "flow, amd as printed": (given, context) =>
    trainFlow(printed(), { [BY.printed]: printed() }, given, context),
  "flow, lbfgs": (given, context) => trainFlow(lbfgs(), { [BY.ours]: lbfgs() }, given, context),
  "autoencoder, 1 pass": (given, context) => trainEncoder(1, given, context),
  "autoencoder, 12 passes": (given, context) => trainEncoder(12, given, context),
  async PCA({ y, test }) {
    const start = cpuSeconds();
    const components = principalComponents(y, test.size, 20);
    const trainedInSeconds = cpuSeconds() - start;
    return { trainedInSeconds, tests: { [BY.pca]: measureProjections(components, test) } };
  },
};

/** So many test images are kept as they are reconstructed, for figure 3. */
export const SHOWN = 10;
/** The name of the images themselves among their reconstructions. */
export const ORIGINAL = "original";

async function trainFlow(
  solver: Solver<GradientFlow<1>>,
  testedBy: Readonly<Record<string, Solver<GradientFlow<1>>>>,
  { y, seed, test, validation }: Given,
  context: JobContext<Trained>,
): Promise<Trained> {
  const following = followTraining(context, "training", (share) => context.progress(0.5 * share));
  const run = await train(createPaperDecoder(seed), y, {
    ...training(seed),
    solver,
    ...following.options,
    ...(validation && {
      validation: { data: validation, everyImages: Math.ceil(y.length / test.size / 10) },
    }),
  });
  const trained = {
    trainedInSeconds: following.seconds(),
    ...(validation && { validation: run.validation }),
  };
  return testAll(run.decoder, testedBy, test, trained, context);
}

async function trainEncoder(
  epochs: number,
  { y, seed, test, validation }: Given,
  context: JobContext<Trained>,
): Promise<Trained> {
  const following = followTraining(context, "training", (share) => context.progress(0.5 * share));
  const {
    decoder: trained,
    encoder,
    ...run
  } = await trainAutoencoder(createPaperDecoder(seed), y, {
    ...training(seed),
    epochs,
    ...following.options,
    ...(validation && { validation: { data: validation } }),
  });
  const decoder = fromZero(trained);
  const z0 = await encodeWith(encoder, test.slice(0, SHOWN).toFloat32(), { backend });
  const found = {
    trainedInSeconds: following.seconds(),
    tests: { [BY.code]: await measureCodes(decoder, encoder, test) },
    ...(validation && { validation: run.validation }),
    reconstructions: { [BY.code]: bytesOf(await decode(decoder, z0, { backend })) },
  };
  return testAll(decoder, { [BY.ours]: lbfgs(), [BY.letter]: letter() }, test, found, context);
}

/**
 * Encodes the test images by each solver. Pictures come first, and what there is is kept after each solver: AMD may take an
 * hour over all images.
 *
 * @param trained what there is already
 */
async function testAll(
  decoder: Decoder,
  testedBy: Readonly<Record<string, Solver<GradientFlow<1>>>>,
  test: Dataset,
  trained: Omit<Trained, "tests"> & Partial<Trained>,
  { folder, progress, soFar }: JobContext<Trained>,
): Promise<Trained> {
  const shown = test.slice(0, SHOWN).toFloat32();
  const reconstructions: Record<string, string> = { [ORIGINAL]: bytesOf(shown), ...trained.reconstructions };
  progress(0.5);
  for (const [name, solver] of Object.entries(testedBy)) {
    const { z } = await encode(decoder, shown, { solver, backend });
    reconstructions[name] = bytesOf(await decode(decoder, z, { backend }));
  }
  let found: Trained = { ...trained, tests: { ...trained.tests }, reconstructions };
  const count = Object.keys(testedBy).length;
  for (const [i, [name, solver]] of Object.entries(testedBy).entries()) {
    soFar(found);
    const measured = await measureFlow(decoder, test, solver, {
      progress: (share) => progress(0.5 + (0.5 * (i + share)) / count),
      file: join(folder, `test by ${name}.json`),
    });
    found = { ...found, tests: { ...found.tests, [name]: measured } };
  }
  return found;
}

/** Values from 0 to 1 as bytes in base64. */
function bytesOf(values: Float32Array): string {
  return Buffer.from(Uint8Array.from(values, (value) => Math.round(255 * value))).toString("base64");
}

/** All of them, in the order in which their jobs are run. */
export const methods = Object.keys(METHODS) as Method[];

/** Seconds of one core for 1,000 images trained on and 1,000 tested: of a decoder that has seen many. */
const COSTS: Readonly<Record<Method, readonly [trained: number, tested: number]>> = {
  "flow, amd": [12, 35],
  "flow, amd as printed": [35, 75],
  "flow, lbfgs": [9, 5],
  "autoencoder, 1 pass": [0.6, 35],
  "autoencoder, 12 passes": [7, 35],
  PCA: [0.5, 0.1],
};

/** So many times as long: SegMNIST has half as many images, and Fashion-MNIST's decoders are stiff for AMD. */
function slowness(name: DataName, method: Method): number {
  if (name === "SegMNIST") return 0.5;
  return name === "Fashion-MNIST" && method.startsWith("flow, amd") ? 12 : 1;
}

/** A decoder trained by a method on so many images, and tested. */
export function jobFor(
  name: DataName,
  count: number,
  method: Method,
  seed: number,
  settings: Settings,
  withValidation = false,
): Job<Trained> {
  return {
    id: idOf(name, count, method, seed),
    data: name,
    seconds: slowness(name, method) * ((COSTS[method][0] * count) / 1000 + COSTS[method][1] * 10),
    async run(context) {
      const data = await readData(name, settings);
      const images = Math.min(imagesOf(count, settings), data.train.count);
      const y = chooseRows(data.train, images, seed);
      const validation = withValidation ? data.validation.slice(0, 1000) : undefined;
      return METHODS[method]({ y, seed, test: data.test, validation }, context);
    },
  };
}

/** What a job has found, so far if it is not done. */
export function resultOf(
  results: Results<Trained>,
  name: DataName,
  count: number,
  method: Method,
  seed: number,
) {
  return results.get(idOf(name, count, method, seed));
}

const idOf = (name: DataName, count: number, method: Method, seed: number) =>
  `${name}, ${count} images, ${method}, seed ${seed}`;
