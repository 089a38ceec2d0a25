// Types for the contents of an ONNX file, as far as decoders need them.

/** Declared length of an axis; undefined if it is open or only named. Exporters sometimes declare wrong lengths. */
export type DeclaredLength = number | undefined;

/** Declaration of an input or output of the graph. */
export interface Declared {
  readonly name: string;
  /** Code of the element type in TensorProto.DataType; 0 if not declared. */
  readonly elementType: number;
  /** Declared shape; undefined if not declared. */
  readonly shape: readonly DeclaredLength[] | undefined;
  /** Names of the axes; undefined for axes without a name. */
  readonly names: readonly (string | undefined)[];
}

/** A tensor as stored in the file. */
export interface TensorRecord {
  readonly name: string;
  readonly dims: readonly number[];
  /** Code of the element type in TensorProto.DataType. */
  readonly dataType: number;
  /** Values as little-endian bytes; undefined if they are stored otherwise. */
  readonly raw: Uint8Array | undefined;
  /** Values as numbers, if they are stored as such; 16-bit floats as their bit patterns. */
  readonly numbers: readonly number[];
  /** Location of the values, if they are in another file: `location`, `offset` and `length`. */
  readonly external: ReadonlyMap<string, string> | undefined;
}

/** Attribute of a node. Only the field of its own type is set. */
export interface Attribute {
  readonly integer?: number;
  readonly float?: number;
  readonly text?: string;
  readonly integers: readonly number[];
  readonly floats: readonly number[];
  readonly tensor?: TensorRecord;
  /** True if the attribute is a graph, such as the body of a loop or branch. */
  readonly isGraph: boolean;
}

/** A node of an ONNX graph, which applies an operator. */
export interface Node {
  readonly name: string;
  readonly operator: string;
  /** Domain of the operator; "" for ONNX's standard operators. */
  readonly domain: string;
  /** Names of the tensors that the node reads; "" for an optional input that is omitted. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A parsed ONNX file. */
export interface Model {
  /** Version of ONNX's standard operators. */
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly nodes: readonly Node[];
  /** Constant tensors of the graph, the parameters among them. */
  readonly initializers: readonly TensorRecord[];
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}

/** The part of an ONNX graph that one output depends on. */
export interface FileGraph {
  readonly model: Model;
  /** Declaration of the input that is the latent. */
  readonly latent: Declared;
  /** Name of the output. */
  readonly output: string;
  /** Nodes that the output depends on, in the file's order. */
  readonly nodes: readonly Node[];
  /** Names of the inputs with an axis of points (coordinates at which the decoder is evaluated). */
  readonly points: readonly string[];
}
