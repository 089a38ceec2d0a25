import {
  type AmdOptions,
  amd,
  type Backend,
  type Decoder,
  type EncodeOptions,
  type EncodeResult,
  type LoadDecoderOptions,
  type StandardLoss,
  wasm,
} from "../index.ts";
import type { RunOptions } from "./options.ts";
import type { Samples } from "./samples.ts";

/** What a command asks for. */
export interface Job extends RunOptions {
  /** The file of samples. */
  readonly data: string;
  /** A file of weights. */
  readonly weights?: string;
  readonly solver: Required<AmdOptions>;
  /** What the decoder's file does not say. */
  readonly decoderOptions?: Pick<LoadDecoderOptions, "activation" | "outputActivation">;
}

/** A run that has ended, by itself or by Ctrl-C. */
export interface Run {
  readonly job: Job;
  readonly decoder: Decoder;
  readonly samples: Samples;
  readonly weights: Float32Array | undefined;
  readonly loss: StandardLoss;
  readonly result: EncodeResult;
  readonly signal: AbortSignal;
}

/** The options of an `encode` call as this job has them, or with fewer steps. */
export function encodeOptions(
  job: Job,
  loss: StandardLoss,
  weights: Float32Array | undefined,
  maxSteps = job.solver.maxSteps,
): EncodeOptions {
  return {
    loss,
    solver: amd({ ...job.solver, maxSteps }),
    backend: backendOf(job),
    ...(weights && { weights }),
    ...(job.batchSize && { batchSize: job.batchSize }),
  };
}

/** Where this job's work is done. */
export function backendOf({ plain }: Job): Backend {
  return wasm(plain ? { relaxed: false } : {});
}
