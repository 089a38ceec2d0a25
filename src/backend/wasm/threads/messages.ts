import { LatentflowError, type LatentflowErrorCode, markedMessage } from "../../../base/errors.ts";
import { messageOf } from "../../../base/realms.ts";
import type { DecoderGraph } from "../../../decoder/decoder.ts";
import type { CompiledKernels } from "../../../kernels/instance.ts";
import type { DifferentiableObjective } from "../../../solver/objective.ts";
import type { SaveAt } from "../../../solver/recording.ts";
import type { SolutionPart } from "../../../solver/solution.ts";
import type { StandardLoss } from "../../../terms/losses.ts";
import type { CheckedPair, Problem, Trainer, TrainerState } from "../../backend.ts";
import type { Optimizer } from "../../optimizer.ts";

// Messages between the main thread and its workers. Calls and decoders are identified by numbers, samples by their index in the
// call.

/** Description of a solve without its samples, sent to a worker. */
export interface SolveDescription {
  readonly kind: "solve";
  readonly pair: CheckedPair;
  /** The part of the problem that all samples of the call share. A custom loss stays on the main thread. */
  readonly problem: Omit<Problem, "decoder" | "loss" | "targets" | "weights" | "fixed"> & {
    readonly loss: StandardLoss;
  };
  /** Points of each sample's path to record; undefined for none. */
  readonly saveAt: SaveAt | undefined;
  /** Weights of the data, [outputSize], that all samples share; undefined if there are none, or each sample has its own. */
  readonly sharedWeights: Float32Array | undefined;
  /** True if each sample has its own weights. */
  readonly hasOwnWeights: boolean;
}

/** Values of each fixed input for B samples, in the decoder's order. */
type FixedData = readonly Float32Array<ArrayBuffer>[];

/** Data of B samples to solve. */
export interface SolveData {
  /** Data y of the samples, [B, outputSize]. */
  readonly targets: Float32Array<ArrayBuffer>;
  /** Weights of the data, [B, outputSize], if each sample has its own; else undefined. */
  readonly weights: Float32Array<ArrayBuffer> | undefined;
  readonly fixed: FixedData;
  /** Initial latents z0, [B, latentSize]. */
  readonly z0: Float64Array<ArrayBuffer>;
}

/** Kinds of calls, each with its description for a worker, the data of B samples in transferable buffers, and the results. */
interface CallKinds {
  readonly solve: {
    readonly description: SolveDescription;
    readonly data: SolveData;
    readonly values: SolutionPart;
  };
  readonly decode: {
    readonly description: { readonly kind: "decode"; readonly toLogits: boolean };
    /** Latents z, [B, latentSize], and values of the fixed inputs. */
    readonly data: { readonly z: Float32Array<ArrayBuffer>; readonly fixed: FixedData };
    /** Outputs D(z), or logits, [B, outputSize]. */
    readonly values: Float32Array<ArrayBuffer>;
  };
  /** Computation of J₀ᵀ, the transposed Jacobian at the decoder's start latent: a "sample" is a row of J₀ᵀ and needs no data. */
  readonly jacobian: {
    readonly description: { readonly kind: "jacobian" };
    readonly data: undefined;
    /** B rows of J₀ᵀ, the transposed Jacobian at the decoder's start latent, outputSize numbers each. */
    readonly values: Float32Array<ArrayBuffer>;
  };
}

/** Kind of a call that workers take part in: `"solve"`, `"decode"` or `"jacobian"`. */
export type CallKind = keyof CallKinds;
/** Description of a call, sent to a worker before the call's samples. */
export type CallDescription<Kind extends CallKind = CallKind> = CallKinds[Kind]["description"];
/** Data of some samples of a call, sent to a worker. */
export type CallData<Kind extends CallKind = CallKind> = CallKinds[Kind]["data"];

/** Results of some samples of a call, with the samples' indices in the call. */
export interface Results<Kind extends CallKind = CallKind> {
  /** Index in the call of each sample that `values` has results of. */
  readonly samples: readonly number[];
  readonly values: CallKinds[Kind]["values"];
}

/** Methods of a trainer's objective that workers repeat, to keep their weights equal to the main thread's. */
export const OBJECTIVE_METHODS = [
  "value",
  "gradient",
  "addParameterGradient",
  "tangent",
  "addMixedGradient",
  "takeParameterSums",
  "dispose",
] as const;
type ObjectiveMethod = (typeof OBJECTIVE_METHODS)[number];

/** Step of a trainer or its objective on the main thread, which workers repeat to keep their weights equal. */
export type TrainerStep =
  | { readonly kind: "begin"; readonly optimizer: Optimizer }
  | { readonly kind: "restore"; readonly state: TrainerState }
  | {
      readonly kind: "objective";
      readonly problem: Omit<Problem, "decoder" | "loss"> & { readonly loss: StandardLoss };
      readonly copies: number;
    }
  | {
      [Name in ObjectiveMethod]: {
        readonly kind: "call";
        readonly method: Name;
        readonly args: Parameters<DifferentiableObjective[Name]>;
      };
    }[ObjectiveMethod]
  | { readonly kind: "update"; readonly settings: Parameters<Trainer["update"]>[0] };

/**
 * Message from the main thread to a worker. `call` and `decoder` are the numbers that the main thread gave to the call and
 * the decoder; `samples` are indices in the call.
 */
export type ToWorker =
  | { readonly type: "start"; readonly compiled: CompiledKernels }
  /** Pack a decoder, for the calls and training steps to come. */
  | {
      readonly type: "decoder";
      readonly decoder: number;
      readonly graph: DecoderGraph;
      readonly parameters: Float32Array;
    }
  /** Drop a decoder. Calls that use it go on. */
  | { readonly type: "forget"; readonly decoder: number }
  | {
      readonly type: "open";
      readonly call: number;
      readonly decoder: number;
      readonly description: CallDescription;
    }
  | {
      readonly type: "samples";
      readonly call: number;
      readonly samples: readonly number[];
      readonly data: CallData;
    }
  /** Stop working on a call, send the results so far, and answer "stopped". */
  | { readonly type: "stop"; readonly call: number }
  | { readonly type: "close"; readonly call: number }
  /**
   * J₀ᵀ, the transposed Jacobian at the decoder's start latent, [latentSize, outputSize], after the training steps so far: the
   * worker need not compute it.
   */
  | { readonly type: "jacobian"; readonly decoder: number; readonly rows: Float32Array<ArrayBuffer> }
  | { readonly type: "train"; readonly decoder: number; readonly step: TrainerStep };

/**
 * Message from a worker to the main thread. `call` and `decoder` are the numbers that the main thread gave to the call and
 * the decoder.
 */
export type FromWorker =
  /** The worker has started and receives messages. */
  | { readonly type: "ready" }
  /**
   * Size in bytes of a decoder's WASM memory in the worker, after a change: its packed parameters, and the buffers of calls.
   * `decoder` is the decoder's number.
   */
  | { readonly type: "memory"; readonly decoder: number; readonly bytes: number }
  | { readonly type: "results"; readonly call: number; readonly results: readonly Results[] }
  | { readonly type: "stopped"; readonly call: number }
  /** The worker cannot take part in a call, for instance for lack of memory for the decoder. */
  | { readonly type: "declined"; readonly call: number; readonly message: string }
  /** A call has thrown an error, or, if `call` is undefined, other code of the worker has. */
  | {
      readonly type: "failed";
      readonly call: number | undefined;
      readonly code: LatentflowErrorCode | undefined;
      readonly message: string;
    };

/**
 * Makes the message that reports an error to the main thread. For a LatentflowError, the message has the code of the error,
 * and its text keeps the marks (`Mark`) on pieces such as option names.
 */
export function failure(call: number | undefined, error: unknown): FromWorker {
  return error instanceof LatentflowError
    ? { type: "failed", call, code: error.code, message: markedMessage(error) }
    : { type: "failed", call, code: undefined, message: messageOf(error) };
}

/** Returns the buffers that are transferred with a message between threads instead of copied. */
export function buffersOf(message: ToWorker | FromWorker): ArrayBuffer[] {
  if (message.type === "samples") return buffersIn(...Object.values(message.data ?? {}).flat());
  if (message.type === "results") {
    return message.results.flatMap(({ values }) =>
      ArrayBuffer.isView(values) ? [values.buffer] : buffersIn(values.z, values.v),
    );
  }
  if (message.type === "jacobian") return [message.rows.buffer];
  if (message.type === "train" && message.step.kind === "objective") {
    const { targets, weights, fixed } = message.step.problem;
    return buffersIn(targets, weights, ...fixed);
  }
  return [];
}

function buffersIn(...arrays: readonly (ArrayBufferView | undefined)[]): ArrayBuffer[] {
  return arrays.flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
}
