import { kept } from "../../base/kept.ts";
import { subject } from "../../base/message.ts";
import { objection } from "../../base/refuse.ts";
import type { OperationDescription } from "../../graph/operations.ts";
import { Constants, Emitter, type Extent, type Operand, type Tensor } from "../../onnx-format/emitter.ts";
import {
  type Attributes,
  type Dim,
  INT64,
  modelMessage,
  type Node,
  nodeMessage,
  tensorMessage,
  valueMessage,
} from "../../onnx-format/messages.ts";
import type { ProtobufMessage } from "../../onnx-format/protobuf.ts";

export type { Operand, Tensor } from "../../onnx-format/emitter.ts";

/** ONNX file being written. Tensors are float32 unless declared as int64. */
export class OnnxFile extends Constants {
  protected readonly nodes: Node[] = [];
  private readonly initialisers = new Map<string, ProtobufMessage>();
  private readonly inputs: ProtobufMessage[] = [];
  private readonly constants = new Map<string, Tensor>();
  private readonly names: Set<string>;

  /** @param reserved names of inputs, parameters and the output, which other tensors must not use */
  constructor(reserved: Iterable<string>) {
    super();
    this.names = new Set(reserved);
  }

  /** Declares an input of the graph. */
  input(name: string, dims: readonly Dim[], isInteger = false): Tensor {
    this.inputs.push(isInteger ? valueMessage(name, dims, INT64) : valueMessage(name, dims));
    return name as Tensor;
  }

  /** Writes a node with one output, named after the scope and the operator. */
  apply(scope: string, operator: string, inputs: readonly Operand[], attributes: Attributes = {}): Tensor {
    const name = this.unique(`${scope}/${operator}`);
    const tensors = inputs.map((input) => (typeof input === "number" ? this.scalar(input) : input));
    this.nodes.push({ operator, inputs: tensors, outputs: [name], attributes, name });
    return name;
  }

  /** Adds a constant tensor (initialiser) with the given name. */
  parameter(name: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    this.initialisers.set(name, tensorMessage(name, dims, values));
    return name as Tensor;
  }

  constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    return kept(this.constants, key, () => this.parameter(this.unique(key), dims, values));
  }

  /**
   * Returns the file as a protobuf message.
   *
   * @param name name of the output
   * @param tensor tensor that becomes the output
   * @param dims shape of the output
   */
  toMessage(
    name: string,
    tensor: Tensor,
    dims: readonly Dim[],
    metadata: Iterable<readonly [key: string, value: string]>,
  ): ProtobufMessage {
    const isMade = this.nodes.some(({ outputs }) => outputs[0] === tensor);
    const output = isMade ? tensor : this.apply(name, "Identity", [tensor]);
    const finalName = (each: string) => (each === output ? name : each);
    const nodes = this.nodes.map((node) =>
      nodeMessage({ ...node, inputs: node.inputs.map(finalName), outputs: node.outputs.map(finalName) }),
    );
    const { inputs } = this;
    const initialisers = this.initialisers.values();
    return modelMessage({ nodes, initialisers, inputs, outputs: [valueMessage(name, dims)] }, metadata);
  }

  /** Returns an unused name that starts with the given one, and reserves it. */
  unique(name: string): Tensor {
    let free = name;
    for (let count = 2; this.names.has(free); count++) free = `${name}_${count}`;
    this.names.add(free);
    return free as Tensor;
  }
}

/**
 * Returns a tensor of one integer, a size that is known only when the file is run: the size of the batch, or the number of points
 * (coordinates at which the decoder is evaluated).
 */
export type RunSizes = (of: "batch" | "points") => Tensor;

/** Writes the nodes of one operation into an ONNX file, named after the operation. */
export class FileEmitter extends Emitter {
  private readonly file: OnnxFile;
  private readonly scope: string;
  private readonly sizes: RunSizes;

  constructor(file: OnnxFile, scope: string, sizes: RunSizes) {
    super();
    this.file = file;
    this.scope = scope;
    this.sizes = sizes;
  }

  applyWith(attributes: Attributes, operator: string, ...inputs: Operand[]): Tensor {
    return this.file.apply(this.scope, operator, inputs, attributes);
  }

  constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    return this.file.constant(key, dims, values);
  }

  matrix(dims: readonly [number, number], values: Float32Array): Tensor {
    return this.file.parameter(this.file.unique(`${this.scope}/matrix`), dims, values);
  }

  reshape(tensor: Tensor, lengths: readonly Extent[]): Tensor {
    // In ONNX's Reshape, 0 keeps the length of an axis, and -1 is derived.
    const dims = lengths.map((length) => (length === "batch" ? 0 : typeof length === "number" ? length : -1));
    return this.apply("Reshape", tensor, this.integers(dims));
  }

  insertAxes(tensor: Tensor, positions: readonly number[]): Tensor {
    return this.apply("Unsqueeze", tensor, this.integers(positions));
  }

  shape(lengths: readonly Extent[], like: Tensor): Tensor {
    const parts: (number[] | Tensor)[] = [];
    lengths.forEach((length, axis) => {
      const before = parts.at(-1);
      if (typeof length !== "number") {
        parts.push(length === undefined ? this.lengthOf(like, axis) : this.sizes(length));
      } else if (Array.isArray(before)) before.push(length);
      else parts.push([length]);
    });
    const tensors = parts.map((part) => (typeof part === "string" ? part : this.integers(part)));
    return tensors.length === 1 ? tensors[0]! : this.concat(tensors, 0);
  }

  /** Returns the length of a tensor's axis, as a tensor of one integer. */
  lengthOf(tensor: Tensor, axis: number): Tensor {
    return this.applyWith({ start: { integer: axis }, end: { integer: axis + 1 } }, "Shape", tensor);
  }

  /**
   * Writes weight · x + bias per channel as a BatchNormalization with mean 0 and variance 1, whose parameters are plain
   * lists. It rounds no more than Mul and Add do.
   */
  override scaleChannelsFirst(
    tensor: Tensor,
    channels: number,
    weight: Tensor,
    bias = this.filled(channels, 0),
  ): Tensor {
    const statistics = [this.filled(channels, 0), this.filled(channels, 1)];
    const inputs = [tensor, weight, bias, ...statistics];
    return this.applyWith({ epsilon: { float: 0 } }, "BatchNormalization", ...inputs);
  }

  refuse({ kind, name }: OperationDescription, why: string): never {
    throw objection(subject("decoder", `${kind} "${name}"`), `cannot be written: ${why}`);
  }
}
