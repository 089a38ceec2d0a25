import type { EncodeOptions, StandardLoss } from "../../index.ts";
import type { DecoderFlags } from "../input/decoder-file.ts";
import type { FixedFlags } from "../input/fixed-inputs.ts";
import type { WeightFlags } from "../input/pictures/picture-options.ts";
import type { Shard } from "../parts/shard-units.ts";
import type { ResultsFormatName } from "../parts/write-results.ts";
import { backendOf, type EncodeSettings, encodeSettings, type RunningOptions } from "./options.ts";
import { type ChosenPrior, priorOption } from "./prior.ts";
import type { PriorFlags } from "./prior-options.ts";
import { type ChosenFlowAndSolver, pairOf } from "./solver-options.ts";

/** Options of the commands that encode, as commander hands them over. */
export interface EncodingOptions
  extends DecoderFlags,
    FixedFlags,
    PriorFlags,
    RunningOptions,
    EncodeSettings {
  readonly out: string;
  readonly limit?: number;
}

/** Work of one command: samples to encode, and how. */
export interface Job extends EncodingOptions, WeightFlags, ChosenFlowAndSolver {
  /** The files of samples, whose rows follow each other. */
  readonly data: readonly string[];
  /** Name of the file in messages, if no flag gives it. */
  readonly dataFlag?: string;
  /** True hides a band across each sample, whose shape is [height, width]. */
  readonly missing?: true;
  /** A file of latents. */
  readonly z0?: string;
  readonly reconstructions?: true;
  /** Number of codes that are drawn from each sample's posterior, by `sampleCodes`. Default: none are. */
  readonly samples?: number;
  /** Seed of these draws. Default 0. */
  readonly samplesSeed?: number;
  /** Column with the samples' identifiers, in Parquet files. */
  readonly idColumn?: string;
  /** Number of samples that are encoded, and stored in a part, as a whole. Default: `standardUnit`. */
  readonly unit?: number;
  /** Shard of the samples to encode, without writing results; undefined: all samples, and results at the end. */
  readonly shard?: Shard;
  /** Format of the files of results; see `formatOption`. */
  readonly format?: ResultsFormatName;
}

/** The options of an `encode` call as this job has them. */
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
    ...(weights && { weights }),
    ...encodeSettings(job),
  };
}
