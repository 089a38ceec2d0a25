import { checkNumber, invalid, invalidFile } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import { checkRandomState } from "../base/random.ts";
import { codesTensors, type RunState } from "./checkpoint.ts";
import type { CodesState } from "./codes.ts";
import type { RunDescription } from "./run-description.ts";
import { asksForMoreEpochs, OtherRunError, runDifferences } from "./run-differences.ts";
import { checkSamplerState } from "./sampler.ts";

// Whether a run can go on from a checkpoint. That it is not damaged its checksum has shown.

/**
 * Refuses a checkpoint of another run.
 *
 * @throws OtherRunError
 */
export function checkSameRun(where: string, there: RunDescription, here: RunDescription): void {
  const found = runDifferences(there, here);
  if (found.length === 0) return;
  const longer = asksForMoreEpochs(found)
    ? ": to train longer, from the decoder that that one ended with"
    : "";
  const advice = `Give what it was made from, or start a new run elsewhere${longer}`;
  throw new OtherRunError(`${where} is a checkpoint of another run`, found, advice);
}

/** What bounds the states of a run. */
export interface RunBounds {
  /** Samples that it is trained on. */
  readonly samples: number;
  readonly batchSize: number;
  /** Images in all. */
  readonly total: number;
}

/**
 * Refuses a state that no run like this one can have been in: a checksum finds damage, not what was written wrong.
 * Parameters and the optimizer's state may be anything: those of a run that has diverged are not finite either.
 *
 * @param here where this run stands
 * @throws LatentflowError `invalid_file`, whose message says what is impossible
 */
export function checkState(where: string, there: RunState, here: RunState, bounds: RunBounds): void {
  const at = `${where}: the checkpoint is not one that a run like this one writes`;
  try {
    checkSizes(at, there, here);
    checkPosition(at, there, bounds);
    checkRandomState(at, "random", there.random);
    checkHistory(at, there);
    if (there.codes) checkCodes(at, there.codes, there.history.length);
  } catch (error) {
    // It is no argument that is wrong.
    throw error instanceof LatentflowError ? invalidFile(markedMessage(error)) : error;
  }
}

function checkSizes(at: string, there: RunState, here: RunState): void {
  const sizesOf = ({ codes, trainer: { parameters, vectors } }: RunState) =>
    [
      `parameters ${parameters.length}`,
      ...vectors.map(({ length }, i) => `optimizer.${i} ${length}`),
      ...Object.entries(codesTensors(codes)).map(([name, { length }]) => `${name} ${length}`),
    ].join(", ");
  const [got, expected] = [sizesOf(there), sizesOf(here)];
  if (got !== expected) throw invalid(`${at}: the sizes of its tensors are ${got}, expected ${expected}`);
}

function checkPosition(
  at: string,
  { images, sampler, trainer, history }: RunState,
  { samples, batchSize, total }: RunBounds,
): void {
  checkNumber(at, "images", images, { min: 0, max: total, integer: true });
  checkSamplerState(`${at}: sampler`, sampler, samples, batchSize);
  const drawn = sampler.epoch * samples + sampler.position;
  if (images !== drawn) {
    throw invalid(`${at}: images is ${images}, expected ${drawn}, as many as its sampler has drawn`);
  }
  // One that was left out, for a gradient that is not finite, is in the history alone.
  checkNumber(at, "updates", trainer.updates, { min: 0, max: history.length, integer: true });
}

function checkHistory(at: string, { images, history, validation }: RunState): void {
  const last = checkImages(at, "history", history, images);
  if (last !== images) throw invalid(`${at}: its history ends after ${last} images, expected ${images}`);
  for (const [i, { gradientNorm }] of history.entries()) {
    if (!(gradientNorm < 0)) continue;
    throw invalid(`${at}: history[${i}].gradientNorm is ${gradientNorm}, expected no negative number`);
  }
  checkImages(at, "validation", validation, images);
}

/** Refuses counts of images that fall, or exceed `most`; returns the last one. */
function checkImages(
  at: string,
  name: string,
  entries: readonly { readonly images: number }[],
  most: number,
): number {
  let last = 0;
  for (const [i, { images }] of entries.entries()) {
    last = checkNumber(at, `${name}[${i}].images`, images, { min: last, max: most, integer: true });
  }
  return last;
}

function checkCodes(at: string, { values, vectors, updates }: CodesState, most: number): void {
  const numbers = { codes: values, ...Object.fromEntries(vectors.map((each, i) => [`codes.${i}`, each])) };
  for (const [name, all] of Object.entries(numbers)) {
    for (const [i, value] of all.entries()) checkNumber(at, `${name}[${i}]`, value);
  }
  for (const [sample, count] of updates.entries()) {
    checkNumber(at, `codes.updates[${sample}]`, count, { min: 0, max: most, integer: true });
  }
}
