// Content of an ONNX file, as far as decoders need it.

/** Declared length of an axis; undefined if it has a name or nothing. Exporters may declare lengths that are wrong. */
export type DeclaredLength = number | undefined;

/** Declared input or output of the graph. */
export interface Declared {
  readonly name: string;
  /** Element type by its number in TensorProto.DataType; 0 if not declared. */
  readonly elementType: number;
  /** Declared shape; undefined if not declared. */
  readonly shape: readonly DeclaredLength[] | undefined;
  /** Names of the axes whose lengths have one. */
  readonly names: readonly (string | undefined)[];
}

/** Tensor as stored in the file. */
export interface TensorRecord {
  readonly name: string;
  readonly dims: readonly number[];
  /** Element type by its number in TensorProto.DataType. */
  readonly dataType: number;
  /** Values as bytes, little-endian. */
  readonly raw: Uint8Array | undefined;
  /** Values as numbers, if the file stores them so; 16-bit floats as their bits. */
  readonly numbers: readonly number[];
  /** Place of the values in another file. */
  readonly external: ReadonlyMap<string, string> | undefined;
}

/** Attribute of a node; fields of types other than its own are empty. */
export interface Attribute {
  readonly integer?: number;
  readonly float?: number;
  readonly text?: string;
  readonly integers: readonly number[];
  readonly floats: readonly number[];
  readonly tensor?: TensorRecord;
  /** True for an attribute that is a graph: the body of a loop or a branch. */
  readonly isGraph: boolean;
}

/** Use of an operator. */
export interface Node {
  readonly name: string;
  readonly operator: string;
  /** Domain of the operator; "" for ONNX's own. */
  readonly domain: string;
  /** Names of values; "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** Parsed ONNX file. */
export interface Model {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly nodes: readonly Node[];
  readonly initializers: readonly TensorRecord[];
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}

/** Graph of a file up to one output. */
export interface FileGraph {
  readonly model: Model;
  readonly latent: Declared;
  readonly output: string;
  /** Nodes that lead to the output. */
  readonly nodes: readonly Node[];
  /** Names of the inputs of points. */
  readonly points: readonly string[];
}
