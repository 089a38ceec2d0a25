import type { DecoderGraph } from "../../../decoder/decoder.ts";
import type { LatentflowErrorCode } from "../../../errors.ts";
import type { Optimizer } from "../../../optimizer.ts";
import type { Recipe } from "../../../recipe.ts";
import type { SaveAt } from "../../../solver/recording.ts";
import type { SolutionPart } from "../../../solver/solution.ts";
import type { StandardLoss } from "../../../terms/losses.ts";
import type { Problem, Trainer, TrainerState } from "../../backend.ts";
import type { CompiledKernels } from "../instance.ts";

// What the main thread and its workers say to each other. Calls have numbers; samples are meant by their index in
// the call.

/** A call's solve, but for its samples. */
export interface SolveDescription {
  readonly kind: "solve";
  readonly solver: Recipe;
  readonly flow: Recipe;
  readonly loss: StandardLoss;
  readonly saveAt: SaveAt | undefined;
  readonly sampleCount: number;
  readonly batchSize: number | undefined;
  /** See `Task`. */
  readonly isFused: boolean;
  /** [n], where all samples have the same weights. */
  readonly sharedWeights: Float32Array | undefined;
  /** Has each sample weights of its own? */
  readonly hasOwnWeights: boolean;
}

/** A call's decoding, but for its samples. */
export interface DecodeDescription {
  readonly kind: "decode";
  readonly toLogits: boolean;
}

/** The data of B samples to be solved. */
export interface SolveData {
  /** B × n. */
  readonly targets: Float32Array<ArrayBuffer>;
  /** B × n, where each sample has weights of its own. */
  readonly weights: Float32Array<ArrayBuffer> | undefined;
  /** B × d, where the flows start. */
  readonly z0: Float64Array<ArrayBuffer>;
}

/** The latents of B samples to be decoded, B × d. */
export interface DecodeData {
  readonly z: Float32Array<ArrayBuffer>;
}

/** The methods of an objective that a trainer's gradient depends on, in part through what they leave behind. */
export const OBJECTIVE_STEPS = [
  ...(["value", "gradient", "addParameterGradient", "tangent", "addMixedGradient"] as const),
  ...(["takeParameterSums", "dispose"] as const),
];

/** What a trainer does, for a worker to do the same. */
export type TrainerStep =
  | { readonly kind: "begin"; readonly optimizer: Optimizer }
  | { readonly kind: "restore"; readonly state: TrainerState }
  | {
      readonly kind: "objective";
      readonly problem: Omit<Problem, "decoder" | "loss"> & { readonly loss: StandardLoss };
      readonly copies: number;
    }
  | {
      readonly kind: "step";
      readonly name: (typeof OBJECTIVE_STEPS)[number];
      readonly args: readonly [rows?: Int32Array, values?: Float64Array];
    }
  | { readonly kind: "update"; readonly settings: Parameters<Trainer["update"]>[0] };

export type ToWorker =
  | {
      readonly type: "start";
      readonly compiled: CompiledKernels;
      readonly decoder: DecoderGraph;
      readonly parameters: Float32Array;
    }
  | {
      readonly type: "open";
      readonly call: number;
      readonly description: SolveDescription | DecodeDescription;
    }
  | {
      readonly type: "samples";
      readonly call: number;
      readonly samples: readonly number[];
      readonly data: SolveData | DecodeData;
    }
  /** Stop working on a call, send what there is, and say "stopped". */
  | { readonly type: "stop"; readonly call: number }
  | { readonly type: "close"; readonly call: number }
  | { readonly type: "train"; readonly step: TrainerStep };

export type FromWorker =
  /** The weights are packed. */
  | { readonly type: "ready" }
  | {
      readonly type: "results";
      readonly call: number;
      readonly samples: readonly number[];
      /** Of a solve, or of a decoding: B × n outputs. */
      readonly results: SolutionPart | Float32Array<ArrayBuffer>;
    }
  | { readonly type: "stopped"; readonly call: number }
  /** A call has thrown, or getting ready has. */
  | {
      readonly type: "failed";
      readonly call: number | undefined;
      readonly code: LatentflowErrorCode | undefined;
      readonly message: string;
    };
