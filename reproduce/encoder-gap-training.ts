import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyDecoder } from "../src/decoder/copy.ts";
import { type Decoder, lbfgs, loadDecoder } from "../src/index.ts";
import { adam, linear, shift, train, trainAutoencoder } from "../src/train/index.ts";
import type { Settings } from "./element.ts";
import { NETWORKS, TRAINING } from "./frontier-runs.ts";
import { readKept, writeKept } from "./kept-file.ts";
import { backend, createConvolutionalDecoder } from "./paper-setting.ts";
import { ALL } from "./trained-decoders.ts";
import type { followTraining } from "./training-run.ts";

// How the encoder gap's networks are trained: by four methods, on three numbers of images.

/** Images trained on. */
export type GapCount = 480 | 5000 | typeof ALL;
export const GAP_COUNTS: readonly GapCount[] = [480, 5000, ALL];

/** By what a decoder is trained. */
export type GapMethod = "autoencoder" | "masked autoencoder" | "kept codes" | "flow";

/** Settings of training for a number of images. */
export interface Recipe {
  /** Passes over the images for all methods but flows, whose passes cost twenty times as much. */
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
export const MASK = { hidden: [0, 0.95] } as const;

/**
 * Learning rate of kept codes at the start times the passes. Adam moves a code's values by about the learning rate in each pass,
 * and the rate falls linearly to 0, so a code travels about half of this at most. Chosen by `npm run experiment -- kept-codes`.
 */
export const CODE_TRAVEL = 4 / 3;

export const GAP_METHODS: readonly GapMethod[] = ["autoencoder", "masked autoencoder", "kept codes", "flow"];

/** A decoder and, where there is one, its encoder. */
export interface Trained {
  readonly decoder: Decoder;
  readonly encoder: Decoder | undefined;
}

export async function trainBy(
  method: GapMethod,
  { passes, flowPasses, pixels }: Recipe,
  y: Float32Array,
  seed: number,
  settings: Settings,
  following: ReturnType<typeof followTraining>,
  codeTravel = CODE_TRAVEL,
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
        codeOptimizer: adam({ learningRate: codeTravel / passes }),
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
export function meanOf(rows: Float32Array, size: number): Float32Array {
  const sums = new Float64Array(size);
  for (const [i, value] of rows.entries()) sums[i % size]! += value;
  return Float32Array.from(sums, (sum) => (sum * size) / rows.length);
}

/** Returns the text that a trained network is kept under: all that its method depends on, but the images and the seed. */
export function keyOf(method: GapMethod, recipe: Recipe, count: number): string {
  const own: Readonly<Record<GapMethod, unknown>> = {
    autoencoder: undefined,
    "masked autoencoder": MASK,
    "kept codes": CODE_TRAVEL,
    flow: undefined,
  };
  return JSON.stringify([method, recipe, count, own[method]]);
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
export async function trainOnce(
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
