import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { neighbourAccuracy } from "../experiments/usefulness/nearest-neighbours.ts";
import { copyDecoder } from "../src/decoder/copy.ts";
import {
  type Decoder,
  decode,
  encode,
  fitGaussian,
  fitGaussianMixture,
  lbfgs,
  loadDecoder,
  type Prior,
} from "../src/index.ts";
import { leastLosses } from "../src/terms/floor.ts";
import {
  adam,
  type DataSplits,
  type Dataset,
  encodeWith,
  linear,
  shift,
  train,
  trainAutoencoder,
} from "../src/train/index.ts";
import { createSampler } from "../src/train/sampler.ts";
import { type Classified, linearAccuracy } from "./classify.ts";
import type { Job, JobContext, Settings } from "./element.ts";
import { NETWORKS, TRAINING } from "./frontier-runs.ts";
import {
  areaUnderCurve,
  type GivenImages,
  type Hide,
  type PixelErrors,
  pixelErrors,
  randomPixels,
  topHalf,
  turned,
  withNoise,
} from "./hidden.ts";
import { readKept, writeKept } from "./kept-file.ts";
import { backend, createConvolutionalDecoder, imagesOf, readData, seedsOf } from "./paper-setting.ts";
import { type Measured, measureCodes, measureFlow } from "./reconstruction.ts";
import { ALL } from "./trained-decoders.ts";
import { followTraining } from "./training-run.ts";

// What the encoder gap runs: decoders of the large convolutions trained by four methods, each measured by its encoder and by
// its inversion.

export type GapData = "MNIST" | "Fashion-MNIST";
export const GAP_DATA: readonly GapData[] = ["MNIST", "Fashion-MNIST"];

/** Images trained on. */
export type GapCount = 480 | 5000 | typeof ALL;
export const GAP_COUNTS: readonly GapCount[] = [480, 5000, ALL];

/** By what a decoder is trained. */
export type GapMethod = "autoencoder" | "masked autoencoder" | "kept codes" | "flow";

/** How training is set for a number of images. */
interface Recipe {
  /** Passes over the images by everything but the flow, which a pass costs twenty times as much. */
  readonly passes: number;
  readonly flowPasses: number;
  /** Random shifts by up to so many pixels. */
  readonly pixels: number;
}

/**
 * The frontier's recipes of these networks' autoencoder, chosen there by the loss of inverted validation images: for 480 images, and
 * for 5,000 that of its 5,760. For all images half the passes of its best, each of which takes minutes.
 */
export const RECIPES: Readonly<Record<GapCount, Recipe>> = {
  480: { passes: 400, flowPasses: 200, pixels: 3 },
  5000: { passes: 60, flowPasses: 20, pixels: 2 },
  [ALL]: { passes: 12, flowPasses: 1, pixels: 0 },
};

/** Share of hidden pixels that a masked encoder is trained with. */
const MASK = { hidden: [0, 0.95] } as const;

/** Learning rate of kept codes: each is updated once a pass, the decoder by every mini-batch. Not chosen by validation. */
export const CODE_LEARNING_RATE = 1e-2;

/** Images that are measured with hidden pixels, noise and turns. */
const MEASURED = 1000;

/** Validation images that a prior is chosen by, and those that a classifier's ridge is chosen by. */
const [PRIOR_CHOSEN_BY, RIDGE_CHOSEN_BY] = [200, 1000];
/** Training images whose codes priors are fitted to, and classifiers. */
const FITTED = 5000;
/** Test images that are classified. */
const CLASSIFIED = 2000;
const NEIGHBOURS = 5;
const RIDGES = [1e-3, 1e-2, 1e-1] as const;

const HIDINGS = {
  "50 %": randomPixels(0.5),
  "90 %": randomPixels(0.9),
  "top half": topHalf,
} as const satisfies Readonly<Record<string, Hide>>;
export type Hiding = keyof typeof HIDINGS;
export const HIDING_NAMES = Object.keys(HIDINGS) as Hiding[];

/** Standard deviation of noise on pixels from 0 to 1. */
export const NOISE = 0.3;
/** Degrees by which images are turned. */
export const TURNS = [20, 45, 90] as const;
/** Steps that refine an encoder's code. */
export const REFINED_STEPS = 5;

/** How a code is found. */
export type GapWay = "encoder" | "refined" | "inverted" | "inverted with a prior";

/**
 * Ways that each method's networks are measured by. A decoder trained by flows or kept codes has no encoder; of the masked
 * autoencoder the encoder is asked for alone, since its decoder is another of the kind that the plain one is inverted with.
 */
export const METHOD_WAYS: Readonly<Record<GapMethod, readonly GapWay[]>> = {
  autoencoder: ["encoder", "refined", "inverted", "inverted with a prior"],
  "masked autoencoder": ["encoder", "refined"],
  "kept codes": ["inverted", "inverted with a prior"],
  flow: ["inverted", "inverted with a prior"],
};

/** One figure for each way there is. */
export type ByWay<Value> = Partial<Record<GapWay, Value>>;

/** What a job finds. */
export interface GapFound {
  readonly trainedInSeconds: number;
  /** All test images, as they are. */
  readonly intact: ByWay<Measured>;
  /** Errors over hidden pixels of the first test images. */
  readonly hidden: Readonly<Record<Hiding, ByWay<PixelErrors>>>;
  /** Errors of noisy test images, held against those without noise. */
  readonly noisy: ByWay<PixelErrors>;
  /** Errors of what takes no network: the training images' mean for hidden pixels, the noisy images as they are. */
  readonly baselines: Readonly<Record<Hiding | "noise", PixelErrors>>;
  /** Prior chosen by validation for each of these; of no method that is not inverted. */
  readonly priors: Readonly<Partial<Record<Hiding | "noise", string>>>;
  /** Shares of test images classified rightly. */
  readonly classified: ByWay<{ readonly neighbours: number; readonly linear: number }>;
  /**
   * Areas under the ROC curve of test images turned by so many degrees against those that are not, by the excess loss of the
   * inverted code, of the encoder's code, and by how much the second is above the first. Empty for a method that is not inverted.
   */
  readonly turns: Turns;
}

type Turns = Readonly<Record<string, Turn>>;
interface Turn {
  readonly inverted: number;
  readonly encoder?: number;
  readonly gap?: number;
}

/** A decoder and, where there is one, its encoder. */
interface Trained {
  readonly decoder: Decoder;
  readonly encoder: Decoder | undefined;
}

async function trainBy(
  method: GapMethod,
  { passes, flowPasses, pixels }: Recipe,
  y: Float32Array,
  seed: number,
  settings: Settings,
  following: ReturnType<typeof followTraining>,
): Promise<Trained> {
  const decoder = createConvolutionalDecoder("large", seed);
  const epochs = (count: number) => (settings.quick ? 1 : count);
  const common = {
    ...TRAINING,
    optimizer: adam({ learningRate: NETWORKS.large.learningRate }),
    schedule: linear(),
    seed,
    backend,
    ...(pixels > 0 && { augment: shift({ pixels }) }),
    ...following.options,
  };
  switch (method) {
    case "autoencoder":
      return trainAutoencoder(decoder, y, { ...common, epochs: epochs(passes) });
    case "masked autoencoder":
      return trainAutoencoder(decoder, y, { ...common, epochs: epochs(passes), mask: MASK });
    case "kept codes": {
      // A code belongs to an image as it is: shifted ones would each need a code of their own.
      const { augment: _, ...plain } = common;
      const run = await train(decoder, y, {
        ...plain,
        codes: "kept",
        codeOptimizer: adam({ learningRate: CODE_LEARNING_RATE }),
        epochs: epochs(passes),
      });
      const start = meanOf(run.codes!, decoder.latentSize);
      return { decoder: copyDecoder(run.decoder, { start }), encoder: undefined };
    }
    case "flow": {
      const run = await train(decoder, y, { ...common, solver: lbfgs(), epochs: epochs(flowPasses) });
      return { decoder: run.decoder, encoder: undefined };
    }
  }
}

/** The mean of rows of so many numbers. */
function meanOf(rows: Float32Array, size: number): Float32Array {
  const sums = new Float64Array(size);
  for (const [i, value] of rows.entries()) sums[i % size]! += value;
  return Float32Array.from(sums, (sum) => (sum * size) / rows.length);
}

/** Seconds of training, and what was trained by. */
interface KeptTraining {
  readonly key: string;
  readonly seconds: number;
}

/**
 * Trains, or reads what an earlier run of the same recipe has trained: what is measured may change after a training of an hour.
 *
 * @param folder of the networks
 * @param key what is trained, and how
 */
async function trainOnce(
  folder: string,
  key: string,
  trainNow: () => Promise<{ readonly trained: Trained; readonly seconds: number }>,
): Promise<{ readonly trained: Trained; readonly seconds: number }> {
  const [file, decoderFile, encoderFile] = [
    "training.json",
    "decoder.safetensors",
    "encoder.safetensors",
  ].map((name) => join(folder, name)) as [string, string, string];
  const before = readKept<KeptTraining>(file);
  if (before?.key === key) {
    const decoder = await loadDecoder(decoderFile);
    const encoder = existsSync(encoderFile) ? await loadDecoder(encoderFile) : undefined;
    return { trained: { decoder, encoder }, seconds: before.seconds };
  }
  const { trained, seconds } = await trainNow();
  mkdirSync(folder, { recursive: true });
  writeFileSync(decoderFile, trained.decoder.toSafetensors());
  if (trained.encoder) writeFileSync(encoderFile, trained.encoder.toSafetensors());
  writeKept(file, { key, seconds } satisfies KeptTraining);
  return { trained, seconds };
}

/** Finds codes of images by one way. */
type Find = (given: GivenImages, prior?: Prior) => Promise<Float32Array>;

type Ways = Readonly<Partial<Record<GapWay, Find>>>;

/** A method's ways to find codes of images, but for the prior. */
function waysOf(method: GapMethod, { decoder, encoder }: Trained): Ways {
  const invert =
    (maxSteps?: number): Find =>
    async ({ y, weights, loss }, prior) => {
      const z0 = maxSteps === undefined ? undefined : await encodeWith(encoder!, y, { backend });
      const { z } = await encode(decoder, y, {
        solver: lbfgs(maxSteps === undefined ? {} : { maxSteps }),
        backend,
        prior: prior ?? "none",
        ...(weights && { weights }),
        ...(loss && { loss }),
        ...(z0 && { z0 }),
      });
      return z;
    };
  const all: Readonly<Record<GapWay, Find>> = {
    encoder: ({ y }) => encodeWith(encoder!, y, { backend }),
    refined: invert(REFINED_STEPS),
    inverted: invert(),
    "inverted with a prior": invert(),
  };
  return Object.fromEntries(METHOD_WAYS[method].map((way) => [way, all[way]]));
}

/** A prior and the name that pages give it. */
interface NamedPrior {
  readonly name: string;
  readonly prior: Prior;
}

/** Priors that validation chooses from, fitted to the codes of training images. */
function priorsOf(codes: Float32Array, latentSize: number, seed: number): readonly NamedPrior[] {
  const fitted = [0.1, 0.3, 1, 3, 10].map((weight) => ({
    name: `Gaussian, weight ${weight}`,
    prior: fitGaussian(codes, { latentSize, covariance: "full", shrinkage: 0.01, weight }),
  }));
  const { prior } = fitGaussianMixture(codes, { latentSize, components: 10, seed });
  return [...fitted, { name: "mixture of 10", prior }];
}

async function run(
  data: GapData,
  count: GapCount,
  method: GapMethod,
  seed: number,
  context: JobContext<GapFound>,
  settings: Settings,
): Promise<GapFound> {
  const splits = await readData(data, settings);
  const rows = createSampler({
    count: splits.train.count,
    batchSize: Math.min(imagesOf(count, settings), splits.train.count),
    seed,
  }).next();
  const y = splits.train.rows(rows);
  const recipe = RECIPES[count];
  const key = JSON.stringify({ method, recipe, MASK, CODE_LEARNING_RATE, count: rows.length });
  const { trained, seconds } = await trainOnce(`${context.folder}_networks`, key, async () => {
    const following = followTraining(context, "training", (share) => context.progress(0.5 * share));
    return {
      trained: await trainBy(method, recipe, y, seed, settings, following),
      seconds: following.seconds(),
    };
  });
  const labels = Uint8Array.from(rows, (row) => splits.train.labels![row]!);
  const measured = await measureAll(method, trained, { y, labels, splits, seed }, context);
  return { trainedInSeconds: seconds, ...measured };
}

/** Images and labels that a decoder is measured with. */
interface Samples {
  readonly y: Float32Array;
  readonly labels: Uint8Array;
  readonly splits: DataSplits;
  readonly seed: number;
}

async function measureAll(
  method: GapMethod,
  trained: Trained,
  { y, labels, splits, seed }: Samples,
  { folder, progress }: JobContext<GapFound>,
): Promise<Omit<GapFound, "trainedInSeconds">> {
  const { decoder, encoder } = trained;
  const { latentSize: d, outputSize: n } = decoder;
  const { validation, test } = splits;
  const ways = waysOf(method, trained);
  const { inverted } = ways;

  /** Goes on from what a killed sitting has measured of the same decoder. */
  const kept = async <Value>(name: string, share: number, find: () => Promise<Value>): Promise<Value> => {
    const file = join(folder, `${name}.json`);
    const before = readKept<Value>(file);
    const value = before ?? (await find());
    if (before === undefined) writeKept(file, value);
    progress(share);
    return value;
  };

  const fitted = { y: y.subarray(0, FITTED * n) };
  const codes =
    inverted &&
    Float32Array.from(await kept("training codes", 0.55, async () => [...(await inverted(fitted))]));
  const priors = codes ? priorsOf(codes, d, seed) : [];

  const intact: ByWay<Measured> = {
    ...(encoder && {
      encoder: await kept("encoder", 0.62, () => measureCodes(decoder, encoder, test)),
      refined: await kept("refined", 0.65, () => measureCodes(decoder, encoder, test, REFINED_STEPS)),
    }),
    ...(inverted && {
      inverted: await measureFlow(decoder, test, lbfgs(), {
        z0: decoder.start ?? new Float32Array(d),
        progress: (share) => progress(0.65 + 0.15 * share),
        file: join(folder, "inverted.json"),
      }),
    }),
  };

  const truth = test.slice(0, MEASURED).toFloat32();
  const chosenBy = validation.slice(0, PRIOR_CHOSEN_BY).toFloat32();
  const errorsOf = async (find: Find, given: GivenImages, images: Float32Array, prior?: Prior) =>
    pixelErrors(images, await decode(decoder, await find(given, prior), { backend }), given);

  /** The prior by which validation images that are given alike have the least error. */
  const choosePrior = async (find: Find, given: GivenImages) => {
    const tried = [];
    for (const named of priors) {
      const { squaredError } = await errorsOf(find, given, chosenBy, named.prior);
      tried.push({ ...named, squaredError });
    }
    return tried.reduce((least, one) => (one.squaredError < least.squaredError ? one : least));
  };
  /** Errors of each way, and the name of the prior. */
  const measureGiven = async (give: (images: Float32Array, seed: number) => GivenImages) => {
    const withPrior = ways["inverted with a prior"];
    const best = withPrior && (await choosePrior(withPrior, give(chosenBy, seed + 1)));
    const given = give(truth, seed);
    const errors: ByWay<PixelErrors> = {};
    for (const [way, find] of Object.entries(ways) as [GapWay, Find][]) {
      const prior = way === "inverted with a prior" ? best!.prior : undefined;
      errors[way] = await errorsOf(find, given, truth, prior);
    }
    const plain = given.loss ? given.y : repeated(meanOf(y, n), MEASURED);
    return { prior: best?.name, errors, baseline: pixelErrors(truth, plain, given) };
  };
  const measured: Partial<Record<Hiding | "noise", Awaited<ReturnType<typeof measureGiven>>>> = {};
  for (const [i, name] of HIDING_NAMES.entries()) {
    measured[name] = await kept(`hidden ${name}`, 0.83 + 0.03 * i, () =>
      measureGiven((images, own) => HIDINGS[name](images, n, own)),
    );
  }
  measured.noise = await kept("noise", 0.92, () =>
    measureGiven((images, own) => withNoise(images, NOISE, own)),
  );

  const classified = await kept("classified", 0.96, () =>
    classify(ways, decoder, { ...fitted, codes, labels: labels.subarray(0, FITTED) }, splits),
  );
  const turns = inverted
    ? await kept("turns", 0.99, () => measureTurns(trained, inverted, test))
    : ({} satisfies Turns);
  const all = measured as Required<typeof measured>;
  const ofAll = <Value>(pick: (one: (typeof all)["noise"]) => Value) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, pick(one)]));
  return {
    intact,
    hidden: Object.fromEntries(HIDING_NAMES.map((name) => [name, all[name].errors])) as GapFound["hidden"],
    noisy: all.noise.errors,
    baselines: ofAll(({ baseline }) => baseline) as GapFound["baselines"],
    priors: ofAll(({ prior }) => prior),
    classified,
    turns,
  };
}

/** So many times the same image. */
const repeated = (image: Float32Array, count: number) =>
  Float32Array.from({ length: count * image.length }, (_, i) => image[i % image.length]!);

/** Training images that classifiers know, with codes found by inversion where there are any. */
interface KnownImages extends GivenImages {
  readonly codes: Float32Array | undefined;
  readonly labels: Uint8Array;
}

/** Classifies test images by their codes; the ridge is chosen by validation images. */
async function classify(
  ways: Ways,
  { latentSize: d }: Decoder,
  { codes, labels, ...given }: KnownImages,
  { validation, test }: DataSplits,
): Promise<GapFound["classified"]> {
  const found: { -readonly [Way in GapWay]?: { neighbours: number; linear: number } } = {};
  const [forChoice, queries] = [validation.slice(0, RIDGE_CHOSEN_BY), test.slice(0, CLASSIFIED)];
  for (const way of ["encoder", "inverted"] as const) {
    const find = ways[way];
    if (!find) continue;
    const known: Classified = {
      points: way === "inverted" && codes ? codes : await find(given),
      labels,
    };
    const ofData = async (data: Dataset): Promise<Classified> => ({
      points: await find({ y: data.toFloat32() }),
      labels: data.labels!,
    });
    const [chooses, asked] = [await ofData(forChoice), await ofData(queries)];
    const ridge = RIDGES.reduce((best, one) =>
      linearAccuracy(known, chooses, d, one) > linearAccuracy(known, chooses, d, best) ? one : best,
    );
    found[way] = {
      neighbours: neighbourAccuracy(known, asked, d, NEIGHBOURS),
      linear: linearAccuracy(known, asked, d, ridge),
    };
  }
  return found;
}

/** Tells turned test images from others by their excess losses. */
async function measureTurns({ decoder, encoder }: Trained, invert: Find, test: Dataset): Promise<Turns> {
  const half = Math.min(MEASURED, Math.floor(test.count / 2));
  const lossesOf = async (y: Float32Array) => {
    const least = leastLosses(decoder.loss!, y, decoder.outputSize);
    const at = async (z0: Float32Array) => {
      const { loss } = await encode(decoder, y, {
        z0,
        solver: lbfgs({ maxSteps: 0 }),
        backend,
        prior: "none",
      });
      return loss.map((value, i) => value - least[i]!);
    };
    const inverted = await at(await invert({ y }));
    const own = encoder && (await at(await encodeWith(encoder, y, { backend })));
    return { inverted, encoder: own, gap: own?.map((loss, i) => loss - inverted[i]!) };
  };
  const others = test.slice(half, 2 * half).toFloat32();
  const usual = await lossesOf(test.slice(0, half).toFloat32());
  const side = Math.sqrt(test.size);
  const turns: Record<string, Turn> = {};
  for (const degrees of TURNS) {
    const strange = await lossesOf(turned(others, side, degrees));
    turns[degrees] = {
      inverted: areaUnderCurve(usual.inverted, strange.inverted),
      ...(encoder && {
        encoder: areaUnderCurve(usual.encoder!, strange.encoder!),
        gap: areaUnderCurve(usual.gap!, strange.gap!),
      }),
    };
  }
  return turns;
}

export const idOf = (data: GapData, count: GapCount, method: GapMethod, seed: number) =>
  `${data}, ${count} images, ${method}, seed ${seed}`;

/** Seconds of one core for a pass over 1,000 images, and for all measurements. */
const COSTS: Readonly<Record<GapMethod, { readonly pass: number; readonly measuring: number }>> = {
  autoencoder: { pass: 3.2, measuring: 1300 },
  "masked autoencoder": { pass: 3.2, measuring: 120 },
  "kept codes": { pass: 2.3, measuring: 1250 },
  flow: { pass: 60, measuring: 1250 },
};

/** Flows, which cost a pass twenty times as much, are computed with one seed. */
export function seedsFor(method: GapMethod, count: GapCount, settings: Settings): number[] {
  return method === "flow" || count === ALL ? [0] : seedsOf(settings);
}

export const GAP_METHODS: readonly GapMethod[] = ["autoencoder", "masked autoencoder", "kept codes", "flow"];

/** A decoder trained by a method on so many images, and measured by each way there is. */
export const jobFor = (
  data: GapData,
  count: GapCount,
  method: GapMethod,
  seed: number,
  settings: Settings,
): Job<GapFound> => {
  const { passes, flowPasses } = RECIPES[count];
  const { pass, measuring } = COSTS[method];
  return {
    id: idOf(data, count, method, seed),
    data,
    seconds: (pass * count * (method === "flow" ? flowPasses : passes)) / 1000 + measuring,
    run: (context) => run(data, count, method, seed, context, settings),
  };
};

export const ENCODED = GAP_METHODS.filter((method) => METHOD_WAYS[method].includes("encoder"));
const INVERTED_ALONE = GAP_METHODS.filter((method) => !ENCODED.includes(method));

/** Jobs in the order of what they tell: the encoders of a data set first, flows last. */
export const jobsOfGap = (settings: Settings): Job<GapFound>[] =>
  [ENCODED, INVERTED_ALONE].flatMap((methods) =>
    GAP_DATA.flatMap((data) =>
      methods.flatMap((method) =>
        GAP_COUNTS.flatMap((count) =>
          seedsFor(method, count, settings).map((seed) => jobFor(data, count, method, seed, settings)),
        ),
      ),
    ),
  );
