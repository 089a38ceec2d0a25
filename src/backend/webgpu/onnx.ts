import { show } from "../../base/show.ts";
import { type OperationDescription, sizeOf } from "../../graph/operations.ts";
import {
  Emitter,
  type Extent,
  type FunctionWriters,
  type Operand,
  type Tensor,
} from "../../onnx-format/emitter.ts";
import {
  type Attributes,
  modelMessage,
  type Node,
  nodeMessage,
  tensorMessage,
  valueMessage,
} from "../../onnx-format/messages.ts";
import type { ProtobufMessage } from "../../onnx-format/protobuf.ts";
import { GPU_FUNCTIONS } from "./functions.ts";

export type { Operand, Tensor } from "../../onnx-format/emitter.ts";

/** Error for an operation that onnxruntime-web cannot compute on a GPU; the message names the operation and the reason. */
export class Unwritable extends Error {
  override readonly name = "Unwritable";
}

/** Maximum number of tensors that one Concat reads: a shader may have as few as eight buffers, one of which is the result. */
const MOST_CONCATENATED = 7;

/**
 * ONNX graph for the GPU, built node by node. Every input and output is float32 and of a fixed shape, as graph capture
 * requires. Applying an operator twice to the same inputs with the same attributes adds one node only.
 */
export class OnnxGraph extends Emitter {
  /** Shapes of the graph's inputs, by name; `outputs` has the shapes of the graph's outputs. */
  readonly inputs = new Map<string, readonly number[]>();
  /** Shapes of the graph's outputs, by name. */
  readonly outputs = new Map<string, readonly number[]>();
  override readonly functions: Partial<FunctionWriters> = GPU_FUNCTIONS;
  private readonly nodes: WrittenNode[] = [];
  /** Outputs of the nodes, by operator, inputs and attributes. */
  private readonly written = new Map<string, Tensor>();
  private readonly constants = new Map<string, ProtobufMessage>();
  /** Names of the graph's outputs, by the names of their tensors. */
  private readonly outputNames = new Map<string, string>();
  /** Shapes of tensors, if they have been recorded. */
  private readonly shapes = new Map<Tensor, readonly number[]>();
  /** Inputs of Reshape nodes, by the nodes' outputs. */
  private readonly sources = new Map<Tensor, Tensor>();
  private count = 0;

  /** Declares an input of the graph, float32 of the given shape. */
  input(name: string, shape: readonly number[]): Tensor {
    this.inputs.set(name, shape);
    return this.shaped(name as Tensor, shape);
  }

  override shaped(tensor: Tensor, shape: readonly Extent[]): Tensor {
    this.shapes.set(tensor, shape as readonly number[]);
    return tensor;
  }

  /** Declares a tensor as the graph's output `name`, of the given shape. */
  output(name: string, value: Tensor, shape: readonly number[]): void {
    this.outputs.set(name, shape);
    const maker = this.nodes.find(({ outputs }) => outputs.includes(value));
    // Graph inputs, and tensors that are outputs already, are copied. So is a Reshape's output, which onnxruntime makes by a
    // copy outside of shaders that a captured graph does not repeat.
    const isOwn = maker && maker.operator !== "Reshape" && !this.outputNames.has(value);
    // Copied by LeakyRelu, which onnxruntime does not optimise away.
    const own = isOwn ? value : this.node({ alpha: { float: 1 } }, "LeakyRelu", [value]);
    this.outputNames.set(own, name);
  }

  applyWith(attributes: Attributes, operator: string, ...inputs: Operand[]): Tensor {
    const tensors = inputs.map((input) => (typeof input === "number" ? this.scalar(input) : input));
    const key = JSON.stringify([operator, tensors, attributes]);
    const output = this.written.get(key) ?? this.node(attributes, operator, tensors);
    this.written.set(key, output);
    return output;
  }

  /** Writes a node, even if an equal one exists; returns its only output. */
  node(attributes: Attributes, operator: string, inputs: readonly (Tensor | "")[]): Tensor {
    const output = this.newName();
    this.nodes.push({ operator, inputs, outputs: [output], attributes });
    return output;
  }

  matrix(dims: readonly number[], values: Float32Array): Tensor {
    return this.constant(this.newName(), dims, values);
  }

  /** Returns a constant tensor of zeros of the given shape. */
  zeros(shape: readonly number[]): Tensor {
    return this.constant(`0:${shape}`, shape, new Float32Array(sizeOf(shape)));
  }

  /**
   * Writes a Pad node that adds zeros to a tensor of `rank` axes.
   *
   * @param axis first of the axes that are padded, one for each entry of the lists
   * @param behind number of zeros at the end of each of these axes
   * @param before number of zeros in front of each of these axes
   */
  padded(
    tensor: Tensor,
    rank: number,
    axis: number,
    behind: readonly number[],
    before = behind.map(() => 0),
  ): Tensor {
    const pads = new Array<number>(2 * rank).fill(0);
    pads.splice(axis, before.length, ...before);
    pads.splice(rank + axis, behind.length, ...behind);
    return this.apply("Pad", tensor, this.integers(pads));
  }

  /** Returns the shape of the input of the Pad that made a tensor; undefined if no Pad made it, or the shape is not recorded. */
  unpaddedShape(tensor: Tensor): readonly number[] | undefined {
    const maker = this.nodes.find(({ operator, outputs }) => operator === "Pad" && outputs.includes(tensor));
    return maker && this.shapes.get(maker.inputs[0] as Tensor);
  }

  reshape(tensor: Tensor, lengths: readonly Extent[]): Tensor {
    const shape = lengths as readonly number[];
    const source = this.sources.get(tensor) ?? tensor;
    if (this.shapes.get(source)?.join() === shape.join()) return source;
    const reshaped = this.shaped(this.apply("Reshape", source, this.integers(shape)), shape);
    this.sources.set(reshaped, source);
    return reshaped;
  }

  insertAxes(tensor: Tensor, _positions: readonly number[], lengths: readonly Extent[]): Tensor {
    return this.reshape(tensor, lengths);
  }

  shape(lengths: readonly Extent[]): Tensor {
    return this.integers(lengths as readonly number[]);
  }

  override concat(parts: readonly Tensor[], axis: number): Tensor {
    if (parts.length <= MOST_CONCATENATED) return parts.length === 1 ? parts[0]! : super.concat(parts, axis);
    const groups = Array.from({ length: Math.ceil(parts.length / MOST_CONCATENATED) }, (_, i) =>
      this.concat(parts.slice(i * MOST_CONCATENATED, (i + 1) * MOST_CONCATENATED), axis),
    );
    return this.concat(groups, axis);
  }

  /**
   * Writes a Slice that takes positions begin … end - 1 of an axis. (One Split into many parts would need a buffer for each, and
   * a shader may have as few as eight.)
   */
  slice(tensor: Tensor, axis: number, begin: number, end: number): Tensor {
    return this.apply("Slice", tensor, ...[begin, end, axis].map((bound) => this.integers([bound])));
  }

  refuse({ kind, name }: OperationDescription, why: string): never {
    throw new Unwritable(`${kind} ${show(name)} cannot be computed on a GPU: ${why}`);
  }

  constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    this.constants.set(key, tensorMessage(key, dims, values));
    return key as Tensor;
  }

  /** Returns the bytes of the graph as an ONNX file. */
  toBytes(): Uint8Array {
    const values = (map: ReadonlyMap<string, readonly number[]>) =>
      [...map].map(([name, shape]) => valueMessage(name, shape));
    const nodes = this.used();
    const read = new Set<string>(nodes.flatMap(({ inputs }) => inputs));
    const finalName = (name: string) => this.outputNames.get(name) ?? name;
    return modelMessage({
      nodes: nodes.map((node) =>
        nodeMessage({ ...node, inputs: node.inputs.map(finalName), outputs: node.outputs.map(finalName) }),
      ),
      initialisers: [...this.constants].flatMap(([name, message]) => (read.has(name) ? message : [])),
      inputs: values(this.inputs),
      outputs: values(this.outputs),
    }).toBytes();
  }

  /** Returns the graph's nodes that lead to an output; others, such as a Reshape that was undone, are dropped. */
  private used(): WrittenNode[] {
    const wanted = new Set<string>(this.outputNames.keys());
    const used = [...this.nodes].reverse().filter(({ inputs, outputs }) => {
      const isUsed = outputs.some((output) => wanted.has(output));
      if (isUsed) for (const input of inputs) wanted.add(input);
      return isUsed;
    });
    return used.reverse();
  }

  private newName(): Tensor {
    return `t${this.count++}` as Tensor;
  }
}

/** Node whose tensors do not have the names of the graph's outputs yet. */
interface WrittenNode extends Node {
  readonly inputs: readonly (Tensor | "")[];
  readonly outputs: readonly Tensor[];
}
