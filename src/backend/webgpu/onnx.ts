import {
  type Attributes,
  modelMessage,
  type Node,
  nodeMessage,
  tensorMessage,
  valueMessage,
} from "../../onnx-messages.ts";
import type { ProtobufMessage } from "../../protobuf.ts";

/** A tensor of a graph, by its name. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** What operators take. */
export type Operand = Tensor | number;

/**
 * An ONNX graph being written. Every tensor that goes in or comes out is float32 and of a fixed shape, as graph
 * capture wants it.
 */
export class OnnxGraph {
  /** The shapes of what goes in and comes out, by name. */
  readonly inputs = new Map<string, readonly number[]>();
  readonly outputs = new Map<string, readonly number[]>();
  private readonly nodes: WrittenNode[] = [];
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
    return this.constant(`${shape}:${values}`, shape, Float32Array.from(values));
  }

  /** A constant list of integers, as some operators take them for axes and bounds. */
  integers(values: readonly number[]): Tensor {
    const integers = BigInt64Array.from(values, BigInt);
    return this.constant(`[${values}]`, [values.length], integers);
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
    const values = (map: ReadonlyMap<string, readonly number[]>) =>
      [...map].map(([name, shape]) => valueMessage(name, shape));
    return modelMessage({
      nodes: this.nodes.map((node) => nodeMessage(this.renamed(node))),
      initialisers: this.constants.values(),
      inputs: values(this.inputs),
      outputs: values(this.outputs),
    }).toBytes();
  }

  private newName(): Tensor {
    return `t${this.count++}` as Tensor;
  }

  private scalar(value: number): Tensor {
    return this.constant(`${value}`, [], Float32Array.of(value));
  }

  private constant(name: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    this.constants.set(name, tensorMessage(name, dims, values));
    return name as Tensor;
  }

  private renamed({ operator, inputs, outputs, attributes }: WrittenNode): Node {
    const finalName = (name: string) => this.outputNames.get(name) ?? name;
    return { operator, inputs: inputs.map(finalName), outputs: outputs.map(finalName), attributes };
  }
}

/** A node before its tensors have the names of outputs. */
interface WrittenNode extends Node {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}
