import { sizeOf } from "../../graph/operations.ts";
import {
  type Attributes,
  modelMessage,
  type Node,
  nodeMessage,
  tensorMessage,
  valueMessage,
} from "../../onnx-format/messages.ts";
import type { ProtobufMessage } from "../../onnx-format/protobuf.ts";

/** A tensor of a graph, by its name. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** What operators take; "" is an input that is left out. */
export type Operand = Tensor | number | "";

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
  /** The shapes of tensors, as far as they have been said. */
  private readonly shapes = new Map<Tensor, readonly number[]>();
  /** Of what a Reshape has made, what it was made of. */
  private readonly sources = new Map<Tensor, Tensor>();
  private count = 0;

  /** How many operators there are. */
  get size(): number {
    return this.used().length;
  }

  input(name: string, shape: readonly number[]): Tensor {
    this.inputs.set(name, shape);
    return this.shaped(name as Tensor, shape);
  }

  /** Says of which shape a tensor is, so that it need not be given that again. */
  shaped(tensor: Tensor, shape: readonly number[]): Tensor {
    this.shapes.set(tensor, shape);
    return tensor;
  }

  /** Makes a tensor an output of the graph. */
  output(name: string, value: Tensor, shape: readonly number[]): void {
    this.outputs.set(name, shape);
    const maker = this.nodes.find(({ outputs }) => outputs.includes(value));
    // Copied are inputs, and what is an output already; and since a Reshape's output would be made by a copy outside of
    // shaders, which a captured graph does not repeat, that too.
    const isOwn = maker && maker.operator !== "Reshape" && !this.outputNames.has(value);
    this.outputNames.set(isOwn ? value : this.copy(value), name);
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
  matrix(shape: readonly number[], values: Float32Array): Tensor {
    return this.constant(this.newName(), shape, values);
  }

  /** A constant tensor of zeros. */
  zeros(shape: readonly number[]): Tensor {
    return this.constant(`0:${shape}`, shape, new Float32Array(sizeOf(shape)));
  }

  /** A constant list of `length` equal numbers. */
  filled(length: number, value: number): Tensor {
    return this.constant(`${length}*${value}`, [length], new Float32Array(length).fill(value));
  }

  /** A constant list of numbers. */
  floats(values: readonly number[]): Tensor {
    return this.constant(`(${values})`, [values.length], Float32Array.from(values));
  }

  /** A constant list of integers, as some operators take them for axes and bounds. */
  integers(values: readonly number[]): Tensor {
    const integers = BigInt64Array.from(values, BigInt);
    return this.constant(`[${values}]`, [values.length], integers);
  }

  /**
   * A tensor of so many axes with zeros around it.
   *
   * @param axis from which on, one axis for each entry of the lists
   * @param before zeros in front of them
   * @param behind zeros behind them
   */
  padded(
    tensor: Tensor,
    rank: number,
    axis: number,
    before: readonly number[],
    behind: readonly number[],
  ): Tensor {
    const pads = new Array<number>(2 * rank).fill(0);
    pads.splice(axis, before.length, ...before);
    pads.splice(rank + axis, behind.length, ...behind);
    return this.apply("Pad", tensor, this.integers(pads));
  }

  /** The shape of what a tensor has been padded of; undefined where it has not, or that is not known. */
  unpaddedShape(tensor: Tensor): readonly number[] | undefined {
    const maker = this.nodes.find(({ operator, outputs }) => operator === "Pad" && outputs.includes(tensor));
    return maker && this.shapes.get(maker.inputs[0] as Tensor);
  }

  /** The same numbers in another shape. */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    const source = this.sources.get(tensor) ?? tensor;
    if (this.shapes.get(source)?.join() === shape.join()) return source;
    const reshaped = this.shaped(this.apply("Reshape", source, this.integers(shape)), shape);
    this.sources.set(reshaped, source);
    return reshaped;
  }

  /** The tensor with its axes in another order: axis i of the result is axis order[i] of what it was. */
  transpose(tensor: Tensor, order: readonly number[]): Tensor {
    return this.applyWith({ perm: { integers: order } }, "Transpose", tensor);
  }

  /**
   * The positions begin … end - 1 of an axis. (One Split into many parts would not do: a shader may have as few as
   * eight buffers, and a Split takes one for each part.)
   */
  slice(tensor: Tensor, axis: number, begin: number, end: number): Tensor {
    return this.apply("Slice", tensor, ...[[begin], [end], [axis]].map((bounds) => this.integers(bounds)));
  }

  /** The sums along some axes, which stay, with the length 1. */
  sum(tensor: Tensor, axes: readonly number[]): Tensor {
    return this.applyWith({ keepdims: { integer: 1 } }, "ReduceSum", tensor, this.integers(axes));
  }

  /** The means along some axes, which stay, with the length 1. */
  mean(tensor: Tensor, axes: readonly number[]): Tensor {
    return this.applyWith({ axes: { integers: axes }, keepdims: { integer: 1 } }, "ReduceMean", tensor);
  }

  /** The tensor stretched to a shape along its axes of length 1. */
  expand(tensor: Tensor, shape: readonly number[]): Tensor {
    return this.apply("Expand", tensor, this.integers(shape));
  }

  /** The bytes of an ONNX file. */
  toBytes(): Uint8Array {
    const values = (map: ReadonlyMap<string, readonly number[]>) =>
      [...map].map(([name, shape]) => valueMessage(name, shape));
    const nodes = this.used();
    const read = new Set<string>(nodes.flatMap(({ inputs }) => inputs));
    return modelMessage({
      nodes: nodes.map((node) => nodeMessage(this.renamed(node))),
      initialisers: [...this.constants].flatMap(([name, message]) => (read.has(name) ? message : [])),
      inputs: values(this.inputs),
      outputs: values(this.outputs),
    }).toBytes();
  }

  /** The nodes that lead to an output: a shape that was given may have been taken back. */
  private used(): WrittenNode[] {
    const wanted = new Set<string>(this.outputNames.keys());
    const used = [...this.nodes].reverse().filter(({ inputs, outputs }) => {
      const isUsed = outputs.some((output) => wanted.has(output));
      if (isUsed) for (const input of inputs) wanted.add(input);
      return isUsed;
    });
    return used.reverse();
  }

  /** The same numbers in a tensor of its own, by an operator that the runtime does not leave out. */
  private copy(tensor: Tensor): Tensor {
    return this.applyWith({ alpha: { float: 1 } }, "LeakyRelu", tensor);
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
  readonly inputs: readonly (Tensor | "")[];
  readonly outputs: readonly Tensor[];
}
