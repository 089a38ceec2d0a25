import packageJson from "../../../package.json" with { type: "json" };
import { escapeText } from "../../base/check.ts";
import { isStackOfLayers } from "../../graph/layers.ts";
import type { Decoder, EncodeSummary, StandardLoss } from "../../index.ts";
import { termTraits } from "../../terms/terms.ts";
import { shortPath } from "../input/files.ts";
import type { ChosenFlowAndSolver } from "../options/solver-options.ts";
import type { Output } from "./output-files.ts";
import { formatCount, formatMean, formatTable } from "./table.ts";

// What the reports of all commands have in common.

/** A report as a table, and the files written. */
export function formatText(
  rows: readonly (readonly [name: string, figure: string])[],
  outputs: readonly Output[],
): string {
  // Names of files and of what they hold are anything: also what moves a terminal's cursor.
  const line = (text: string) => escapeText(text, Number.POSITIVE_INFINITY);
  const named = outputs.map(({ path, content }) => ({ name: line(shortPath(path)), content }));
  const width = Math.max(...named.map(({ name }) => name.length));
  const files = named.map(({ name, content }) => `${name.padEnd(width)}  ${content}\n`);
  return `${formatTable(rows.map(([name, figure]) => [name, line(figure)]))}\n${files.join("")}`;
}

/** A report as one JSON document, which begins with the version and ends with the files written. */
export function formatJson(figures: object, outputs: readonly Output[]): string {
  const document = {
    latentflow: packageJson.version,
    ...figures,
    files: outputs.map(({ path }) => path),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A mean loss with its name: `mean cross entropy`, `0.08123 nats`. */
export function showLoss(loss: StandardLoss, mean: number): readonly [name: string, figure: string] {
  const { title, unit } = termTraits(loss);
  return [`mean ${loss.reduction === "sum" ? "summed " : ""}${title}`, formatMean(mean, unit)];
}

/** How fast it went: `62 (0.32 s)`; a word where there was nothing to do. */
export function showSpeed(perSecond: number, seconds: number): string {
  if (Number.isNaN(perSecond)) return "none";
  return `${formatCount(Math.round(perSecond))} (${seconds.toFixed(2)} s)`;
}

/** The flow and its solver: `amd, gradient flow`. */
export function showSolver({ flow, solver }: ChosenFlowAndSolver): string {
  return `${solver.description.name}, ${flow.description.name} flow`;
}

/** What is given with samples, beside what the decoder takes. */
interface Beside {
  readonly weights?: string;
  readonly z0?: string;
}

export const besideFigures = ({ weights, z0 }: Beside) => ({
  ...(weights !== undefined && { weights }),
  ...(z0 !== undefined && { z0 }),
});

/** @param decoder whose own start flows have without `z0`; undefined where no flow is followed */
export function besideRows({ weights, z0 }: Beside, decoder: Decoder | undefined): [string, string][] {
  const startsAt = z0 === undefined ? decoder?.start && "the decoder's own start" : shortPath(z0);
  return [
    ...(weights === undefined ? [] : [["weights", shortPath(weights)] satisfies [string, string]]),
    ...(startsAt === undefined ? [] : [["flows start at", startsAt] satisfies [string, string]]),
  ];
}

/** What encoding samples has cost, and how they ended. */
export function summaryRows(figures: EncodeSummary): [string, string][] {
  return [...endingRows(figures), ...workRows(figures)];
}

/** What it has cost, however the samples ended. */
export function workRows(
  figures: Pick<EncodeSummary, "samplesPerSecond" | "seconds" | "build" | "threads">,
): [string, string][] {
  return [
    ["samples per second", showSpeed(figures.samplesPerSecond, figures.seconds)],
    // Of a run that was stopped before there was one, nothing.
    ...(figures.threads === undefined
      ? []
      : [["WASM", showBuild(figures.build, figures.threads)] satisfies [string, string]]),
  ];
}

/** How samples ended, and after how many steps. */
export function endingRows(
  figures: Pick<EncodeSummary, "statuses" | "meanAcceptedSteps" | "meanBacktracks">,
): [string, string][] {
  return [
    ["mean accepted steps", formatMean(figures.meanAcceptedSteps)],
    ["mean backtracks", formatMean(figures.meanBacktracks)],
    ["statuses", showStatuses(figures.statuses) || "none"],
  ];
}

/** How many samples ended with each status: `58 converged, 2 stalled`. */
export function showStatuses(statuses: EncodeSummary["statuses"]): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${formatCount(count)} ${status}`)
    .join(", ");
}

function showBuild(build: string, threads: number): string {
  return `${build} SIMD, ${threads === 1 ? "1 thread" : `${threads} threads`}`;
}

/**
 * What a document says of a decoder.
 *
 * @param sized the same with the samples' size, where it is one over points
 */
export function decoderFigures(file: string, decoder: Decoder, { outputSize }: Decoder = decoder) {
  const { latentSize, parameterCount, verified, start } = decoder;
  return { file, latentSize, outputSize, parameterCount, verified, hasStart: start !== undefined };
}

/** A row that says so where nobody knows whether a file's decoder was read as it was meant. */
export function verifiedRows({ verified, unverifiedReason }: Decoder): [string, string][] {
  return verified === false ? [["verified", `no, ${unverifiedReason}`]] : [];
}

/** A decoder's sizes from latent to output, after its file: `D.safetensors: 20 → 150 → 784`. */
export function showDecoder(file: string, decoder: Decoder): string {
  const withParameters = decoder.operations.filter((operation) => "weight" in operation);
  const sizes = withParameters.map(({ shape }) => shape.join("×"));
  if (isStackOfLayers(decoder)) sizes[sizes.length - 1] = String(decoder.outputSize);
  return `${shortPath(file)}: ${[decoder.latentSize, ...sizes].join(" → ")}`;
}
