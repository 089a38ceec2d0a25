import type { Owned } from "../base/owned.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedValues } from "../decoder/fixed.ts";
import type { Control } from "../solver/base.ts";
import type { Flow } from "../solver/flow.ts";
import type { DifferentiableObjective, SessionObjective } from "../solver/objective.ts";
import type { BackendInfo } from "../solver/result.ts";
import type { Solution } from "../solver/solution.ts";
import type { Method } from "../solver/solver.ts";
import type { Loss } from "../terms/losses.ts";
import type { PriorComponents } from "../terms/prior-numbers.ts";
import type { Optimizer } from "./optimizer.ts";

/** Checked input of a solve: data of B = `sampleCount` samples, n = `decoder.outputSize` values each. */
export interface Problem {
  readonly decoder: Decoder;
  /** Loss of a sample's output D(z) for its data y. */
  readonly loss: Loss;
  readonly sampleCount: number;
  /** Data y of the samples, [B, outputSize]; may be NaN where the weight is 0. */
  readonly targets: Float32Array;
  /** Weights of the data: outputSize values shared by all samples, or [B, outputSize]; undefined for none. */
  readonly weights: Float32Array | undefined;
  /** Values of the decoder's fixed inputs, in the order of `decoder.fixedInputs`. */
  readonly fixed: FixedValues;
  /** Prior on z, added to each sample's loss as prior(z)/N, N the divisor of that loss (see `priorScale`); undefined for none. */
  readonly prior: PriorComponents | undefined;
  /** Maximum number of samples that each thread works on at once; undefined lets the backend choose. */
  readonly batchSize: number | undefined;
}

/** A flow and a solver for it, checked to be compatible. */
export interface CheckedPair {
  readonly flow: Flow;
  readonly solver: Method;
}

/** Description of the solve that a session is opened for, from which `auto()` chooses a backend. */
export interface Use {
  readonly problem: Problem;
  readonly pair: CheckedPair;
  /** True if points of each sample's trajectory are stored. */
  readonly isRecorded: boolean;
}

/** A solve: the problem, the flow and the solver, and the solution that receives the results. */
export interface Task {
  readonly problem: Problem;
  readonly pair: CheckedPair;
  readonly solution: Solution;
}

/**
 * Runtime that evaluates decoders and objectives: a stateless value made by `wasm()`, `webgpu()` or `auto()`. Weights packed
 * for a decoder are cached per decoder, not in the backend.
 */
export interface Backend {
  /** Name of the backend: `"wasm"`, `"webgpu"` or `"auto"`. */
  readonly name: string;
  /**
   * Opens a session for a decoder: loads code and packs the weights, unless that was done before.
   *
   * @param use the solve that the session is for, since one backend may suit the solve better than another; undefined for a
   *   session for other work
   */
  open(decoder: Decoder, use?: Use): Promise<Session>;
  /**
   * Reports whether the backend can be used in this runtime, and for the decoder if one is given. Absent in backends that are
   * always available.
   */
  readonly availability?: (decoder?: Decoder) => Promise<Availability>;
}

/** Answer of a backend's `availability`: whether it can be used in this runtime. */
export interface Availability {
  /** True if the backend can be used in this runtime, and for the decoder if one was given. */
  readonly available: boolean;
  /** Reason why the backend cannot be used, in words; absent if it can. */
  readonly reason?: string;
  /** Name of the GPU; absent if none was found, or the backend uses none. */
  readonly adapter?: string;
}

/** A backend ready to work with one decoder. */
export interface Session {
  /** Description of the backend for results: name, build, and the failures that the session has continued after. */
  readonly info: BackendInfo;
  /** Follows the flows of all samples of a problem, on as many threads as save time, and writes the results into `solution`. */
  solve(problem: Problem, pair: CheckedPair, solution: Solution, control: Control): Promise<void>;
  /** Returns the maximum number of the problem's samples that one objective evaluates. */
  objectiveSize(problem: Problem): number;
  /** Makes the objective of samples first … first + count - 1 of the problem. */
  objective(problem: Problem, first: number, count: number): Promise<SessionObjective>;
  /**
   * Decodes latents z, [B, latentSize], into outputs D(z), [B, outputSize].
   *
   * @param fixed values of the decoder's fixed inputs for the B latents
   * @param toLogits true to leave out the output activation
   * @param control polled for an abort between pieces of work
   */
  decode(
    z: Float32Array,
    fixed: FixedValues,
    toLogits: boolean,
    control: Control,
  ): Promise<Owned<Float32Array>>;
  /**
   * Makes a trainer that updates the packed weights: later solves and decodes of this session use them, while
   * `decoder.parameters` stay unchanged. No other session may use the decoder at the same time. Absent in backends that cannot
   * train.
   *
   * @param count number of parameters to update, the first ones of `decoder.parameters`; all by default
   */
  train?(optimizer: Optimizer, count?: number): Promise<Trainer>;
}

/** State of a trainer between two updates, which determines all later ones; its arrays are copies. */
export interface TrainerState {
  /** Number of updates of the parameters so far. */
  readonly updates: number;
  /** Parameters, [parameterCount], in the order of `decoder.parameters`. */
  readonly parameters: Float32Array;
  /** State vectors of the optimizer, [parameterCount] each, in the order of `decoder.parameters`. */
  readonly vectors: readonly Float32Array[];
}

/** Trainer of a packed decoder's weights, which it updates mini-batch by mini-batch. */
export interface Trainer {
  /** Name of the kernels' build, with a checksum of its code: another build may round differently. */
  readonly build: string;
  /**
   * Makes the objective of a mini-batch. The parameter gradients that it accumulates go into the next update.
   *
   * @param copies number of rows per sample, so that a sample can be evaluated at several points: row copy · count + r holds
   *   sample r, with `count` samples
   */
  objective(problem: Problem, copies: number): DifferentiableObjective;
  /**
   * Updates the parameters by the gradient accumulated since the last update. A gradient that is not finite leaves them
   * unchanged. If it rejects, since a worker died, the trainer's state is lost.
   *
   * @param settings `largestNorm`: a gradient of larger norm is scaled down to it
   * @returns the norm of the accumulated gradient, before scaling
   */
  update(settings: { readonly learningRate: number; readonly largestNorm: number }): Promise<number>;
  /** Returns a copy of the current parameters, [parameterCount], in the order of `decoder.parameters`. */
  parameters(): Float32Array;
  /** Returns the trainer's state between two updates, from which `restore` continues. */
  state(): TrainerState;
  /**
   * Continues from the state of a trainer of the same layers and optimizer. The updates that follow are the same, bit for bit.
   */
  restore(state: TrainerState): void;
  /** Frees the trainer's memory; the trainer must not be used afterwards. */
  dispose(): void;
}
