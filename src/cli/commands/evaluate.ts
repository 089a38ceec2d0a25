import type { Command } from "commander";
import type { Decoder, StandardLoss } from "../../index.ts";
import { meanOfFinite } from "../../solver/result.ts";
import {
  type EncoderReport,
  type EvaluateEncoderOptions,
  type EvaluateOptions,
  type EvaluateReport,
  evaluate,
} from "../../train/index.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addNotes } from "../help.ts";
import {
  checkDataOptions,
  dataFlags,
  readData,
  type SourcedData,
  stdinHelp,
  valuesHelp,
  weightsHelp,
  z0Help,
} from "../input/data-source.ts";
import {
  addDecoderOptions,
  addLossOptions,
  type DecoderFlags,
  decoderHelp,
  limitsOf,
  readDecoder,
  readDecoderAndLoss,
} from "../input/decoder-file.ts";
import { shortPath } from "../input/files.ts";
import {
  addFixedOptions,
  type FixedFlags,
  type FixedInputs,
  fixedOptions,
  openFixed,
} from "../input/fixed-inputs.ts";
import { checkMaskOptions, PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { zeroShareOf } from "../input/sample-numbers.ts";
import { readWeightsOf } from "../input/sample-weights.ts";
import { readFixedOf } from "../input/samples.ts";
import { readZ0Of } from "../input/starts.ts";
import { interruptSignal, unlessInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import {
  addEncodeSettings,
  addRunningOptions,
  backendOf,
  type EncodeSettings,
  encodeSettings,
  type RunningOptions,
  refuseOptions,
} from "../options/options.ts";
import { type ChosenPrior, priorOption, readPrior } from "../options/prior.ts";
import { addPriorOptions, checkPriorOptions, type PriorFlags } from "../options/prior-options.ts";
import {
  addFlowAndSolverOptions,
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
  warnOfTransparency,
  weightsAndStartFigures,
} from "../output/input-figures.ts";
import { makeFolder, writeOutputs } from "../output/output-files.ts";
import { print } from "../output/print.ts";
import { priorFigures } from "../output/prior-figures.ts";
import { showSampleProgress } from "../output/progress.ts";
import { type Figure, figure, formatMean, formatReport } from "../output/report.ts";
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
    "an autoencoder's encoder, whose codes are taken: no flow is followed without --gap",
  ),
  gap: flag(
    "",
    "with --encoder: also follow flows, and say how much higher the encoder's loss is, a score for samples of another kind",
  ),
  weights: flag("<file>", weightsHelp),
  z0: flag("<file>", z0Help),
  out: flag("<dir>", "folder for the results, made if it is missing (default: none)"),
};

/** Options of `latentflow evaluate`, as commander returns them. */
interface EvaluateJob
  extends OptionsOf<typeof EVALUATE_FLAGS>,
    DecoderFlags,
    FixedFlags,
    PriorFlags,
    RunningOptions,
    EncodeSettings {}

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
  addFixedOptions(command, "samples");
  addDecoderOptions(command);
  addEncodeSettings(addRunningOptions(command));
  addLossOptions(command);
  addPriorOptions(command);
  addFlowAndSolverOptions(command);
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
    checkMaskOptions(command);
    checkPriorOptions(command);
    if (job.encoder === undefined) {
      refuseOptions(
        command,
        ["gap"],
        "codes of flows alone; give --encoder <file>, whose codes they are compared with",
      );
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

interface Input {
  readonly data: SourcedData;
  readonly weights: Float32Array | undefined;
  readonly z0: Float32Array | undefined;
  readonly decoder: Decoder;
  readonly fixed: FixedInputs;
  readonly loss: StandardLoss;
  readonly prior: ChosenPrior;
  readonly encoder: Decoder | undefined;
  /** Flow and solver; undefined if only the encoder's codes are evaluated. */
  readonly pair: ChosenFlowAndSolver | undefined;
}

/** @param pair undefined where the encoder's codes are all */
async function runEvaluation(job: EvaluateJob, pair: ChosenFlowAndSolver | undefined): Promise<void> {
  const signal = interruptSignal();
  const stopped = "stopped; nothing is written";
  const input = await unlessInterrupted(signal, readInput(job, pair, signal), stopped);
  if (!input) return;
  if (job.out !== undefined) await makeFolder(job.out, [resultsTableName], job);
  const report = await unlessInterrupted(signal, evaluateShown(job, input, signal), stopped);
  if (!report) return;

  const outputs = job.out === undefined ? [] : await writeOutputs(job.out, [resultsFile(report)]);
  print(formatReport(figuresOf(job, input, report), outputs, job.json));
}

async function readInput(
  job: EvaluateJob,
  pair: ChosenFlowAndSolver | undefined,
  signal: AbortSignal,
): Promise<Input> {
  const { decoder, loss } = await readDecoderAndLoss(job, signal);
  const { maxBytes } = job;
  const encoder =
    job.encoder === undefined ? undefined : await readDecoder({ decoder: job.encoder, maxBytes }, signal);
  const prior = await readPrior(job, decoder, limitsOf(job, signal));
  const sources = await openFixed(decoder, job.fixed, limitsOf(job, signal));
  const data = await readData(job, "test", () => decoder, signal);
  const fixed = await readFixedOf(data, decoder, sources, job.points);
  if (job.encoder) warnOfTransparency(data, "--encoder");
  const weights = job.encoder
    ? undefined
    : await readWeightsOf(data, job, decoder.outputLayout, limitsOf(job, signal));
  const z0 = await readZ0Of(data, decoder.latentSize, job, signal);
  return { data, weights, z0, decoder, fixed, loss, prior, encoder, pair };
}

async function evaluateShown(
  job: EvaluateJob,
  { data, weights, z0, decoder, fixed, loss, prior, encoder, pair }: Input,
  signal: AbortSignal,
): Promise<EvaluateReport | EncoderReport> {
  const progress = showSampleProgress("evaluating", data.dataset.count, job.quiet ?? false, signal);
  const flow = pair && { ...pairOf(pair.flow.value, pair.solver.value), z0 };
  const by = encoder ? { encoder, ...(flow && { ...flow, gap: true as const }) } : { ...flow, weights };
  const options: EvaluateOptions | EvaluateEncoderOptions = {
    ...by,
    ...fixedOptions(fixed),
    loss,
    ...priorOption(prior),
    backend: backendOf(job),
    ...encodeSettings(job),
    signal,
    onProgress: progress.onProgress,
  };
  return evaluate(decoder, data.dataset, options).finally(progress.stop);
}

function figuresOf(
  job: EvaluateJob,
  { data, weights, decoder, fixed, loss, prior, encoder, pair }: Input,
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
 * Makes the figure of the error in hidden values. Hidden pixels that are transparent or padding have no true values, and are
 * left out.
 */
function hiddenFigure(
  { weights, mask }: EvaluateJob,
  { meanHiddenError }: Pick<EvaluateReport, "meanHiddenError">,
): Figure {
  const error = weights || mask ? meanHiddenError : undefined;
  return figure("squared error of hidden values", error === undefined ? undefined : formatMean(error), {
    meanHiddenError: error ?? null,
  });
}

/** Makes the figures of an encoder's codes. No flow was followed, so only losses that are not finite have a status. */
function encoderEndFigures({ nonfinite, meanGap }: EncoderReport, unit: string): Figure[] {
  const statuses = nonfinite > 0 ? { nonfinite } : {};
  return [
    figure("mean gap to the flows' loss", meanGap === undefined ? undefined : formatMean(meanGap, unit), {
      meanGap,
    }),
    figure("statuses", showStatuses(statuses) || undefined, {
      meanAcceptedSteps: null,
      meanBacktracks: null,
      statuses,
    }),
  ];
}
