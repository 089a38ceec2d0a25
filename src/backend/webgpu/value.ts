import { type Shape, sizeOf } from "../../graph/operations.ts";
import {
  commonOrder,
  type Form as FormOf,
  type Order,
  OrderedTensors,
  withoutAxes,
} from "../../onnx-format/axis-order.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";

/** A tensor that holds a value of all samples, or its gradient: the samples are its first axis. */
export type Form = FormOf<Tensor>;

/** A value of the decoder in a graph, or the gradient for one. */
export class GraphValue extends OrderedTensors<Tensor> {
  /** Of one sample, channels last. */
  readonly shape: Shape;
  /** How many samples there are: 1 where the value is the same for all. */
  readonly batch: number;

  constructor(graph: OnnxGraph, shape: Shape, batch: number, form: Form) {
    super(form, (tensor, permutation) => graph.transpose(tensor, permutation));
    this.shape = shape;
    this.batch = batch;
    graph.shaped(form.tensor, this.lengths(form.order));
  }

  /** The lengths of a tensor's axes. */
  lengths(order: Order): number[] {
    return [this.batch, ...order.map((axis) => this.shape[axis]!)];
  }
}

/** Where a tensor of this order has an axis of the value. */
export function positionOf(order: Order, axis: number): number {
  return 1 + order.indexOf(axis);
}

/** Values as tensors with as many axes, in one order, so that they can be taken number by number. */
export interface Aligned {
  readonly order: Order;
  readonly tensors: readonly Tensor[];
}

export function aligned(graph: OnnxGraph, values: readonly GraphValue[]): Aligned {
  const order = commonOrder(values);
  const tensors = values.map((value) => {
    const missing = order.length - value.rank;
    const tensor = value.in(withoutAxes(order, missing));
    return missing === 0 ? tensor : graph.reshape(tensor, stretchable(value, order));
  });
  return { order, tensors };
}

/** The lengths of a value's tensor with the axes that it lacks, beside one in this order. */
export function stretchable({ batch, shape }: GraphValue, order: Order): number[] {
  const missing = order.length - shape.length;
  return [batch, ...order.map((axis) => shape[axis - missing] ?? 1)];
}

/** The gradient for a value that was stretched to a shape: summed up over what each of its numbers has gone to. */
export function unstretched(
  graph: OnnxGraph,
  { tensor, order }: Form,
  shape: Shape,
  { shape: own, batch }: GraphValue,
): Form {
  const missing = shape.length - own.length;
  const axes = order.flatMap((axis, k) => (shape[axis] !== (own[axis - missing] ?? 1) ? [k + 1] : []));
  const summed = axes.length > 0 ? graph.sum(tensor, axes) : tensor;
  if (missing === 0) return { tensor: summed, order };
  const ownOrder = withoutAxes(order, missing);
  const lengths = [batch, ...ownOrder.map((axis) => own[axis]!)];
  return { tensor: graph.reshape(summed, lengths), order: ownOrder };
}

/** How many rows a tensor of these lengths has: all positions of all axes but the last one. */
export function rowCount(lengths: readonly number[]): number {
  return sizeOf(lengths.slice(0, -1));
}
