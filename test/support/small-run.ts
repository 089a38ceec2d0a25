import { createDataset } from "../../src/api/dataset.ts";
import { adam } from "../../src/backend/optimizer.ts";
import { amd, binaryCrossEntropy, createDecoder, type Decoder } from "../../src/index.ts";
import { shift } from "../../src/train/augment.ts";
import type { TrainOptions, TrainResult } from "../../src/train/options.ts";
import { linear } from "../../src/train/schedule.ts";
import { train } from "../../src/train/train.ts";
import { randomArray } from "./random.ts";

// A run of a few milliseconds that uses all there is to keep: both random states, warm starts, two state vectors,
// the count of updates, validations, and a last mini-batch of each epoch that is smaller.

export const smallDecoder: Decoder = createDecoder({
  layers: [3, 8, 9],
  seed: 1,
  loss: binaryCrossEntropy(),
  outputShape: [3, 3],
});
export const smallData = createDataset(randomArray(1, 17 * 9, 0, 1), { shape: [3, 3] });
const validationData = createDataset(randomArray(2, 5 * 9, 0, 1), { shape: [3, 3] });

export const smallOptions: TrainOptions = {
  solver: amd({ maxSteps: 8 }),
  optimizer: adam({ learningRate: 0.01 }),
  schedule: linear(),
  epochs: 3,
  seed: 7,
  warmStart: true,
  augment: shift({ pixels: 1 }),
  gradientClip: 0.1,
  validation: { data: validationData, everyImages: 20 },
};

/** The run with other options in place of its own. */
export function runSmall(options: TrainOptions = {}): Promise<TrainResult> {
  return train(smallDecoder, smallData, { ...smallOptions, ...options } as TrainOptions);
}

/** What must be the same, bit for bit, however often a run was interrupted. */
export function endOf({ decoder, history, validation }: TrainResult): object {
  return { parameters: Array.from(decoder.parameters), history, validation };
}

/** A run that gives out a checkpoint after every update. */
export async function runWithCheckpoints(options: TrainOptions = {}) {
  const checkpoints: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
  const result = await runSmall({ ...options, checkpoint: { save, everySeconds: 0 } } as TrainOptions);
  return { result, checkpoints };
}

/** Goes on from these bytes, and keeps no more. */
export const resumeFrom = (resume: Uint8Array) => ({ checkpoint: { save() {}, resume } });

/** A signal that is aborted from the `looks`-th time on that somebody looks at it, for aborts at every place of a run. */
export function abortedAtLook(looks: number, reason: Error): AbortSignal {
  let left = looks;
  const { signal } = new AbortController();
  const aborts = () => --left <= 0;
  Object.defineProperty(signal, "aborted", { get: aborts });
  signal.throwIfAborted = () => {
    if (aborts()) throw reason;
  };
  return signal;
}
