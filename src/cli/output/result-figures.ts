import type { EncodeSummary, StandardLoss } from "../../index.ts";
import { lossTraits } from "../../terms/losses.ts";
import type { WeightFlags } from "../input/pictures/picture-options.ts";
import type { ChosenFlowAndSolver } from "../options/solver-options.ts";
import { LOW_SAMPLE_SIZE, type RunSummary } from "../parts/run-summary.ts";
import { chosenVectors } from "../vectors.ts";
import { countOf, type Figure, figure, formatCount, formatMean } from "./report.ts";

// Report entries on the results of a run, shared by several commands.

/** Makes the report entry on the flow and its solver. */
export function solverFigure({ flow, solver }: ChosenFlowAndSolver): Figure {
  return figure("solver", `${solver.description.name}, ${flow.description.name} flow`, {
    flow: flow.description,
    solver: solver.description,
  });
}

/** Labels and units of mean losses in a report. */
export interface LossWords {
  /** Label of the mean loss at the start of the flows; undefined to leave out its row. */
  readonly before?: string;
  /** Label of the mean loss at the end of the flows. */
  readonly after: string;
  /** Name of the loss's floor, the targets' entropy; undefined if the floor is 0. */
  readonly floor?: string | undefined;
  readonly unit: string;
  /** Phrase that tells which values the losses average, such as those not hidden; undefined if all values have equal weight. */
  readonly over?: string | undefined;
}

/**
 * Returns a phrase that tells which values the losses average: those a mask leaves visible, or all, weighted; undefined if all
 * values have equal weight.
 */
export function showOver(isWeighted: boolean, { weights }: Pick<WeightFlags, "weights">): string | undefined {
  if (!isWeighted) return undefined;
  return weights === undefined ? "of the values that are seen" : "of the values, by their weights";
}

/** Returns the labels for the mean of a loss, such as `mean cross entropy`, and its unit, such as nats. */
export function wordsOf(loss: StandardLoss): LossWords {
  const { title, unit, floor } = lossTraits(loss);
  const after = `mean ${loss.reduction === "sum" ? "summed " : ""}${title}`;
  return { after, floor: floor?.name, unit };
}

/** Mean losses over all samples with a finite value. The one at the start of the flows is null if no flow is followed. */
type MeanLosses = Pick<RunSummary, "meanLoss" | "meanTargetEntropy" | "meanExcessLoss" | "meanPrior"> &
  Pick<RunSummary, "meanObjective"> & { readonly meanInitialLoss: number | null };

/** Makes the report entries on the mean losses and, with a prior, on the means of the prior and the objective. */
export function lossFigures(means: MeanLosses, { before, after, floor, unit, over }: LossWords): Figure[] {
  const { meanInitialLoss, meanLoss, meanTargetEntropy, meanExcessLoss, meanPrior, meanObjective } = means;
  const showOfValues = (mean: number | null) =>
    mean === null ? undefined : `${formatMean(mean, unit)}${over ? `, ${over}` : ""}`;
  // The objective is loss + prior/N, where N is the divisor of the loss.
  const showPrior = (mean: number) =>
    `${formatMean(mean, " nats")}, which adds ${formatMean(meanObjective - meanLoss, unit)} to the mean objective`;
  return [
    figure(before, showOfValues(meanInitialLoss), { meanInitialLoss }),
    figure(after, showOfValues(meanLoss), { meanLoss }),
    figure(floor && `above ${floor}`, formatMean(meanExcessLoss, unit), {
      meanTargetEntropy,
      meanExcessLoss,
    }),
    figure("mean weighted prior", meanPrior === null ? undefined : showPrior(meanPrior), { meanPrior }),
    figure(meanPrior === null ? undefined : "mean objective", formatMean(meanObjective, unit), {
      meanObjective,
    }),
  ];
}

/** Makes the report entries on how the samples' flows ended, such as converged or stalled, and after how many steps. */
export function endFigures(
  ends: Pick<EncodeSummary, "meanAcceptedSteps" | "meanBacktracks" | "statuses">,
): Figure[] {
  const { meanAcceptedSteps, meanBacktracks, statuses } = ends;
  return [
    figure("mean accepted steps", formatMean(meanAcceptedSteps), { meanAcceptedSteps }),
    figure("mean backtracks", formatMean(meanBacktracks), { meanBacktracks }),
    figure("statuses", showStatuses(statuses) || "none", { statuses }),
  ];
}

/** Makes the report entry on the codes drawn for each sample; none if no codes were drawn. */
export function samplingFigures({ sampling }: Pick<RunSummary, "sampling">): Figure[] {
  if (!sampling) return [];
  const { codesPerSample, medianEffectiveSampleSize, leastEffectiveSampleSize, lowEffectiveSampleSizes } =
    sampling;
  const sizes =
    `median ${formatMean(medianEffectiveSampleSize)} of ${formatCount(codesPerSample)} codes, ` +
    `least ${formatMean(leastEffectiveSampleSize)}`;
  // No effective sample size is larger than the number of codes.
  const low =
    codesPerSample > LOW_SAMPLE_SIZE
      ? `, below ${LOW_SAMPLE_SIZE} in ${countOf(lowEffectiveSampleSizes, "sample")}`
      : "; too few codes to tell how good they are, give 100 say";
  return [figure("effective sample size", sizes + low, sampling)];
}

/** Formats the number of samples with each status: `58 converged, 2 stalled`. */
export function showStatuses(statuses: EncodeSummary["statuses"]): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${formatCount(count)} ${status}`)
    .join(", ");
}

/** Makes the report entries on the time that encoding took, and on the kernels and threads in use. */
export function workFigures(
  work: Pick<EncodeSummary, "samples" | "seconds" | "samplesPerSecond" | "backend" | "build" | "threads">,
  hasEarlier = false,
): Figure[] {
  const { samples, seconds, samplesPerSecond, backend, build, threads } = work;
  const speed = `${showSpeed(samplesPerSecond, seconds)}${hasEarlier ? ", of all parts, also those that were there" : ""}`;
  return [
    figure("samples per second", speed, { samples, seconds, samplesPerSecond }),
    figure("WASM", threads ? `${build} SIMD, ${showVectors()}, ${countOf(threads, "thread")}` : undefined, {
      backend,
      build,
      threads,
      ...vectorsEntry(),
    }),
  ];
}

/** Makes the report entry on the kernels in use, for commands whose results do not say which backend ran. */
export function kernelsFigure(): Figure {
  const build = chosenVectors()?.build;
  return figure("WASM", `${build} SIMD, ${showVectors()}`, { build, ...vectorsEntry() });
}

function vectorsEntry() {
  const { bits, reason } = chosenVectors() ?? {};
  return { vectors: bits, vectorsReason: reason };
}

/** Formats the vector size that `--vectors` chose: `256-bit vectors`. */
function showVectors(): string {
  const { bits = 128, reason } = chosenVectors() ?? {};
  return `${bits}-bit vectors${reason === undefined ? "" : ` (${reason})`}`;
}

/** Formats a speed with the time in brackets: `62 (0.32 s)`; "none" if nothing was computed. */
export function showSpeed(perSecond: number, seconds: number): string {
  if (Number.isNaN(perSecond)) return "none";
  return `${formatCount(Math.round(perSecond))} (${seconds.toFixed(2)} s)`;
}
