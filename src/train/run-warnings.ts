import { isBlank, type TrainStep } from "./progress.ts";

// Warnings about how the loss of a training run went.

/** Rise of the loss above its best, as a multiple of that, from which a run counts as diverged. */
const RISE = 1;
/** Share of the loss by which another epoch has to lower it for a warning. */
const FAST = 0.05;
/** Difference of two means, in standard errors, from which it is no chance. */
const SURE = 2;
/** Number of parts of a single epoch that are compared: of more, samples that differ would hide the fall. */
const PARTS = 5;

/** Number of updates from which a tenth of a run's is compared: of fewer, samples that differ would look like a rise. */
const ENOUGH = 5;

/** Returns the warnings about the losses of a run's updates: that it diverged, or that the loss still falls fast at the end. */
export function runWarnings(history: readonly TrainStep[], epochs: number): string[] {
  const losses = history.filter((step) => !isBlank(step)).map(({ loss }) => loss);
  const tenth = Math.ceil(losses.length / 10);
  const last = losses.slice(-tenth);
  const end = meanOf(last);
  // The first mini-batch is from before any update: a rate that is far too large spoils all others.
  let best = { loss: losses[0] ?? 0, at: "at the start" };
  for (let i = 0; tenth >= ENOUGH && i + tenth <= losses.length; i += tenth) {
    const loss = meanOf(losses.slice(i, i + tenth));
    if (loss < best.loss) best = { loss, at: "over another tenth" };
  }
  const isWorse = end - best.loss > RISE * Math.abs(best.loss) && last.every((loss) => loss > best.loss);
  if (losses.length > 0 && (isWorse || !Number.isFinite(end))) {
    return [
      `training has diverged: the loss is ${showLoss(end)} over the last tenth of the updates, ` +
        `${showLoss(best.loss)} ${best.at}; give the optimizer a smaller learning rate, or clip gradients`,
    ];
  }
  return stillFalling(losses, epochs);
}

/**
 * Returns a warning if the loss still falls fast. Whole epochs are compared, since all have the same samples, and the parts of a
 * run of one epoch. A further epoch is taken to lower the loss by the same factor.
 */
function stillFalling(losses: readonly number[], epochs: number): string[] {
  const parts = epochs > 1 ? epochs : PARTS;
  const size = Math.max(2, Math.round(losses.length / parts));
  if (losses.length < 2 * size) return [];
  const [before, after] = [losses.slice(-2 * size, -size), losses.slice(-size)];
  const [from, to] = [meanOf(before), meanOf(after)];
  const error = Math.sqrt((varianceOf(before) + varianceOf(after)) / size);
  const perEpoch = epochs > 1 ? 1 : losses.length / size;
  const fall = to * (1 - (to / from) ** perEpoch);
  if (!(to > 0 && from - to > SURE * error && fall > FAST * to)) return [];
  const part = epochs > 1 ? "epoch" : "fifth of the updates";
  return [
    `the loss still falls fast: ${showLoss(to)} in the last ${part}, ${showLoss(from)} in the one before; one more epoch ` +
      `may lower it by ${Number(fall.toPrecision(2))}`,
  ];
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the unbiased estimate of the variance of at least two values. */
function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

function showLoss(loss: number): string {
  return `${Number(loss.toPrecision(4))}`;
}
