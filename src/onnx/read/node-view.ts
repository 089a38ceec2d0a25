import { show } from "../../base/show.ts";
import { sizeOf, stridesOf } from "../../graph/operations.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { stretch } from "./layout.ts";
import type { Attribute, Node } from "./model.ts";
import { NodeRefusal, type Site } from "./site.ts";
import { type Dimension, dimensionOf } from "./sizes.ts";
import { type Numbers, strided, type Tensor } from "./tensor.ts";
import {
  BATCH,
  type Constant,
  isConstant,
  makeValue,
  type Operand,
  plainValue,
  type Value,
} from "./value.ts";

/** Context shared by all nodes of a file. */
export interface Scope {
  readonly writer: GraphWriter;
  readonly opset: number;
  /** Length of the batch that the file was exported with; undefined if it does not tell. */
  readonly tracedBatch: number | undefined;
  /** Returns the numbers of an attribute that is a tensor. */
  tensorOf(attribute: Attribute | undefined): Tensor | undefined;
  /** Node that makes each value, by the value's name. */
  readonly makers: ReadonlyMap<string, NodeView>;
}

/** Node of the file together with its inputs, as the readers of operators see it. */
export class NodeView implements Site {
  readonly node: Node;
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

  /** @throws NodeRefusal */
  refuse(reason: string): never {
    throw new NodeRefusal(reason);
  }

  /** True if an input is given; optional ones may be left out. */
  has(input: number): boolean {
    return this.inputs[input] !== undefined;
  }

  operand(input: number): Operand {
    return this.inputs[input] ?? this.refuse(`its input ${input} is missing`);
  }

  /** Returns an input as a value of the graph, even if it is constant. */
  value(input: number): Value {
    const operand = this.operand(input);
    return isConstant(operand) ? valueOfConstant(this, operand) : operand;
  }

  /** Returns all inputs as values of the graph. */
  values(): Value[] {
    return this.inputs.map((_, i) => this.value(i));
  }

  /** Returns a constant input that is the same at all sizes; undefined if it is left out. */
  optional(input: number): Tensor | undefined {
    return this.has(input) ? this.tensor(input) : undefined;
  }

  tensor(input: number): Tensor {
    const operand = this.operand(input);
    if (isConstant(operand) && operand.at.length === 1) return operand.at[0]!;
    return this.refuse(`its input ${input} is computed, expected a constant`);
  }

  /** Returns a constant input of one number; undefined if it is left out. */
  scalar(input: number): number | undefined {
    const tensor = this.optional(input);
    if (tensor && tensor.values.length !== 1) {
      return this.refuse(`its input ${input} has ${tensor.values.length} numbers, expected one`);
    }
    return tensor?.values[0];
  }

  integer(name: string, otherwise: number): number;
  integer(name: string): number | undefined;
  integer(name: string, otherwise?: number): number | undefined {
    const value = this.attribute(name)?.integer ?? otherwise;
    if (value !== undefined && !Number.isInteger(value)) this.refuse(`its ${name} is ${value}`);
    return value;
  }

  /** Returns an attribute that is a finite number. */
  float(name: string, otherwise: number): number {
    const value = this.attribute(name)?.float ?? otherwise;
    return Number.isFinite(value) ? value : this.refuse(`its ${name} is ${value}`);
  }

  text(name: string, otherwise: string): string {
    return this.attribute(name)?.text ?? otherwise;
  }

  /** Returns an attribute that is a list of integers; undefined if it is left out. */
  integers(name: string): readonly number[] | undefined {
    return this.attribute(name)?.integers;
  }

  attribute(name: string): Attribute | undefined {
    return this.node.attributes.get(name);
  }

  /** Returns the axis that a number names; below 0 it counts from the end. */
  axis(axis: number, rank: number): number {
    if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    return this.refuse(`its axis is ${axis}, of a value with ${rank} axes`);
  }

  /** Returns the axes that numbers name; below 0 they count from the end. */
  axes(axes: readonly number[], rank: number): number[] {
    const counted = axes.map((axis) => this.axis(axis, rank));
    if (new Set(counted).size < counted.length) this.refuse(`its axes are [${axes}], expected each once`);
    return counted;
  }

  /** Returns the table's entry for an attribute that is a text; refuses texts without an entry. */
  chosen<Key extends string, T>(name: string, otherwise: Key, table: { readonly [K in Key]: T }): T {
    return table[this.choice(name, otherwise, Object.keys(table) as Key[])];
  }

  /** Returns an attribute that is one of the texts `choices`; refuses others. */
  choice<T extends string>(name: string, otherwise: T, choices: readonly T[]): T {
    const value = this.text(name, otherwise);
    if (choices.includes(value as T)) return value as T;
    return this.refuse(
      `its ${name} is ${show(value)}, expected ${choices.map((each) => `"${each}"`).join(" or ")}`,
    );
  }
}

/** Returns a constant of lengths, which may depend on the batch and the points. */
export function dimensionsOfConstant(node: NodeView, { at }: Constant): Dimension[] {
  const [first] = at;
  if (at.length === 1) return first!.shape.map((count) => ({ count, hasBatch: false, hasPoints: false }));
  if (at.some(({ shape }) => shape.length !== first!.shape.length)) {
    return node.refuse("what it reads has more axes in some batches than in others");
  }
  return first!.shape.map(
    (_, axis) =>
      dimensionOf(at.map(({ shape }) => shape[axis]!)) ??
      node.refuse("the length of an axis changes otherwise than with the batch or the points"),
  );
}

/** Makes a value of a constant, which repeats along the batch and the points. */
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

/** Returns the numbers of one sample and one point of a constant; refuses one in which they differ. */
function unrepeated(
  node: NodeView,
  { shape, values }: Tensor,
  dimensions: readonly Dimension[],
  counts: readonly number[],
): Numbers {
  const strides = stridesOf(shape);
  const one = strided(values, counts, strides);
  // Each axis as how often it repeats, and what it repeats.
  const view = dimensions.flatMap(({ count }, axis) => [shape[axis]! / count, count]);
  const back = strided(
    one,
    view,
    stridesOf(counts).flatMap((stride) => [0, stride]),
  );
  const isRepeated = sizeOf(view) === values.length && back.every((value, i) => Object.is(value, values[i]));
  return isRepeated
    ? one
    : node.refuse("it reads numbers that differ from sample to sample, or point to point");
}
