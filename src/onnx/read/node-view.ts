import { show } from "../../base/show.ts";
import { sizeOf, stridesOf } from "../../graph/operations.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { stretch } from "./layout.ts";
import type { Attribute, Node } from "./model.ts";
import { NodeRefusal, type Site } from "./site.ts";
import { type Dimension, dimensionOf } from "./sizes.ts";
import { type Numbers, strided, type Tensor } from "./tensor.ts";
import {
  atSizes,
  BATCH,
  type Constant,
  isConstant,
  makeValue,
  type Operand,
  plainValue,
  type Value,
} from "./value.ts";

/** Context shared by all nodes of an ONNX file during its import. */
export interface Scope {
  readonly writer: GraphWriter;
  /** Version of ONNX's standard operators that the file uses. */
  readonly opset: number;
  /** Batch size with which the file was exported; undefined if the file does not state it. */
  readonly tracedBatch: number | undefined;
  /** Returns the value of an attribute if it is a tensor, else undefined. */
  tensorOf(attribute: Attribute | undefined): Tensor | undefined;
  /** Node that computes each tensor, by the tensor's name. */
  readonly makers: ReadonlyMap<string, NodeView>;
}

/** A node of the file with its inputs, as passed to the functions that translate operators. */
export class NodeView implements Site {
  readonly node: Node;
  /** Inputs of the node, in the operator's order; undefined for an optional input that is omitted. */
  readonly inputs: readonly (Operand | undefined)[];
  readonly scope: Scope;

  constructor(node: Node, inputs: readonly (Operand | undefined)[], scope: Scope) {
    this.node = node;
    this.inputs = inputs;
    this.scope = scope;
  }

  get writer(): GraphWriter {
    return this.scope.writer;
  }

  get tracedBatch(): number | undefined {
    return this.scope.tracedBatch;
  }

  get operator(): string {
    return this.node.operator;
  }

  /**
   * Refuses the node.
   *
   * @throws NodeRefusal
   */
  refuse(reason: string): never {
    throw new NodeRefusal(reason);
  }

  /** True if an input is given; optional inputs may be omitted. */
  has(input: number): boolean {
    return this.inputs[input] !== undefined;
  }

  /** Returns an input, a constant or a value of the graph; refuses the node if the input is missing. */
  operand(input: number): Operand {
    return this.inputs[input] ?? this.refuse(`its input ${input} is missing`);
  }

  /** Returns an input as a value of the graph, also if it is constant. */
  value(input: number): Value {
    const operand = this.operand(input);
    return isConstant(operand) ? valueOfConstant(this, operand) : operand;
  }

  /** Returns all inputs as values of the graph, also constant ones. */
  values(): Value[] {
    return this.inputs.map((_, i) => this.value(i));
  }

  /**
   * Returns a constant input, which must not depend on the batch size or the number of points; undefined if it is
   * omitted.
   */
  optional(input: number): Tensor | undefined {
    return this.has(input) ? this.tensor(input) : undefined;
  }

  /** Returns a constant input, which must not depend on the batch size or the number of points; refuses the node otherwise. */
  tensor(input: number): Tensor {
    const operand = this.operand(input);
    if (isConstant(operand) && operand.at.length === 1) return operand.at[0]!;
    return this.refuse(`its input ${input} is computed, expected a constant`);
  }

  /** Returns a constant input as a single number; undefined if it is omitted. */
  scalar(input: number): number | undefined {
    const tensor = this.optional(input);
    if (tensor && tensor.values.length !== 1) {
      return this.refuse(`its input ${input} has ${tensor.values.length} numbers, expected one`);
    }
    return tensor?.values[0];
  }

  /** Returns an attribute as an integer, or `otherwise` if it is omitted; refuses the node if the value is not an integer. */
  integer(name: string, otherwise: number): number;
  /** Returns an attribute as an integer, or undefined if it is omitted; refuses the node if the value is not an integer. */
  integer(name: string): number | undefined;
  integer(name: string, otherwise?: number): number | undefined {
    const value = this.attribute(name)?.integer ?? otherwise;
    if (value !== undefined && !Number.isInteger(value)) this.refuse(`its ${name} is ${value}`);
    return value;
  }

  /** Returns an attribute as a finite number, or `otherwise` if it is omitted. */
  float(name: string, otherwise: number): number {
    const value = this.attribute(name)?.float ?? otherwise;
    return Number.isFinite(value) ? value : this.refuse(`its ${name} is ${value}`);
  }

  /** Returns a text attribute, or `otherwise` if it is omitted. */
  text(name: string, otherwise: string): string {
    return this.attribute(name)?.text ?? otherwise;
  }

  /** Returns an attribute as a list of integers; undefined if it is omitted. */
  integers(name: string): readonly number[] | undefined {
    return this.attribute(name)?.integers;
  }

  /** Returns an attribute of any type; undefined if it is omitted. */
  attribute(name: string): Attribute | undefined {
    return this.node.attributes.get(name);
  }

  /**
   * Checks an axis, and counts a negative one from the end.
   *
   * @param rank number of axes
   */
  axis(axis: number, rank: number): number {
    if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    return this.refuse(`its axis is ${axis}, of a value with ${rank} axes`);
  }

  /**
   * Checks a list of axes, and counts negative ones from the end.
   *
   * @param rank number of axes
   */
  axes(axes: readonly number[], rank: number): number[] {
    const counted = axes.map((axis) => this.axis(axis, rank));
    if (new Set(counted).size < counted.length) this.refuse(`its axes are [${axes}], expected each once`);
    return counted;
  }

  /**
   * Returns the entry of `table` under the value of the text attribute `name`; refuses a value that is not a key of `table`.
   */
  chosen<Key extends string, T>(name: string, otherwise: Key, table: { readonly [K in Key]: T }): T {
    return table[this.choice(name, otherwise, Object.keys(table) as Key[])];
  }

  /** Returns a text attribute, which must be one of `choices`. */
  choice<T extends string>(name: string, otherwise: T, choices: readonly T[]): T {
    const value = this.text(name, otherwise);
    if (choices.includes(value as T)) return value as T;
    return this.refuse(
      `its ${name} is ${show(value)}, expected ${choices.map((each) => `"${each}"`).join(" or ")}`,
    );
  }
}

/**
 * Derives how the lengths of a shape depend on the batch size and the number of points.
 *
 * @param shapes the shape at each of SIZES
 * @param what its name in messages
 */
export function dimensionsOfShapes(
  node: NodeView,
  shapes: readonly (readonly number[])[],
  what: string,
): Dimension[] {
  const [first] = shapes;
  if (shapes.some(({ length }) => length !== first!.length)) {
    return node.refuse(`${what} has more axes in some batches than in others`);
  }
  return first!.map(
    (_, axis) =>
      dimensionOf(shapes.map((shape) => shape[axis]!)) ??
      node.refuse(`${what} changes otherwise than with the batch or the points`),
  );
}

/** Returns the lengths of a constant's axes, which may depend on the batch size and the number of points. */
export function dimensionsOfConstant(node: NodeView, constant: Constant): Dimension[] {
  const shapes = atSizes(constant).map(({ shape }) => shape);
  return dimensionsOfShapes(node, shapes, "the shape of what it reads");
}

/** Converts a constant to a value of the graph; if it depends on the batch or the points, it must repeat along them. */
function valueOfConstant(node: NodeView, constant: Constant): Value {
  const [first] = constant.at;
  if (first!.values.length === 0) return node.refuse("it reads a tensor without numbers");
  if (constant.at.length === 1) {
    return plainValue(first!.values, first!.shape, first!.type);
  }
  const dimensions = dimensionsOfConstant(node, constant);
  const shape = dimensions.map(({ count }) => count);
  const all = constant.at.map((tensor) => unrepeated(node, tensor, dimensions, shape));
  if (all.some((values) => values.some((value, i) => !Object.is(value, all[0]![i])))) {
    return node.refuse("it reads numbers that depend on the batch or on how many points there are");
  }
  const axes = dimensions.map(({ hasBatch }, axis) => (hasBatch ? [BATCH, axis] : [axis]));
  const value = makeValue(all[0]!, shape, axes, first!.type);
  const points = dimensions.flatMap(({ hasPoints }, axis) => (hasPoints ? [axis] : []));
  if (points.length > 1) return node.refuse("two of the axes of what it reads are of points");
  return stretch(node, value, new Map(points.map((axis) => [axis, "points"])));
}

/** Returns a constant's numbers for one sample and one point; refuses a constant that differs between samples or points. */
function unrepeated(
  node: NodeView,
  { shape, values }: Tensor,
  dimensions: readonly Dimension[],
  counts: readonly number[],
): Numbers {
  const strides = stridesOf(shape);
  const one = strided(values, counts, strides);
  // Views each axis as two: the number of repetitions, and what is repeated.
  const view = dimensions.flatMap(({ count }, axis) => [shape[axis]! / count, count]);
  const again = stridesOf(counts).flatMap((stride) => [0, stride]);
  const back = strided(one, view, again);
  const isRepeated = sizeOf(view) === values.length && back.every((value, i) => Object.is(value, values[i]));
  if (isRepeated) return one;
  return node.refuse("it reads numbers that differ from sample to sample, or point to point");
}
