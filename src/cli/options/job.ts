import type { Command } from "commander";
import { SAMPLE_CODES_FIELDS } from "../../api/sample-codes.ts";
import type { EncodeOptions, StandardLoss } from "../../index.ts";
import { weightsHelp, z0Help } from "../input/data-source.ts";
import { addDecoderOptions, addLossOptions, type DecoderFlags, decoderHelp } from "../input/decoder-file.ts";
import { addFixedOptions, type FixedFlags } from "../input/fixed-inputs.ts";
import { dataHelp } from "../input/open-data.ts";
import { PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { idColumnHelp, TABLE_FLAGS } from "../input/tables/table-flags.ts";
import { parsePartFlag } from "../parts/part-flag.ts";
import type { ChosenPart } from "../parts/part-range.ts";
import { formatFlag } from "../parts/write-results.ts";
import { flag, type OptionsOf } from "./flag-table.ts";
import { settingFlag, textOf } from "./library-flags.ts";
import { parseCount } from "./parse.ts";
import { addPriorOptions, type ChosenPrior, type PriorFlags, priorOption } from "./prior.ts";
import {
  addEncodeSettings,
  addRunningOptions,
  backendOf,
  type EncodeSettings,
  encodeSettings,
  type RunningOptions,
} from "./running.ts";
import { addFlowAndSolverOptions, type ChosenFlowAndSolver, pairOf } from "./solver-options.ts";

/** Options of `latentflow encode` for its samples and results. */
export const ENCODE_FLAGS = {
  decoder: flag("<file>", decoderHelp, { required: true }),
  data: flag("<files...>", dataHelp, { required: true, gives: ["y"] }),
  out: flag("<dir>", "folder for the results, made if it is missing", { required: true }),
  complete: flag(
    "<file>",
    "file for the one of --data, an array or a table, with its missing and hidden values filled in by the decoder; its ending as that of --data (default: where any is missing, completed/NAME in --out)",
  ),
  limit: flag("<n>", "encode the first n samples (default: all)", { parse: parseCount }),
  weights: flag("<file>", weightsHelp),
  ...PICTURE_FLAGS,
  z0: flag("<file>", z0Help),
  reconstructions: flag("", "also write reconstructions.npy, the decoded codes", {
    gives: ["hasReconstructions"],
  }),
  samples: flag(
    "<n>",
    "number of codes to draw for each sample from its posterior, each with a weight; needs a prior",
    { parse: parseCount, gives: ["sampleCodes.count", "codesPerSample"] },
  ),
  samplesSeed: settingFlag(SAMPLE_CODES_FIELDS.seed, `with --samples: ${textOf("sampleCodes", "seed")}`, [
    "sampleCodes.seed",
  ]),
  format: formatFlag("; of --part, give it to merge"),
  ...TABLE_FLAGS,
  idColumn: flag("<name>", idColumnHelp),
};

/** Options of `latentflow encode` for large runs. */
export const PART_FLAGS = {
  parts: flag(
    "<n>",
    "number of equal parts, kept in DIR/parts until all are done (default: of some minutes each)",
    { parse: parseCount },
  ),
  part: flag(
    "<i/n>",
    "compute part I of N alone, I from 0, into DIR/parts; auto: the batch system's task of --parts; implies --plain",
    { parse: parsePartFlag },
  ),
};

/** Parsed options that all encoding commands share. */
export interface EncodingOptions
  extends DecoderFlags,
    FixedFlags,
    PriorFlags,
    RunningOptions,
    EncodeSettings {}

/**
 * Adds the options that all encoding commands share to a command: those of fixed inputs, the decoder, the run, the loss, the
 * prior, the flow and the solver. Those of fixed inputs join the current group of the help.
 *
 * @param call function of the library whose numbers, words and switches the command has as flags
 */
export function addEncodingOptions(command: Command, call: "encode" | "evaluate"): void {
  addFixedOptions(command, "samples");
  addDecoderOptions(command);
  addEncodeSettings(addRunningOptions(command), call);
  addLossOptions(command);
  addPriorOptions(command);
  addFlowAndSolverOptions(command);
}

/** A job of `encode` or `demo`: the samples to encode, and the options. */
export interface Job extends EncodingOptions, OptionsOf<typeof ENCODE_FLAGS>, ChosenFlowAndSolver {
  /** Name of the samples in messages, if no option gives them. */
  readonly dataFlag?: string;
  /** If true, a horizontal band of each sample is hidden; samples must have the shape [height, width]. */
  readonly hidesBand?: true | undefined;
  /** Number of parts that the samples are divided into. Default: chosen by `divide`, from the cost of a sample. */
  readonly parts?: number | undefined;
  /** Part to encode, which is saved, and results files are not written. Undefined to encode all and write the results files. */
  readonly part?: ChosenPart;
}

/**
 * Returns the options of the library's `encode` for a job.
 *
 * @param solver solver of `encode`. Default: the one chosen on the command line
 */
export function encodeOptions(
  job: Job,
  { loss, prior }: { readonly loss: StandardLoss; readonly prior: ChosenPrior },
  weights: Float32Array | undefined,
  solver = job.solver.value,
): EncodeOptions {
  return {
    ...pairOf(job.flow.value, solver),
    loss,
    ...priorOption(prior),
    backend: backendOf(job),
    weights,
    ...encodeSettings(job),
  };
}
