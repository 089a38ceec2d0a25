import type { Status } from "latentflow";
import type { CodeMap } from "../codes/code-map.ts";

// Messages between the page and its worker: each call in `Calls` is a request, answered by any number of progress
// messages and one reply.

/** Networks in the page's own files. The plain decoder is inverted, unless `setDecoder` sets another. */
export type NetworkName = "plainDecoder" | "plainEncoder" | "maskedDecoder" | "maskedEncoder";

/**
 * Encoders whose guesses are compared with the flow's result: trained on whole pictures, or on pictures with hidden
 * pixels.
 */
export type EncoderName = "plain" | "masked";

/** Solvers that the page offers. */
export type SolverName = "lbfgs" | "amd" | "dormandPrince" | "rk4";

/** A network's file: its URL, or its bytes. */
export type NetworkSource = string | Uint8Array;

/** Description of a loaded network, for the page. */
export interface NetworkDescription {
  readonly latentSize: number;
  readonly outputShape: readonly number[];
  readonly outputLayout: "channelsFirst" | "channelsLast";
  readonly outputSize: number;
  /** Sample values of black and of white. */
  readonly range: readonly [black: number, white: number];
  /** Name of the network's loss; undefined if its file has none. */
  readonly loss: string | undefined;
  /** True if the network's file has a prior. */
  readonly hasPrior: boolean;
  /** Range of the codes according to the prior; undefined without a prior. */
  readonly codeRange: CodeRange | undefined;
  /**
   * True if the network's outputs agree with the probe in its file (a few latents with their outputs); false if the file has
   * no probe, or one that proves nothing.
   */
  readonly verified: boolean;
  /** Reason why `verified` is false. */
  readonly unverifiedReason: string | undefined;
  readonly parameters: number;
  /** Number of multiplications in one forward pass. */
  readonly multiplications: number;
  readonly operations: readonly OperationDescription[];
}

/** Minimum and maximum of each coordinate of a code, latentSize numbers each. */
export interface CodeRange {
  readonly least: Float32Array;
  readonly most: Float32Array;
}

/** A row in the table of a network's operations. */
export interface OperationDescription {
  readonly name: string;
  readonly operation: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly multiplications: number;
}

/** A sample to encode, its weights, and the weight of the prior. */
export interface Data {
  /** The sample, outputSize values. */
  readonly y: Float32Array;
  /** Weights, outputSize numbers: 0 for hidden pixels. Default: all 1. */
  readonly weights?: Float32Array | undefined;
  /** Factor on the weight of the decoder's prior; 0 leaves the prior out. Default 1. Ignored if the decoder has no prior. */
  readonly priorWeight?: number | undefined;
}

/** Arguments of the worker's call `encode`. */
export interface EncodeArguments extends Data {
  /**
   * K starts, K × latentSize: the flow is followed from each, and the result with the lowest objective is returned.
   * Default: the decoder's own start.
   */
  readonly z0?: Float32Array | undefined;
  /** Solver to use. Default "lbfgs". */
  readonly solver?: SolverName | undefined;
  /** True to trade precision for speed, while the visitor is drawing. Only for "lbfgs". */
  readonly quick?: boolean | undefined;
  /** Also returns the path: the start and the result of every step. */
  readonly saveAt?: "steps" | undefined;
}

/** Result of encoding a sample. */
export interface Encoded {
  readonly z: Float32Array;
  /** Decoded sample D(z). */
  readonly x: Float32Array;
  readonly loss: number;
  /** Objective that was minimised: loss plus prior. */
  readonly objective: number;
  readonly status: Status;
  readonly steps: number;
  /** Number of passes through the decoder, forward and backward, that the solver took. */
  readonly passes: number;
  readonly seconds: number;
  /** Path of the flow; defined if `saveAt` was given. */
  readonly trajectory: Path | undefined;
}

/** Points along a flow, from its start to its end. */
export interface Path {
  /** Times of the path's K points. */
  readonly t: Float64Array;
  /** Codes at the path's K points, K × latentSize. */
  readonly z: Float32Array;
  /** Loss at each of the path's K points. */
  readonly loss: Float32Array;
  /** Decoded samples D(z), K × outputSize. */
  readonly x: Float32Array;
}

/** A solver's result after a number of steps, and its cost. */
export interface DescentPoint {
  readonly steps: number;
  readonly passes: number;
  readonly loss: number;
  readonly objective: number;
  readonly z: Float32Array;
  readonly x: Float32Array;
  readonly status: Status;
}

/** An encoder's result, computed in one pass. */
export interface Guess {
  /** Code from the encoder. Only the plain encoder's is a code of the plain decoder. */
  readonly z: Float32Array;
  /** The code as decoded by the decoder that the encoder was trained with. */
  readonly x: Float32Array;
}

/** Weighted codes drawn from the posterior of a sample. */
export interface Samples {
  /** K drawn codes, K × latentSize. */
  readonly codes: Float32Array;
  /** Importance weights of the K drawn codes, which add up to 1. */
  readonly weights: Float64Array;
  /** Decoded samples, K × outputSize. */
  readonly x: Float32Array;
  /** Number of equally weighted draws that would be equivalent. */
  readonly effectiveSampleSize: number;
  /** Most likely code, around which the codes are drawn. */
  readonly z: Float32Array;
}

/** A grid in a plane of latent space, of points origin + a · u + b · v. */
export interface PlaneGrid {
  readonly origin: Float32Array;
  readonly u: Float32Array;
  readonly v: Float32Array;
  /** First coordinates (a) of the grid's points, ascending; the same in every row. */
  readonly a: Float64Array;
  /** Second coordinates (b) of the grid's points, ascending; one per row. */
  readonly b: Float64Array;
}

/** Calls of the worker: arguments, reply, and progress that is reported before the reply. */
export interface Calls {
  /** Loads a network under a name, and replaces the one that had it. */
  load: {
    arguments: { name: NetworkName; source: NetworkSource };
    reply: NetworkDescription;
    progress: never;
  };
  /** Loads a decoder, safetensors or ONNX, to be inverted from then on; without a source, returns to the page's own. */
  setDecoder: {
    arguments: { source?: NetworkSource | undefined };
    reply: NetworkDescription;
    progress: never;
  };
  /** Reads samples and their class labels from files, by `readDataset`. */
  readSamples: {
    arguments: { source: string; labels: string };
    reply: { readonly samples: readonly Float32Array[]; readonly labels: readonly number[] };
    progress: never;
  };
  /** Encodes a sample. If cancelled, replies with the result so far, with status "aborted". */
  encode: { arguments: EncodeArguments; reply: Encoded; progress: never };
  /** Runs a solver with increasing numbers of steps, and reports the result and cost after each. */
  descend: {
    arguments: Data & { solver: SolverName; z0?: Float32Array | undefined };
    reply: readonly DescentPoint[];
    progress: DescentPoint;
  };
  /** Computes the loss of a code. */
  lossAt: { arguments: Data & { z: Float32Array }; reply: number; progress: never };
  /** Decodes K codes to samples, K × outputSize. */
  decode: { arguments: { z: Float32Array }; reply: Float32Array; progress: never };
  /**
   * Encodes a sample by an encoder in one pass, and decodes the code by the decoder that it was trained with. The encoder
   * sees hidden pixels as 0.
   */
  encoderGuess: {
    arguments: { y: Float32Array; weights?: Float32Array | undefined; encoder: EncoderName };
    reply: Guess;
    progress: never;
  };
  sample: { arguments: Data & { count: number; seed: number }; reply: Samples; progress: never };
  /** Computes the objective at the points of a grid, row by row, with one row for each b. */
  contours: { arguments: Data & { grid: PlaneGrid }; reply: Float32Array; progress: never };
  /** Projects codes onto their principal plane; done in the worker, as many codes take longer than a frame. */
  layOut: {
    arguments: { codes: Float32Array; latentSize: number; labels: readonly number[] };
    reply: CodeMap;
    progress: never;
  };
}

/** Constraint on tables of calls such as `Calls`. */
export type CallTable<Table> = {
  readonly [Name in keyof Table]: { arguments: unknown; reply: unknown; progress: unknown };
};

export type CallName = keyof Calls;
export type ArgumentsOf<Name extends CallName> = Calls[Name]["arguments"];
export type ReplyOf<Name extends CallName> = Calls[Name]["reply"];
export type ProgressOf<Name extends CallName> = Calls[Name]["progress"];

/** Message from the page: a call, or a request to end one early. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly arguments: unknown }
  | { readonly kind: "cancel"; readonly id: number };

/** Message from the worker about the call with this id. */
export type FromWorker =
  | { readonly kind: "progress"; readonly id: number; readonly value: unknown }
  | { readonly kind: "reply"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly message: string };
