import { ProtobufMessage } from "./protobuf.ts";

/** A tensor of a graph, by its name. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** What operators take. */
export type Operand = Tensor | number;

/** Attributes of an operator. A number is written as a float or as an integer, as the operator wants it. */
export type Attributes = Readonly<Record<string, Attribute>>;

type Attribute =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly integers: readonly number[] };

/** The operator set of ONNX that our graphs are written in, and the version of the format that it came with. */
const OPSET = 17;
const IR_VERSION = 8;

/** Numbers of ONNX's own: TensorProto.DataType and AttributeProto.AttributeType. */
const FLOAT = 1;
const INT64 = 7;
const FLOAT_ATTRIBUTE = 1;
const INTEGER_ATTRIBUTE = 2;
const INTEGERS_ATTRIBUTE = 7;

/**
 * An ONNX graph being written. Every tensor that goes in or comes out is float32 and of a fixed shape, as graph
 * capture wants it.
 */
export class OnnxGraph {
  /** The shapes of what goes in and comes out, by name. */
  readonly inputs = new Map<string, readonly number[]>();
  readonly outputs = new Map<string, readonly number[]>();
  private readonly nodes: Node[] = [];
  private readonly constants = new Map<string, ProtobufMessage>();
  /** The outputs' names by those that their tensors had before they became outputs. */
  private readonly outputNames = new Map<string, string>();
  private count = 0;

  /** How many operators there are. */
  get size(): number {
    return this.nodes.length;
  }

  input(name: string, shape: readonly number[]): Tensor {
    this.inputs.set(name, shape);
    return name as Tensor;
  }

  /** Makes what an operator has computed an output of the graph. */
  output(name: string, value: Tensor, shape: readonly number[]): void {
    this.outputs.set(name, shape);
    this.outputNames.set(value, name);
  }

  /** One operator with one output; a number among its inputs is a constant that goes with tensors of any shape. */
  apply(operator: string, ...inputs: Operand[]): Tensor {
    return this.applyWith({}, operator, ...inputs);
  }

  /** As `apply`, with attributes. */
  applyWith(attributes: Attributes, operator: string, ...inputs: Operand[]): Tensor {
    const output = this.newName();
    const tensors = inputs.map((input) => (typeof input === "number" ? this.scalar(input) : input));
    this.nodes.push({ operator, inputs: tensors, outputs: [output], attributes });
    return output;
  }

  /** A constant matrix of this shape, row-major. */
  matrix(values: readonly number[], shape: readonly number[]): Tensor {
    return this.constant(`${shape}:${values}`, FLOAT, shape, Float32Array.from(values));
  }

  /** A constant list of integers, as some operators take them for axes and bounds. */
  integers(values: readonly number[]): Tensor {
    const integers = BigInt64Array.from(values, BigInt);
    return this.constant(`[${values}]`, INT64, [values.length], integers);
  }

  /** The same numbers in another shape. */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    return this.apply("Reshape", tensor, this.integers(shape));
  }

  /** The tensor with its axes in another order: axis i of the result is axis order[i] of what it was. */
  transpose(tensor: Tensor, order: readonly number[]): Tensor {
    return this.applyWith({ perm: { integers: order } }, "Transpose", tensor);
  }

  /**
   * The columns begin … end - 1 of a matrix. (One Split into many parts would not do: a shader may have as few as
   * eight buffers, and a Split takes one for each part.)
   */
  slice(matrix: Tensor, begin: number, end: number): Tensor {
    return this.apply("Slice", matrix, this.integers([begin]), this.integers([end]), this.integers([1]));
  }

  /** The bytes of an ONNX file. */
  toBytes(): Uint8Array {
    const graph = new ProtobufMessage();
    for (const node of this.nodes) graph.message(1, this.encode(node));
    graph.string(2, "latentflow");
    for (const constant of this.constants.values()) graph.message(5, constant);
    for (const [name, shape] of this.inputs) graph.message(11, valueInfo(name, shape));
    for (const [name, shape] of this.outputs) graph.message(12, valueInfo(name, shape));
    return new ProtobufMessage()
      .integer(1, IR_VERSION)
      .string(2, "latentflow")
      .message(7, graph)
      .message(8, new ProtobufMessage().string(1, "").integer(2, OPSET))
      .toBytes();
  }

  private newName(): Tensor {
    return `t${this.count++}` as Tensor;
  }

  private scalar(value: number): Tensor {
    return this.constant(`${value}`, FLOAT, [], Float32Array.of(value));
  }

  /** The values go in as they are in memory: little endian, as they are wherever JavaScript runs. */
  private constant(
    name: string,
    type: number,
    dims: readonly number[],
    { buffer }: Float32Array | BigInt64Array,
  ): Tensor {
    const bytes = new Uint8Array(buffer);
    const tensor = new ProtobufMessage();
    for (const dim of dims) tensor.integer(1, dim);
    this.constants.set(name, tensor.integer(2, type).string(8, name).raw(9, bytes));
    return name as Tensor;
  }

  private encode({ operator, inputs, outputs, attributes }: Node): ProtobufMessage {
    const node = new ProtobufMessage();
    const finalName = (name: string) => this.outputNames.get(name) ?? name;
    for (const input of inputs) node.string(1, finalName(input));
    for (const output of outputs) node.string(2, finalName(output));
    node.string(4, operator);
    for (const [name, value] of Object.entries(attributes)) {
      node.message(5, encodeAttribute(name, value));
    }
    return node;
  }
}

function encodeAttribute(name: string, value: Attribute): ProtobufMessage {
  const attribute = new ProtobufMessage().string(1, name);
  if ("float" in value) return attribute.float(2, value.float).integer(20, FLOAT_ATTRIBUTE);
  if ("integer" in value) return attribute.integer(3, value.integer).integer(20, INTEGER_ATTRIBUTE);
  for (const integer of value.integers) attribute.integer(8, integer);
  return attribute.integer(20, INTEGERS_ATTRIBUTE);
}

/** A NodeProto before it is written. */
interface Node {
  readonly operator: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/** A ValueInfoProto: the name, and within the type (1) the tensor type (1): its element type and its shape. */
function valueInfo(name: string, shape: readonly number[]): ProtobufMessage {
  const dims = new ProtobufMessage();
  for (const size of shape) dims.message(1, new ProtobufMessage().integer(1, size));
  const tensorType = new ProtobufMessage().integer(1, FLOAT).message(2, dims);
  return new ProtobufMessage().string(1, name).message(2, new ProtobufMessage().message(1, tensorType));
}
