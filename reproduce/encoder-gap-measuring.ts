import { join } from "node:path";
import { neighbourAccuracy } from "../experiments/usefulness/nearest-neighbours.ts";
import {
  type Decoder,
  decode,
  encode,
  fitGaussian,
  fitGaussianMixture,
  lbfgs,
  type Prior,
} from "../src/index.ts";
import { lossFloors } from "../src/terms/loss-floor.ts";
import { type DataSplits, type Dataset, encodeWith } from "../src/train/index.ts";
import { type Classified, linearAccuracy } from "./classify.ts";
import type { JobContext } from "./element.ts";
import { type GapMethod, meanOf, type Trained } from "./encoder-gap-training.ts";
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
import { backend } from "./paper-setting.ts";
import { type Measured, measureCodes, measureFlow } from "./reconstruction.ts";

// How codes of the encoder gap's decoders are found, and what is measured of them.

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

/** Weights of the Gaussians that validation chooses from, and the mixture's components. */
const [PRIOR_WEIGHTS, COMPONENTS] = [[0.1, 0.3, 1, 3, 10], 10] as const;
const gaussianName = (weight: number) => `Gaussian, weight ${weight}`;
const MIXTURE_NAME = `mixture of ${COMPONENTS}`;
/** Names of the priors that validation chooses from. */
export const PRIOR_NAMES: readonly string[] = [...PRIOR_WEIGHTS.map(gaussianName), MIXTURE_NAME];

/** Priors that validation chooses from, fitted to the codes of training images. */
function priorsOf(codes: Float32Array, latentSize: number, seed: number): readonly NamedPrior[] {
  const fitted = PRIOR_WEIGHTS.map((weight) => ({
    name: gaussianName(weight),
    prior: fitGaussian(codes, { latentSize, covariance: "full", shrinkage: 0.01, weight }),
  }));
  const { prior } = fitGaussianMixture(codes, { latentSize, components: COMPONENTS, seed });
  return [...fitted, { name: MIXTURE_NAME, prior }];
}

/** Returns the choice of the least error, the first of those that are equal. */
export async function ofLeastError<Choice>(
  choices: readonly Choice[],
  errorOf: (choice: Choice) => Promise<number>,
): Promise<Choice> {
  const errors: number[] = [];
  for (const choice of choices) errors.push(await errorOf(choice));
  return choices[errors.indexOf(Math.min(...errors))]!;
}

/** Images and labels that a decoder is measured with. */
interface Samples {
  readonly y: Float32Array;
  readonly labels: Uint8Array;
  readonly splits: DataSplits;
  readonly seed: number;
}

export async function measureAll(
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
  const choosePrior = (find: Find, given: GivenImages) =>
    ofLeastError(priors, async ({ prior }) => (await errorsOf(find, given, chosenBy, prior)).squaredError);
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
    const floors = lossFloors(decoder.loss!, y, decoder.outputSize);
    const at = async (z0: Float32Array) => {
      const { loss } = await encode(decoder, y, {
        z0,
        solver: lbfgs({ maxSteps: 0 }),
        backend,
        prior: "none",
      });
      return loss.map((value, i) => value - floors[i]!);
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
