import type { Decoder, EncodeOptions, EncodeResult, StandardLoss } from "../index.ts";
import type { DecoderFlags } from "./decoder-file.ts";
import type { FixedFlags, Given } from "./fixed-inputs.ts";
import { backendOf, type RunningOptions } from "./options.ts";
import { type ChosenPrior, priorOption } from "./prior.ts";
import type { PriorFlags } from "./prior-options.ts";
import type { Samples } from "./samples.ts";
import { type ChosenFlowAndSolver, pairOf } from "./solver-options.ts";

/** What the options of the commands that encode say, as commander hands them over. */
export interface EncodingOptions extends DecoderFlags, FixedFlags, PriorFlags, RunningOptions {
  readonly out: string;
  readonly limit?: number;
  readonly batchSize?: number;
}

/** What a command asks for. */
export interface Job extends EncodingOptions, ChosenFlowAndSolver {
  /** The file of samples. */
  readonly data: string;
  /** What the file is in messages, where no flag gives it. */
  readonly dataFlag?: string;
  /** A file of weights. */
  readonly weights?: string;
  /** A file of latents. */
  readonly z0?: string;
  readonly reconstructions?: true;
}

/** A run that has ended, by itself or by Ctrl-C. */
export interface Run {
  readonly job: Job;
  readonly decoder: Decoder;
  /** What is given with the samples, with a decoder that has their size. */
  readonly given: Given;
  readonly samples: Samples;
  readonly weights: Float32Array | undefined;
  /** Where the flows start, if not at 0. */
  readonly z0: Float32Array | undefined;
  readonly loss: StandardLoss;
  readonly prior: ChosenPrior;
  readonly result: EncodeResult;
  readonly signal: AbortSignal;
}

/** The options of an `encode` call as this job has them. */
export function encodeOptions(
  job: Job,
  { loss, prior }: Pick<Run, "loss" | "prior">,
  weights: Float32Array | undefined,
  solver = job.solver.value,
): EncodeOptions {
  return {
    ...pairOf(job.flow.value, solver),
    loss,
    ...priorOption(prior),
    backend: backendOf(job),
    ...(weights && { weights }),
    ...(job.batchSize && { batchSize: job.batchSize }),
  };
}
