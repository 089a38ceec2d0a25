/**
 * Order of a tensor's axes after the batch: axis k of the tensor is axis order[k] of the graph value, which has channels last.
 */
export type Order = readonly number[];

/** Returns the order of a tensor with the same axes as the graph value, channels last: [0, 1, …, rank - 1]. */
export function lastOrder(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Returns the order of a tensor with channels first, as ONNX's convolutions need: [rank - 1, 0, …, rank - 2]. */
export function firstOrder(rank: number): Order {
  return [rank - 1, ...lastOrder(rank - 1)];
}

/** True if the channels are the first axis after the batch. */
export function isFirst(order: Order): boolean {
  return order[0] === order.length - 1;
}

/** True if two orders are equal. */
export function isSameOrder(a: Order, b: Order): boolean {
  return a.length === b.length && a.every((axis, k) => axis === b[k]);
}

/** Returns the position of a graph value's axis in a tensor with this order, counting the batch as 0. */
export function positionOf(order: Order, axis: number): number {
  return 1 + order.indexOf(axis);
}

/** Restricts an order to graph values that lack the first `missing` axes. */
export function withoutAxes(order: Order, missing: number): Order {
  return order.filter((axis) => axis >= missing).map((axis) => axis - missing);
}
