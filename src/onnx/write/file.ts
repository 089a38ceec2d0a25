import { type AxisMap, matrixOf } from "../../graph/linear-map.ts";
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

/** A tensor of the file, by its name. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** What operators take; a number is a constant of float32 that goes with tensors of any shape. */
export type Operand = Tensor | number;

/** An ONNX file being written. Tensors are float32 unless they are said to be integers. */
export class OnnxFile {
  protected readonly nodes: Node[] = [];
  private readonly initialisers = new Map<string, ProtobufMessage>();
  private readonly inputs: ProtobufMessage[] = [];
  /** Those that are the same are there once. */
  private readonly constants = new Map<string, Tensor>();
  private readonly names: Set<string>;

  /** @param reserved the names of inputs, parameters and the output, which no other tensor may have */
  constructor(reserved: Iterable<string>) {
    this.names = new Set(reserved);
  }

  input(name: string, dims: readonly Dim[], isInteger = false): Tensor {
    this.inputs.push(isInteger ? valueMessage(name, dims, INT64) : valueMessage(name, dims));
    return name as Tensor;
  }

  /** One operator with one output, which is named after both. An input that is left out is "". */
  apply(
    scope: string,
    operator: string,
    inputs: readonly (Operand | "")[],
    attributes: Attributes = {},
  ): Tensor {
    const name = this.unique(`${scope}/${operator}`);
    const tensors = inputs.map((input) => (typeof input === "number" ? this.scalar(input) : input));
    this.nodes.push({ operator, inputs: tensors, outputs: [name], attributes, name });
    return name as Tensor;
  }

  /** A parameter of the decoder, under its name. */
  parameter(name: string, dims: readonly number[], values: Float32Array): Tensor {
    this.initialisers.set(name, tensorMessage(name, dims, values));
    return name as Tensor;
  }

  /** A constant list of integers, as some operators take them for axes, bounds and shapes. */
  integers(values: readonly number[]): Tensor {
    return this.constant(`[${values}]`, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A constant list of `length` equal numbers. */
  filled(length: number, value: number): Tensor {
    return this.constant(`${length}*${value}`, [length], new Float32Array(length).fill(value));
  }

  /** A constant list of numbers. */
  floats(values: readonly number[]): Tensor {
    return this.constant(`(${values})`, [values.length], Float32Array.from(values));
  }

  /** The matrix of an axis that is mapped: [output, input], or turned round. */
  matrix(scope: string, map: AxisMap, inputs: number, isTurned: boolean): Tensor {
    const dims = isTurned ? [inputs, map.length] : [map.length, inputs];
    return this.parameter(this.unique(`${scope}/matrix`), dims, matrixOf(map, inputs, isTurned));
  }

  /** The file, in which `tensor` is the output and called so. */
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

  private scalar(value: number): Tensor {
    return this.constant(`${value}`, [], Float32Array.of(value));
  }

  private constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor {
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.unique(key);
    this.initialisers.set(name, tensorMessage(name, dims, values));
    this.constants.set(key, name as Tensor);
    return name as Tensor;
  }

  protected unique(name: string): string {
    let free = name;
    for (let count = 2; this.names.has(free); count++) free = `${name}_${count}`;
    this.names.add(free);
    return free;
  }
}
