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

// Messages between the main thread and its workers. Calls and decoders have numbers; samples are meant by their
// index in the call.

/** Description of a solve without its samples. */
export interface SolveDescription {
  readonly kind: "solve";
  readonly pair: CheckedPair;
  /** The part of the problem that all samples of the call share. A custom loss stays on the main thread. */
  readonly problem: Omit<Problem, "decoder" | "loss" | "targets" | "weights" | "fixed"> & {
    readonly loss: StandardLoss;
  };
  readonly saveAt: SaveAt | undefined;
  /** [n], if all samples share their weights. */
  readonly sharedWeights: Float32Array | undefined;
  /** True if each sample has weights of its own. */
  readonly hasOwnWeights: boolean;
}

/** Fixed inputs of B samples; see `FixedValues`. */
type FixedData = readonly Float32Array<ArrayBuffer>[];

/** The data of B samples to be solved. */
export interface SolveData {
  /** B × n. */
  readonly targets: Float32Array<ArrayBuffer>;
  /** B × n, if each sample has its own weights. */
  readonly weights: Float32Array<ArrayBuffer> | undefined;
  readonly fixed: FixedData;
  /** B × d, starts of the flows. */
  readonly z0: Float64Array<ArrayBuffer>;
}

/** Kinds of calls, each with its description for a worker, the data of B samples in transferable buffers, and results. */
interface CallKinds {
  readonly solve: {
    readonly description: SolveDescription;
    readonly data: SolveData;
    readonly values: SolutionPart;
  };
  readonly decode: {
    readonly description: { readonly kind: "decode"; readonly toLogits: boolean };
    /** z is B × d. */
    readonly data: { readonly z: Float32Array<ArrayBuffer>; readonly fixed: FixedData };
    /** B × n outputs. */
    readonly values: Float32Array<ArrayBuffer>;
  };
  /** Computation of J₀ᵀ: samples are latents, which need no data. */
  readonly jacobian: {
    readonly description: { readonly kind: "jacobian" };
    readonly data: undefined;
    /** B rows of J₀ᵀ, n numbers each. */
    readonly values: Float32Array<ArrayBuffer>;
  };
}

export type CallKind = keyof CallKinds;
/** Description of a call without its samples. */
export type CallDescription<Kind extends CallKind = CallKind> = CallKinds[Kind]["description"];
/** Data of some samples of a call. */
export type CallData<Kind extends CallKind = CallKind> = CallKinds[Kind]["data"];

/** Results of some samples of a call. */
export interface Results<Kind extends CallKind = CallKind> {
  readonly samples: readonly number[];
  readonly values: CallKinds[Kind]["values"];
}

/** Methods of a trainer's objective that workers repeat. */
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

/** Step of a trainer or its objective, which workers repeat. */
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

export type ToWorker =
  | { readonly type: "start"; readonly compiled: CompiledKernels }
  /** Pack a decoder, for the calls and steps to come. */
  | {
      readonly type: "decoder";
      readonly decoder: number;
      readonly graph: DecoderGraph;
      readonly parameters: Float32Array;
    }
  /** Forget a decoder. Calls at work with it go on. */
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
  /** Stop working on a call, send what there is, and say "stopped". */
  | { readonly type: "stop"; readonly call: number }
  | { readonly type: "close"; readonly call: number }
  /** The J₀ᵀ, d × n, of a decoder as it is after the steps so far: it need not be computed. */
  | { readonly type: "jacobian"; readonly decoder: number; readonly rows: Float32Array<ArrayBuffer> }
  | { readonly type: "train"; readonly decoder: number; readonly step: TrainerStep };

export type FromWorker =
  /** It listens. */
  | { readonly type: "ready" }
  /** A decoder takes so much memory, what calls on it have taken included. */
  | { readonly type: "memory"; readonly decoder: number; readonly bytes: number }
  | { readonly type: "results"; readonly call: number; readonly results: readonly Results[] }
  | { readonly type: "stopped"; readonly call: number }
  /** It cannot take part in a call, for want of memory for the decoder say. */
  | { readonly type: "declined"; readonly call: number; readonly message: string }
  /** A call has thrown, or something else has. */
  | {
      readonly type: "failed";
      readonly call: number | undefined;
      readonly code: LatentflowErrorCode | undefined;
      readonly message: string;
    };

/** Makes the message that reports an error to the calling thread; one of the library keeps its code and its marks. */
export function failure(call: number | undefined, error: unknown): FromWorker {
  return error instanceof LatentflowError
    ? { type: "failed", call, code: error.code, message: markedMessage(error) }
    : { type: "failed", call, code: undefined, message: messageOf(error) };
}

/** Returns the buffers that are transferred with a message instead of copied. */
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
