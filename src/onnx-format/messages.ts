import { bytesIn } from "../base/values.ts";
import { ProtobufMessage } from "./protobuf.ts";

// Protobuf messages of an ONNX file. Field numbers are those of onnx.proto.

/** Attributes of a node by name; the operator defines whether a number is a float or an integer. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Value of a node's attribute, by type. */
export type Attribute =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly text: string };

/** TensorProto.DataType of float32. */
const FLOAT = 1;
/** TensorProto.DataType of 64-bit integers. */
export const INT64 = 7;

/** ONNX opset of the graphs that are written. */
const OPSET = 17;
/** Version of ONNX's file format (IR) that was released with opset 17. */
const IR_VERSION = 8;

/** Values of AttributeProto.AttributeType: a float, an integer, a string and a list of integers. */
const FLOAT_ATTRIBUTE = 1;
const INTEGER_ATTRIBUTE = 2;
const STRING_ATTRIBUTE = 3;
const INTEGERS_ATTRIBUTE = 7;

/** An ONNX node: an operator with the names of its inputs and outputs. */
export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** Name of the node, shown by viewers of ONNX files. Default: none. */
  readonly name?: string;
}

/** Makes a NodeProto, the message of one node of a graph. */
export function nodeMessage({ operator, inputs, outputs, attributes, name }: Node): ProtobufMessage {
  const node = new ProtobufMessage();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  if (name !== undefined) node.string(3, name);
  node.string(4, operator);
  for (const [key, value] of Object.entries(attributes)) node.message(5, attributeMessage(key, value));
  return node;
}

function attributeMessage(name: string, value: Attribute): ProtobufMessage {
  const attribute = new ProtobufMessage().string(1, name);
  if ("float" in value) return attribute.float(2, value.float).integer(20, FLOAT_ATTRIBUTE);
  if ("integer" in value) return attribute.integer(3, value.integer).integer(20, INTEGER_ATTRIBUTE);
  if ("text" in value) return attribute.string(4, value.text).integer(20, STRING_ATTRIBUTE);
  for (const integer of value.integers) attribute.integer(8, integer);
  return attribute.integer(20, INTEGERS_ATTRIBUTE);
}

/**
 * Makes a TensorProto, a constant of a graph: values of float32 or 64-bit integers, stored as they are in memory:
 * little-endian, as on every platform of JavaScript.
 */
export function tensorMessage(
  name: string,
  dims: readonly number[],
  values: Float32Array | BigInt64Array,
): ProtobufMessage {
  const tensor = new ProtobufMessage();
  for (const dim of dims) tensor.integer(1, dim);
  const bytes = bytesIn(values);
  return tensor
    .integer(2, values instanceof Float32Array ? FLOAT : INT64)
    .string(8, name)
    .raw(9, bytes);
}

/**
 * Length of an axis in a file: a number, the name of a length that varies from call to call, or undefined if the file does
 * not state it.
 */
export type Dim = number | string | undefined;

/**
 * Makes a ValueInfoProto, the declaration of a graph's input or output: its name (field 1) and its type (2). The type is a
 * TypeProto with a tensor type (1), which has the element type (1) and the shape (2).
 */
export function valueMessage(name: string, dims: readonly Dim[], type = FLOAT): ProtobufMessage {
  const shape = new ProtobufMessage();
  for (const dim of dims) {
    const message = new ProtobufMessage();
    if (typeof dim === "number") message.integer(1, dim);
    else if (dim !== undefined) message.string(2, dim);
    shape.message(1, message);
  }
  const tensorType = new ProtobufMessage().integer(1, type).message(2, shape);
  return new ProtobufMessage().string(1, name).message(2, new ProtobufMessage().message(1, tensorType));
}

/** Parts of a graph as messages. */
type GraphParts = Readonly<
  Record<"nodes" | "initialisers" | "inputs" | "outputs", Iterable<ProtobufMessage>>
>;

/** Makes a ModelProto, a complete ONNX file. */
export function modelMessage(
  { nodes, initialisers, inputs, outputs }: GraphParts,
  metadata: Iterable<readonly [key: string, value: string]> = [],
): ProtobufMessage {
  const graph = new ProtobufMessage();
  for (const node of nodes) graph.message(1, node);
  graph.string(2, "latentflow");
  for (const initialiser of initialisers) graph.message(5, initialiser);
  for (const input of inputs) graph.message(11, input);
  for (const output of outputs) graph.message(12, output);
  const model = new ProtobufMessage()
    .integer(1, IR_VERSION)
    .string(2, "latentflow")
    .message(7, graph)
    .message(8, new ProtobufMessage().string(1, "").integer(2, OPSET));
  for (const [key, value] of metadata) {
    model.message(14, new ProtobufMessage().string(1, key).string(2, value));
  }
  return model;
}
