import type { Shape } from "./kind.ts";
import type { OperationKind, OperationSettings } from "./operations.ts";

/** Length of an axis of a fixed input or of a shape in a setting; `"points"` is set with each call. */
export type Length = number | "points";

type SymbolicShape<Settings> = {
  readonly [Name in keyof Settings]: Settings[Name] extends Shape ? readonly Length[] : Settings[Name];
};

/** An operation in a definition: its kind, its name, what it reads, and its settings. */
export type OperationDefinition<K extends OperationKind = OperationKind> = {
  [Each in K]: {
    readonly kind: Each;
    readonly name: string;
    readonly inputs: readonly string[];
  } & (Each extends "reshape" | "expand" ? SymbolicShape<OperationSettings[Each]> : OperationSettings[Each]);
}[K];

/** Input that is given with each sample, such as a label or coordinates. */
export interface FixedInputDefinition {
  readonly name: string;
  /** Shape of one sample's values. */
  readonly shape: readonly Length[];
  /** Number of classes: the values are integers from 0 to classes - 1. Default: any numbers. */
  readonly classes?: number;
}

/**
 * A decoder without its parameters, as JSON: returned by `sequential` and `graph`, taken by `createDecoder`, and kept
 * in a safetensors file's metadata. Operations name the values that they read by the operations that make them, fixed
 * inputs, or `"z"`, the latent. The last operation makes the output.
 */
export interface GraphDefinition {
  readonly format: 1;
  /** Pixels lie one after the other, each with its channels: y of `[height, width, channels]` is read so. */
  readonly layout: "channelsLast";
  readonly latentSize: number;
  /** Shape of the latent in the original model; z is flat, row-major. Default: `[latentSize]`. */
  readonly latentShape?: readonly number[];
  /** Axis order of a sample that is a picture. Default: channels last. */
  readonly outputLayout?: "channelsFirst" | "channelsLast";
  /** Default: none. */
  readonly fixed?: readonly FixedInputDefinition[];
  readonly operations: readonly OperationDefinition[];
}
