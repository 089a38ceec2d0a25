import type { Shape } from "./kind.ts";
import type { OperationKind, OperationSettings } from "./operations.ts";

/**
 * Length of an axis of a fixed input, or of a shape in a setting; `"points"` for the number of points (coordinates at which the
 * decoder is evaluated), which each call sets.
 */
export type Length = number | "points";

type SymbolicShape<Settings> = {
  readonly [Name in keyof Settings]: Settings[Name] extends Shape ? readonly Length[] : Settings[Name];
};

/** Operation in a graph's definition: its kind, its name, the names of the values that it reads, and its settings. */
export type OperationDefinition<K extends OperationKind = OperationKind> = {
  [Each in K]: {
    readonly kind: Each;
    readonly name: string;
    readonly inputs: readonly string[];
  } & (Each extends "reshape" | "expand" ? SymbolicShape<OperationSettings[Each]> : OperationSettings[Each]);
}[K];

/** Definition of a fixed input: a value that is given with each sample, such as a label or coordinates. */
export interface FixedInputDefinition {
  /** Name of the fixed input, by which operations read it and calls give its values. */
  readonly name: string;
  /** Shape of one sample's values of the fixed input; `"points"` for an axis whose length each call sets. */
  readonly shape: readonly Length[];
  /** Number of classes: the values are then integers from 0 to classes - 1. Default: any numbers. */
  readonly classes?: number;
}

/**
 * Definition of a decoder without its parameters, as JSON: `sequential` and `graph` return it, `createDecoder` takes it, and a
 * safetensors file stores it in its metadata. Operations refer to the values that they read by the names of operations or fixed
 * inputs, or `"z"` for the latent. The last operation makes the output.
 */
export interface GraphDefinition {
  /** Version of the definition's format. */
  readonly format: 1;
  /**
   * Order of a picture's numbers in memory: pixel by pixel, each with its channels, so that data y have the shape
   * `[height, width, channels]`.
   */
  readonly layout: "channelsLast";
  /** Number of values d of a latent. */
  readonly latentSize: number;
  /** Shape of the latent in the original model; here the latent z is flat, row-major. Default: `[latentSize]`. */
  readonly latentShape?: readonly number[];
  /** Axis order of a sample that is a picture. Default `"channelsLast"`. */
  readonly outputLayout?: "channelsFirst" | "channelsLast";
  /** Inputs that are given with each sample. Default: none. */
  readonly fixed?: readonly FixedInputDefinition[];
  /** Operations in order of computation: each reads the latent, fixed inputs or results of operations before it. */
  readonly operations: readonly OperationDefinition[];
}
