// Content of an ONNX file, as far as decoders need it.

/** A length as it is declared; undefined where it has a name or none. Exporters declare lengths that are not so. */
export type DeclaredLength = number | undefined;

/** An input or an output of the graph. */
export interface Declared {
  readonly name: string;
  /** The number of its element type, of TensorProto.DataType; 0 where nothing is said. */
  readonly elementType: number;
  /** Undefined where nothing is said. */
  readonly shape: readonly DeclaredLength[] | undefined;
  /** The names of lengths. */
  readonly names: readonly (string | undefined)[];
}

/** A tensor as it lies in the file. */
export interface TensorRecord {
  readonly name: string;
  readonly dims: readonly number[];
  /** A number of TensorProto.DataType. */
  readonly dataType: number;
  /** Its values as bytes, little-endian. */
  readonly raw: Uint8Array | undefined;
  /** Its values as numbers, where the file has them so; 16-bit floats as their bits. */
  readonly numbers: readonly number[];
  /** Place of the numbers in another file. */
  readonly external: ReadonlyMap<string, string> | undefined;
}

/** Attribute of a node; fields of other types than its own are empty. */
export interface Attribute {
  readonly integer?: number;
  readonly float?: number;
  readonly text?: string;
  readonly integers: readonly number[];
  readonly floats: readonly number[];
  readonly tensor?: TensorRecord;
  /** True for a graph: the body of a loop or a branch. */
  readonly isGraph: boolean;
}

/** An operator's use. */
export interface Node {
  readonly name: string;
  readonly operator: string;
  /** "" is ONNX's own. */
  readonly domain: string;
  /** Names of values; "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** Parsed ONNX file. */
export interface Model {
  /** The version of ONNX's own operators. */
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly nodes: readonly Node[];
  readonly initializers: readonly TensorRecord[];
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}
