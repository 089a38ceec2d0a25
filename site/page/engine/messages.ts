import type { Status } from "latentflow";
import type { CodeMap } from "../codes/code-map.ts";

// Messages between the page and its worker: each call of `Calls` is a request, which gets progress and one reply.

/** Networks of the page's own files. The plain decoder is the one that is inverted, until `setDecoder` gives another. */
export type NetworkName = "plainDecoder" | "plainEncoder" | "maskedDecoder" | "maskedEncoder";

/** Encoders whose guesses stand beside the flow: trained on whole pictures, or on pictures with hidden pixels. */
export type EncoderName = "plain" | "masked";

/** Solvers that the page offers. */
export type SolverName = "lbfgs" | "amd" | "dormandPrince" | "rk4";

/** File of a network: its URL, or its bytes. */
export type NetworkSource = string | Uint8Array;

/** Description of a network that was loaded. */
export interface NetworkDescription {
  readonly latentSize: number;
  readonly outputShape: readonly number[];
  readonly outputLayout: "channelsFirst" | "channelsLast";
  readonly outputSize: number;
  /** Values of black and of white in its samples. */
  readonly range: readonly [black: number, white: number];
  /** Name of its loss; undefined if its file has none. */
  readonly loss: string | undefined;
  /** True if its file has a prior. */
  readonly hasPrior: boolean;
  /** Range in which its codes lie, by its prior; undefined without one. */
  readonly codeRange: CodeRange | undefined;
  /** True if a probe was compared with its outputs; false if its file has no probe. */
  readonly verified: boolean;
  /** Reason why it is not verified. */
  readonly unverifiedReason: string | undefined;
  readonly parameters: number;
  /** Multiplications of one forward pass. */
  readonly multiplications: number;
  readonly operations: readonly OperationDescription[];
}

/** Least and greatest values of each number of a code, latentSize each. */
export interface CodeRange {
  readonly least: Float32Array;
  readonly most: Float32Array;
}

/** A row of the table of a network's operations. */
export interface OperationDescription {
  readonly name: string;
  readonly operation: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly multiplications: number;
}

/** Data of one sample, and how much its prior counts. */
export interface Data {
  /** outputSize values. */
  readonly y: Float32Array;
  /** outputSize weights: 0 for pixels that are hidden. Default: all 1. */
  readonly weights?: Float32Array | undefined;
  /** Factor of the decoder's own prior; 0 leaves it out. Default 1. Ignored by a decoder without a prior. */
  readonly priorWeight?: number | undefined;
}

/** Arguments of `encode`. */
export interface EncodeArguments extends Data {
  /** Starts, K × latentSize: the flow runs from each, and the lowest objective wins. Default: the decoder's own start. */
  readonly z0?: Float32Array | undefined;
  /** Default "lbfgs". */
  readonly solver?: SolverName | undefined;
  /** True for a result soon rather than to the last digit: while a pen is down. Only for "lbfgs". */
  readonly quick?: boolean | undefined;
  /** Keeps the start and the end of every step. */
  readonly saveAt?: "steps" | undefined;
}

/** A code that was found. */
export interface Encoded {
  readonly z: Float32Array;
  /** D(z). */
  readonly x: Float32Array;
  readonly loss: number;
  /** Loss and prior together: what was lowered. */
  readonly objective: number;
  readonly status: Status;
  readonly steps: number;
  /** Passes through the decoder, forward and backward. */
  readonly passes: number;
  readonly seconds: number;
  /** Defined if `saveAt` was given. */
  readonly trajectory: Path | undefined;
}

/** Points of a flow from its start to its end. */
export interface Path {
  /** K. */
  readonly t: Float64Array;
  /** K × latentSize. */
  readonly z: Float32Array;
  /** K. */
  readonly loss: Float32Array;
  /** K × outputSize: the decoder's pictures of z. */
  readonly x: Float32Array;
}

/** A point of a solver's curve: what it has come to after so many steps, and at what cost. */
export interface DescentPoint {
  readonly steps: number;
  readonly passes: number;
  readonly loss: number;
  readonly objective: number;
  readonly z: Float32Array;
  readonly x: Float32Array;
  readonly status: Status;
}

/** One-shot answer of an encoder. */
export interface Guess {
  /** Its code, which is one of the plain decoder if the encoder is the plain one. */
  readonly z: Float32Array;
  /** Picture of the code by the decoder that the encoder was trained with. */
  readonly x: Float32Array;
}

/** Weighted codes of the posterior of one sample. */
export interface Samples {
  /** K × latentSize. */
  readonly codes: Float32Array;
  /** K importance weights, which add up to 1. */
  readonly weights: Float64Array;
  /** K × outputSize. */
  readonly x: Float32Array;
  /** Number of equal draws that would be worth as much. */
  readonly effectiveSampleSize: number;
  /** Most likely code, about which the draws lie. */
  readonly z: Float32Array;
}

/** A grid in a plane of latent space: origin + a · u + b · v. */
export interface PlaneGrid {
  readonly origin: Float32Array;
  readonly u: Float32Array;
  readonly v: Float32Array;
  /** Values of a, ascending, along rows. */
  readonly a: Float64Array;
  /** Values of b, ascending, one for each row. */
  readonly b: Float64Array;
}

/** Calls of the worker: arguments, reply, and what it reports before the reply. */
export interface Calls {
  /** Loads a network under a name, in place of the one that had it. */
  load: {
    arguments: { name: NetworkName; source: NetworkSource };
    reply: NetworkDescription;
    progress: never;
  };
  /** Loads a decoder, safetensors or ONNX, which is inverted from then on; without a source the page's own is again. */
  setDecoder: {
    arguments: { source?: NetworkSource | undefined };
    reply: NetworkDescription;
    progress: never;
  };
  /** Samples of a file and their classes, which `readDataset` reads. */
  readSamples: {
    arguments: { source: string; labels: string };
    reply: { readonly samples: readonly Float32Array[]; readonly labels: readonly number[] };
    progress: never;
  };
  /** Finds the code of a sample. Cancelled, it replies with what it has, of status "aborted". */
  encode: { arguments: EncodeArguments; reply: Encoded; progress: never };
  /** Follows a solver with its cost; reports each point as it is found, ascending in steps. */
  descend: {
    arguments: Data & { solver: SolverName; z0?: Float32Array | undefined };
    reply: readonly DescentPoint[];
    progress: DescentPoint;
  };
  /** Loss of a code. */
  lossAt: { arguments: Data & { z: Float32Array }; reply: number; progress: never };
  /** Pictures of codes, K × outputSize. */
  decode: { arguments: { z: Float32Array }; reply: Float32Array; progress: never };
  /** One-shot answer of an encoder, decoded by the decoder it was trained with. Hidden pixels are given to it as 0. */
  encoderGuess: {
    arguments: { y: Float32Array; weights?: Float32Array | undefined; encoder: EncoderName };
    reply: Guess;
    progress: never;
  };
  sample: { arguments: Data & { count: number; seed: number }; reply: Samples; progress: never };
  /** Objectives at the points of a grid, rows of b one after the other. */
  contours: { arguments: Data & { grid: PlaneGrid }; reply: Float32Array; progress: never };
  /** Lays codes out in their principal plane: in the worker, since many of them take longer than a frame. */
  layOut: {
    arguments: { codes: Float32Array; latentSize: number; labels: readonly number[] };
    reply: CodeMap;
    progress: never;
  };
}

/** Table of calls, as `Calls` is one. */
export type CallTable<Table> = {
  readonly [Name in keyof Table]: { arguments: unknown; reply: unknown; progress: unknown };
};

export type CallName = keyof Calls;
export type ArgumentsOf<Name extends CallName> = Calls[Name]["arguments"];
export type ReplyOf<Name extends CallName> = Calls[Name]["reply"];
export type ProgressOf<Name extends CallName> = Calls[Name]["progress"];

/** From the page: a call, or the wish that one under way ends early. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly arguments: unknown }
  | { readonly kind: "cancel"; readonly id: number };

/** From the worker, of the call with this id. */
export type FromWorker =
  | { readonly kind: "progress"; readonly id: number; readonly value: unknown }
  | { readonly kind: "reply"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly message: string };
