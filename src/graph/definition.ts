import type { Shape } from "./kind.ts";
import type { OperationKind, OperationSettings } from "./operations.ts";

/** The length of an axis of a fixed input, or of a shape in a setting: `"points"` differs from call to call. */
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

/** An input that is given with each sample, and not sought. */
export interface FixedInputDefinition {
  readonly name: string;
  /** Of one sample. */
  readonly shape: readonly Length[];
  /** Its numbers are integers from 0 to one less than this. Default: any numbers. */
  readonly classes?: number;
}

/**
 * A decoder without its parameters, as JSON: what `sequential` and `graph` return, `createDecoder` takes, and a
 * safetensors file has in its metadata. Values are meant by the names of the operations that make them, and of fixed
 * inputs; `"z"` is the latent. The last operation makes the output.
 */
export interface GraphDefinition {
  readonly format: 1;
  /** Pixels lie one after the other, each with its channels: y of `[height, width, channels]` is read so. */
  readonly layout: "channelsLast";
  readonly latentSize: number;
  /** What shape the latent has where the graph comes from; z is flat, row-major. Default: `[latentSize]`. */
  readonly latentShape?: readonly number[];
  /** The order of a sample's axes, where it is a picture: `[channels, height, width]`? Default: channels last. */
  readonly outputLayout?: "channelsFirst" | "channelsLast";
  /** Default: none. */
  readonly fixed?: readonly FixedInputDefinition[];
  readonly operations: readonly OperationDefinition[];
}
