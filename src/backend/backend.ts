import type { Owned } from "../base/owned.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedValues } from "../decoder/fixed.ts";
import type { Control } from "../solver/base.ts";
import type { Flow } from "../solver/flow.ts";
import type { DifferentiableObjective, Objective } from "../solver/objective.ts";
import type { BackendInfo } from "../solver/result.ts";
import type { Solution } from "../solver/solution.ts";
import type { Method } from "../solver/solver.ts";
import type { Loss } from "../terms/losses.ts";
import type { PriorComponents } from "../terms/prior-numbers.ts";
import type { SampleRange } from "./feed.ts";
import type { Optimizer } from "./optimizer.ts";

/** Checked input of a solve: data of B samples, n values each. */
export interface Problem {
  readonly decoder: Decoder;
  readonly loss: Loss;
  readonly sampleCount: number;
  /** B × n; may be NaN where the weight is 0. */
  readonly targets: Float32Array;
  /** n values for all samples, or B × n. */
  readonly weights: Float32Array | undefined;
  /** Values of the decoder's fixed inputs, in their order. */
  readonly fixed: FixedValues;
  /** Prior on z, added to each sample's loss as prior(z)/N; see `priorScale` for N. */
  readonly prior: PriorComponents | undefined;
  /** At most this many samples are resident at once, on each thread. */
  readonly batchSize: number | undefined;
}

/** A flow and a solver that go together. */
export interface CheckedPair {
  readonly flow: Flow;
  readonly solver: Method;
}

/** Samples of a problem, and the solution that their results go into. */
export interface SampleSet extends SampleRange {
  readonly problem: Problem;
  readonly solution: Solution;
}

/** Purpose that a session is opened for: the solve that follows. */
export interface Use {
  readonly problem: Problem;
  readonly pair: CheckedPair;
  /** True if points of each sample's trajectory are kept. */
  readonly isRecorded: boolean;
}

/**
 * Solve as one thread sees it. In a worker `problem` lacks the samples' data, which come with each range of its feed.
 *
 * @typeParam Range what its feed gives
 */
export interface Task<Range extends SampleRange = SampleRange> extends Use {
  /** Returns the data of a range of samples, and the solution that takes their results. */
  readonly samplesIn: (range: Range) => SampleSet;
}

/** Makes one task of all samples of a problem. */
export function taskOf(problem: Problem, pair: CheckedPair, solution: Solution): Task {
  const samplesIn = (range: SampleRange) => ({ ...range, problem, solution });
  return { problem, pair, isRecorded: solution.recording !== undefined, samplesIn };
}

/**
 * Runtime that evaluates decoders and objectives. A value made by `wasm()`, `webgpu()` or `auto()`, without state
 * of its own: weights packed for a decoder are kept with the decoder.
 */
export interface Backend {
  readonly name: string;
  /**
   * Opens a session for a decoder: loads code and packs the weights, unless that was done before.
   *
   * @param use what the session is for, where it is a solve: one backend may be better for it than another
   */
  open(decoder: Decoder, use?: Use): Promise<Session>;
  /**
   * Tells whether the backend can be used here, for the decoder if one is given. Absent in backends that are always
   * available.
   */
  readonly availability?: (decoder?: Decoder) => Promise<Availability>;
}

/** Answer to whether a backend can be used here. */
export interface Availability {
  readonly available: boolean;
  /** Reason why the backend cannot be used, in words. */
  readonly reason?: string;
  /** Name of the GPU, if there is one. */
  readonly adapter?: string;
}

/** A backend ready for one decoder. */
export interface Session {
  readonly info: BackendInfo;
  /** Follows the flows of all samples of a problem, on as many threads as save time. */
  solve(problem: Problem, pair: CheckedPair, solution: Solution, control: Control): Promise<void>;
  /** Number of samples that one objective takes. */
  objectiveSize(problem: Problem): number;
  /** Makes the objective of samples first … first + count - 1. */
  objective(problem: Problem, first: number, count: number): Promise<Objective>;
  /**
   * Decodes latents: D(z), B × n.
   * @param fixed what is given with the latents
   * @param toLogits leave out the output activation
   * @param control asked between pieces of work
   */
  decode(
    z: Float32Array,
    fixed: FixedValues,
    toLogits: boolean,
    control: Control,
  ): Promise<Owned<Float32Array>>;
  /**
   * Makes a trainer that updates the packed weights: later solves and decodes of this session use them, while
   * `decoder.parameters` stay as they were. No other session may use the decoder meanwhile. Absent in backends that cannot
   * train.
   */
  train?(optimizer: Optimizer): Promise<Trainer>;
}

/** State of a trainer between two updates, on which all later ones depend; arrays are copies. */
export interface TrainerState {
  /** Number of updates so far. */
  readonly updates: number;
  /** [parameterCount], in the order of `decoder.parameters`. */
  readonly parameters: Float32Array;
  /** State vectors of the optimizer, each with a number for each parameter, in the same order as `parameters`. */
  readonly vectors: readonly Float32Array[];
}

/** Updates the weights of a packed decoder, mini-batch by mini-batch. */
export interface Trainer {
  /** Name of the kernels' build, with a checksum of its code: another build may round differently. */
  readonly build: string;
  /**
   * Makes the objective of a mini-batch. Parameter gradients that it adds up go into the next update.
   *
   * @param copies rows for each sample, which can be at as many points at the same time: row copy · count + r is
   *   one of sample r
   */
  objective(problem: Problem, copies: number): DifferentiableObjective;
  /**
   * Updates the parameters by the gradient added up since the last update. A gradient that is not finite changes nothing.
   *
   * @param settings `largestNorm`: a longer gradient is shortened to it
   * @returns the norm of the gradient as it was added up
   */
  update(settings: { readonly learningRate: number; readonly largestNorm: number }): number;
  /** Returns a copy of the current parameters, in the order of `decoder.parameters`. */
  parameters(): Float32Array;
  /** Returns the state between two updates, from which `restore` continues. */
  state(): TrainerState;
  /** Continues from the state of a trainer of the same layers and optimizer. The same updates follow, bit for bit. */
  restore(state: TrainerState): void;
  dispose(): void;
}
