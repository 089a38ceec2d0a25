import type { EncodeSummary, StandardLoss } from "../../index.ts";
import { lossTraits } from "../../terms/losses.ts";
import type { WeightFlags } from "../input/pictures/picture-options.ts";
import type { ChosenFlowAndSolver } from "../options/solver-options.ts";
import { LOW_SAMPLE_SIZE, type RunSummary } from "../parts/run-summary.ts";
import { chosenVectors } from "../vectors.ts";
import { countOf, type Figure, figure, formatCount, formatMean } from "./report.ts";

// What a run has come to: figures that the reports of several commands share.

/** Figure of the flow and its solver. */
export function solverFigure({ flow, solver }: ChosenFlowAndSolver): Figure {
  return figure("solver", `${solver.description.name}, ${flow.description.name} flow`, {
    flow: flow.description,
    solver: solver.description,
  });
}

/** Words of a report for mean losses. */
export interface LossWords {
  /** Label of the mean loss where the flows start; undefined leaves its row out. */
  readonly before?: string;
  /** Label of the mean loss at the end. */
  readonly after: string;
  /** Name of the least loss that the targets allow, where there is one. */
  readonly floor?: string | undefined;
  readonly unit: string;
  /** Description of the values that the losses are means over; undefined if all count equally. */
  readonly over?: string | undefined;
}

/** Words for the values that losses are means over: those of a mask that are seen, or weighted ones; undefined for all alike. */
export function showOver(isWeighted: boolean, { weights }: Pick<WeightFlags, "weights">): string | undefined {
  if (!isWeighted) return undefined;
  return weights === undefined ? "of the values that are seen" : "of the values, by their weights";
}

/** Words for a loss: `mean cross entropy`, in nats. */
export function wordsOf(loss: StandardLoss): LossWords {
  const { title, unit, floor } = lossTraits(loss);
  const after = `mean ${loss.reduction === "sum" ? "summed " : ""}${title}`;
  return { after, floor: floor?.name, unit };
}

/** Mean losses of samples, over the finite values; that at the flows' starts is null if no flow is followed. */
type MeanLosses = Pick<RunSummary, "meanLoss" | "meanTargetEntropy" | "meanExcessLoss" | "meanPrior"> &
  Pick<RunSummary, "meanObjective"> & { readonly meanInitialLoss: number | null };

/** Figures of the mean losses and, with a prior, of its mean and of the objective's. */
export function lossFigures(means: MeanLosses, { before, after, floor, unit, over }: LossWords): Figure[] {
  const { meanInitialLoss, meanLoss, meanTargetEntropy, meanExcessLoss, meanPrior, meanObjective } = means;
  const showOfValues = (mean: number | null) =>
    mean === null ? undefined : `${formatMean(mean, unit)}${over ? `, ${over}` : ""}`;
  // The prior counts as prior/N, N what the loss is divided by.
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

/** Figures of how samples ended, and after how many steps. */
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

/** Figures of the codes drawn for each sample; none where none are drawn. */
export function samplingFigures({ sampling }: Pick<RunSummary, "sampling">): Figure[] {
  if (!sampling) return [];
  const { codesPerSample, medianEffectiveSampleSize, leastEffectiveSampleSize, lowEffectiveSampleSizes } =
    sampling;
  const sizes =
    `median ${formatMean(medianEffectiveSampleSize)} of ${formatCount(codesPerSample)} codes, ` +
    `least ${formatMean(leastEffectiveSampleSize)}, below ${LOW_SAMPLE_SIZE} in ${countOf(lowEffectiveSampleSizes, "sample")}`;
  return [figure("effective sample size", sizes, sampling)];
}

/** Numbers of samples with each status: `58 converged, 2 stalled`. */
export function showStatuses(statuses: EncodeSummary["statuses"]): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${formatCount(count)} ${status}`)
    .join(", ");
}

/** Figures of the time that encoding took, and of the kernels and threads that did it. */
export function workFigures(
  work: Pick<EncodeSummary, "samples" | "seconds" | "samplesPerSecond" | "backend" | "build" | "threads">,
): Figure[] {
  const { samples, seconds, samplesPerSecond, backend, build, threads } = work;
  const speed = showSpeed(samplesPerSecond, seconds);
  return [
    figure("samples per second", speed, { samples, seconds, samplesPerSecond }),
    figure("WASM", threads ? `${build} SIMD, ${showVectors()}${countOf(threads, "thread")}` : undefined, {
      backend,
      build,
      threads,
      vectors: chosenVectors()?.bits,
    }),
  ];
}

/** Vectors as `--vectors` has chosen them: `256-bit vectors, `. */
function showVectors(): string {
  const { bits = 128, reason } = chosenVectors() ?? {};
  return `${bits}-bit vectors${reason === undefined ? "" : ` (${reason})`}, `;
}

/** Speed and time: `62 (0.32 s)`; "none" where nothing was done. */
export function showSpeed(perSecond: number, seconds: number): string {
  if (Number.isNaN(perSecond)) return "none";
  return `${formatCount(Math.round(perSecond))} (${seconds.toFixed(2)} s)`;
}
