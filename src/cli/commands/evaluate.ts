import type { Command } from "commander";
import { meanOfFinite } from "../../solver/result.ts";
import {
  type EncoderReport,
  type EvaluateEncoderOptions,
  type EvaluateOptions,
  type EvaluateReport,
  evaluate,
  type FlowsBeside,
} from "../../train/index.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addNotes } from "../help.ts";
import { type Ids, openIdColumns, readIds } from "../input/array-files/parquet-ids.ts";
import {
  checkDataOptions,
  dataFlags,
  readData,
  stdinHelp,
  valuesHelp,
  weightsHelp,
  z0Help,
} from "../input/data-source.ts";
import { decoderHelp, limitsOf, readDecoder, readDecoderAndLoss } from "../input/decoder-file.ts";
import { shortPath } from "../input/files.ts";
import { fixedOptions, openFixed, readFixedOf } from "../input/fixed-inputs.ts";
import type { DataLimits } from "../input/open-data.ts";
import { expandFiles } from "../input/pictures/expand-files.ts";
import { PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { zeroShareOf } from "../input/sample-numbers.ts";
import { readWeightsOf } from "../input/sample-weights.ts";
import type { SourcedData } from "../input/samples.ts";
import { readZ0Of } from "../input/starts.ts";
import { interruptSignal, unlessInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { addEncodingOptions, type EncodingOptions } from "../options/job.ts";
import { textOf } from "../options/library-flags.ts";
import { checkPriorOptions, priorOption, readPrior } from "../options/prior.ts";
import { backendOf, encodeSettings, refuseOptions, refuseWithout } from "../options/running.ts";
import {
  type ChosenFlowAndSolver,
  chosenFlowAndSolver,
  pairOf,
  refuseFlowAndSolver,
} from "../options/solver-options.ts";
import {
  dataFigures,
  decoderEntry,
  decoderFigure,
  fixedFigures,
  missingFigure,
  warnOfTransparency,
  weightsAndStartFigures,
} from "../output/input-figures.ts";
import { makeFolder, writeOutputs } from "../output/output-files.ts";
import { print, say } from "../output/print.ts";
import { priorFigures } from "../output/prior-figures.ts";
import { showProgress } from "../output/progress.ts";
import { type Figure, figure, formatCount, formatMean, formatReport } from "../output/report.ts";
import {
  endFigures,
  lossFigures,
  showOver,
  showStatuses,
  solverFigure,
  wordsOf,
  workFigures,
} from "../output/result-figures.ts";
import { resultsFile, resultsTableName } from "../output/results.ts";

const EVALUATE_FLAGS = {
  decoder: flag("<file>", decoderHelp, { required: true }),
  ...dataFlags("test", "evaluate"),
  ...PICTURE_FLAGS,
  encoder: flag(
    "<file>",
    "file of an autoencoder's encoder, whose codes are evaluated in place of a flow's, with --gap both; without weights and masks",
  ),
  gap: flag("", `with --encoder: ${textOf("evaluate", "gap")}`),
  weights: flag("<file>", weightsHelp),
  z0: flag("<file>", z0Help),
  out: flag("<dir>", "folder for the results, made if it is missing (default: none)"),
};

/** Parsed options of `latentflow evaluate`. */
interface EvaluateJob extends EncodingOptions, OptionsOf<typeof EVALUATE_FLAGS> {}

/** Adds `latentflow evaluate` to the program. */
export function addEvaluateCommand(program: Command): void {
  const command = program
    .command("evaluate")
    .summary("say how well a decoder encodes samples")
    .description(
      "Encodes samples, unseen ones for example, and prints their mean loss, and for\n" +
        "cross entropy how far that is above the targets' own entropy, the least that\n" +
        "there can be. Where --mask or --weights hide values that the data have, it\n" +
        "prints the mean squared error of these, too. With --out it writes to DIR:\n" +
        "  results.csv          a line per sample: losses, gradient norm, status, steps\n" +
        "                       and t; with a prior its value and the objective, too;\n" +
        "                       with --encoder neither status nor steps nor t; with\n" +
        "                       --gap the gap\n" +
        "A file of this name in DIR is replaced.",
    );
  addFlags(command, EVALUATE_FLAGS, "What and where:");
  addEncodingOptions(command, "evaluate");
  addNotes(
    command,
    `
${valuesHelp}
${stdinHelp}
${exitCodesHelp("nothing is written")}`,
    `  $ latentflow evaluate --decoder trained/decoder.safetensors --dataset mnist
  $ latentflow evaluate --decoder D.safetensors --data digits.npy \\
      --limit 320 --json`,
  );
  command.action(async (job: EvaluateJob) => {
    checkDataOptions(command);
    checkPriorOptions(command);
    if (job.encoder === undefined) {
      refuseWithout(command, "--encoder <file>, whose codes are compared with those of flows", ["gap"]);
    } else {
      refuseOptions(command, ["weights", "mask"], "--encoder, which takes all values alike");
    }
    if (job.encoder === undefined || job.gap) return runEvaluation(job, chosenFlowAndSolver(command));
    const noFlow = "--encoder: no flow is followed, except with --gap";
    refuseFlowAndSolver(command, noFlow);
    refuseOptions(command, ["z0"], noFlow);
    return runEvaluation(job, undefined);
  });
}

/**
 * Evaluates a decoder, writes `results.csv` if `--out` is given, and prints the report.
 *
 * @param pair flow and solver; undefined if only the encoder's codes are evaluated
 */
async function runEvaluation(job: EvaluateJob, pair: ChosenFlowAndSolver | undefined): Promise<void> {
  const signal = interruptSignal();
  const stopped = "stopped; nothing is written";
  const input = await unlessInterrupted(signal, readInput(job, signal), stopped);
  if (!input) return;
  if (job.out !== undefined) await makeFolder(job.out, [resultsTableName], job);
  const report = await unlessInterrupted(signal, evaluateShown(job, input, pair, signal), stopped);
  if (!report) return;
  for (const warning of report.warnings) say(`warning: ${warning}`);

  const outputs =
    job.out === undefined ? [] : await writeOutputs(job.out, [resultsFile({ ...report, ids: input.ids })]);
  print(formatReport(figuresOf(job, input, pair, report), outputs, job.json));
}

type Input = Awaited<ReturnType<typeof readInput>>;

async function readInput(job: EvaluateJob, signal: AbortSignal) {
  const limits = limitsOf(job, signal);
  const { decoder, loss } = await readDecoderAndLoss(job, signal);
  const { encoder: file, maxBytes } = job;
  const encoder = file === undefined ? undefined : await readDecoder({ decoder: file, maxBytes }, signal);
  const prior = await readPrior(job, decoder, limits);
  const sources = await openFixed(decoder, job.fixed, limits);
  const data = await readData(job, "test", () => decoder, signal);
  const fixed = await readFixedOf(data, decoder, sources, job.points);
  if (encoder) warnOfTransparency(data, "--encoder");
  const weights = encoder ? undefined : await readWeightsOf(data, job, decoder.outputLayout, limits);
  const z0 = await readZ0Of(data, decoder.latentSize, job.z0, limits);
  const ids = job.idColumn === undefined ? undefined : await readIdsOf(job.idColumn, job, data, limits);
  return { data, ids, weights, z0, decoder, fixed, loss, prior, encoder };
}

async function readIdsOf(
  column: string,
  job: EvaluateJob,
  data: SourcedData,
  limits: DataLimits,
): Promise<Ids> {
  const paths = await expandFiles("--data", job.data!);
  const files = await openIdColumns("--data", paths, column, limits, data.array?.tables);
  return readIds(files, 0, data.count);
}

async function evaluateShown(
  job: EvaluateJob,
  { data, weights, z0, decoder, fixed, loss, prior, encoder }: Input,
  pair: ChosenFlowAndSolver | undefined,
  signal: AbortSignal,
): Promise<EvaluateReport | EncoderReport> {
  const title = `evaluating ${formatCount(data.count)} samples`;
  const display = showProgress(title, data.count, job.quiet, signal);
  const flow = pair && { ...pairOf(pair.flow.value, pair.solver.value), z0 };
  const by = encoder ? { encoder, ...(flow && { ...flow, gap: true as const }) } : { ...flow, weights };
  const options: EvaluateOptions | EvaluateEncoderOptions = {
    ...by,
    ...fixedOptions(fixed),
    loss,
    ...priorOption(prior),
    backend: backendOf(job),
    ...encodeSettings(job, "evaluate"),
    signal,
    onProgress: display.update,
  };
  return evaluate(decoder, data.dataset, options).finally(display.stop);
}

function figuresOf(
  job: EvaluateJob,
  { data, weights, decoder, fixed, loss, prior, encoder }: Input,
  pair: ChosenFlowAndSolver | undefined,
  report: EvaluateReport | EncoderReport,
): Figure[] {
  const hasFlow = "status" in report;
  const words = { ...wordsOf(loss), over: showOver(weights !== undefined, job) };
  const { meanLoss, meanObjective, meanExcessLoss } = report;
  const means = {
    meanInitialLoss: hasFlow ? report.meanInitialLoss : null,
    meanLoss,
    meanTargetEntropy: words.floor ? meanLoss - meanExcessLoss : null,
    meanExcessLoss: words.floor ? meanExcessLoss : null,
    meanPrior: report.prior ? meanOfFinite(report.prior) : null,
    meanObjective,
  };
  return [
    decoderFigure(job.decoder, decoder, fixed.decoder),
    ...dataFigures(data, job),
    missingFigure(report.missing, report.missing.length * fixed.decoder.outputSize),
    ...fixedFigures(fixed),
    ...weightsAndStartFigures(job, pair && decoder, job.mask && weights && zeroShareOf(weights)),
    { json: { loss } },
    ...priorFigures(prior),
    ...(encoder
      ? [figure("encoder", shortPath(job.encoder!), { encoder: decoderEntry(job.encoder!, encoder) })]
      : []),
    ...(pair ? [solverFigure(pair)] : []),
    ...lossFigures(means, words),
    hiddenFigure(job, report),
    ...(hasFlow ? endFigures(report) : encoderEndFigures(report, words.unit)),
    ...workFigures(report),
  ];
}

/**
 * Makes the report's entry on the error in hidden values: those with a weight of 0. Transparent and padding pixels have
 * no true values, and are left out.
 */
function hiddenFigure(
  { weights, mask }: EvaluateJob,
  report: Pick<EvaluateReport, "meanHiddenError">,
): Figure {
  const meanHiddenError = (weights || mask ? report.meanHiddenError : undefined) ?? null;
  return figure("squared error of hidden values", formatMean(meanHiddenError), { meanHiddenError });
}

/**
 * Makes the report's entries on an encoder's codes, and with `--gap` on the flows beside them. Without flows there are no steps,
 * and the only possible status is `nonfinite`, of a loss that is not finite.
 */
function encoderEndFigures({ nonfinite, meanGap, flows }: EncoderReport, unit: string): Figure[] {
  const statuses = nonfinite > 0 ? { nonfinite } : {};
  const ends = { meanAcceptedSteps: null, meanBacktracks: null, statuses };
  return [
    figure("mean gap, the encoder's less the flows'", formatMean(meanGap, unit), { meanGap }),
    figure("statuses", showStatuses(statuses) || undefined, ends),
    ...(flows ? [figure("statuses of the flows", showStatuses(flows.statuses), flowsEntry(flows))] : []),
  ];
}

function flowsEntry({ meanLoss, meanAcceptedSteps, meanBacktracks, statuses }: FlowsBeside) {
  return { flows: { meanLoss, meanAcceptedSteps, meanBacktracks, statuses } };
}
