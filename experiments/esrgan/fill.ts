import { reshape, sequential, upsample } from "../../src/graph/index.ts";
import { createDecoder, type Decoder, decode, encode, lbfgs, type Status } from "../../src/index.ts";
import { esrganDecoder, type Scale } from "./decoder.ts";
import { knownHalf, type Picture, psnr } from "./picture.ts";
import { averageBlocks, fillByMeans, fillByMembrane } from "./plain-fills.ts";

/** A way to fill the gaps, or a step of the one that is shown. */
export interface Fill {
  readonly name: string;
  /** Mean over all numbers of the squared errors at known pixels; of what keeps these as they are undefined. */
  readonly loss?: number;
  /** In dB, at the pixels that were given and at those that were not. */
  readonly psnrKnown?: number;
  readonly psnrMissing: number;
}

export interface Filled {
  readonly status: Status;
  readonly steps: number;
  readonly seconds: number;
  readonly plain: readonly Fill[];
  /** Along the way of `encode`, from z0 to the end. */
  readonly way: readonly Fill[];
  readonly known: Uint8Array;
  /** The known pixels as they are, the others of the decoder at the end. */
  readonly values: Float32Array;
}

export interface FillOptions {
  /** Of the choice of pixels. */
  readonly seed: number;
  /** Of lbfgs. */
  readonly maxSteps: number;
}

/**
 * Takes half the pixels from a picture, seeks the small picture that the model makes the known half of, and fills the
 * other half with what it makes there.
 *
 * z0 is the mean of the known pixels of each block that one pixel of the small picture becomes: what one would give the
 * model as its input, and close to what it was trained on. The default, 0, is a black picture.
 *
 * @param picture whose height and width are multiples of `scale`
 */
export async function fillHalf(
  picture: Picture,
  scale: Scale,
  { seed, maxSteps }: FillOptions,
): Promise<Filled> {
  const { height, width, values: y } = picture;
  const known = knownHalf(height * width, seed);
  const missing = known.map((isKnown) => 1 - isKnown);
  const decoder = esrganDecoder(scale, height / scale, width / scale);
  const weights = Float32Array.from(y, (_, i) => known[Math.floor(i / 3)]!);
  // Nothing of what is missing can have a part in it.
  const given = { ...picture, values: y.map((value, i) => (weights[i] === 0 ? Number.NaN : value)) };
  const z0 = averageBlocks(given, known, scale).values;
  const means = fillByMeans(given, known).values;
  const membrane = fillByMembrane(given, known).values;
  const enlarged = await decode(bilinear(decoder, scale), z0);
  const plain: Fill[] = [
    { name: "means of known neighbours", psnrMissing: psnr(picture, means, missing) },
    { name: "membrane over known pixels", psnrMissing: psnr(picture, membrane, missing) },
    { name: "z0 enlarged, bilinear", psnrMissing: psnr(picture, enlarged, missing) },
  ];
  const start = performance.now();
  const result = await encode(decoder, given.values, {
    weights,
    z0,
    solver: lbfgs({ maxSteps }),
    saveAt: "steps",
  });
  const seconds = (performance.now() - start) / 1000;
  const { z, loss } = result.trajectory![0]!;
  const steps = loss.length - 1;
  const way: Fill[] = [];
  let outputs: Float32Array = new Float32Array();
  for (const step of shownSteps(steps)) {
    const latents = z.subarray(step * decoder.latentSize, (step + 1) * decoder.latentSize);
    outputs = await decode(decoder, latents);
    const name = step === 0 ? "decoder at z0" : `after ${step} ${step === 1 ? "step" : "steps"}`;
    const [psnrKnown, psnrMissing] = [psnr(picture, outputs, known), psnr(picture, outputs, missing)];
    way.push({ name, loss: loss[step]!, psnrKnown, psnrMissing });
  }
  decoder.dispose();
  const values = outputs.map((value, i) => (weights[i] === 0 ? value : y[i]!));
  return { status: result.status[0]!, steps, seconds, plain, way, known, values };
}

/** What makes a larger picture of a decoder's latent without having learnt anything. */
function bilinear({ latentSize, latentShape }: Decoder, scale: Scale): Decoder {
  return createDecoder(sequential(latentSize, [reshape(latentShape), upsample({ scale, mode: "bilinear" })]));
}

/** 0, 1, 2, 5, 10, 20, … and the last. */
function shownSteps(last: number): number[] {
  const shown = [0];
  for (let ten = 1; ten < last; ten *= 10)
    shown.push(...[ten, 2 * ten, 5 * ten].filter((step) => step < last));
  return last === 0 ? shown : [...shown, last];
}
