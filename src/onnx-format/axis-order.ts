/** Order of a tensor's axes behind the batch: axis k of the tensor is axis order[k] of the value, which has channels last. */
export type Order = readonly number[];

/** Order of a value's own axes: channels last. */
export function lastOrder(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Order with the last axis, the channels, before the others: as ONNX's convolutions take pixels. */
export function firstOrder(rank: number): Order {
  return [rank - 1, ...lastOrder(rank - 1)];
}

/** True if the channels are the first axis behind the batch. */
export function isFirst(order: Order): boolean {
  return order[0] === order.length - 1;
}

/** True if two orders are equal. */
export function isSameOrder(a: Order, b: Order): boolean {
  return a.length === b.length && a.every((axis, k) => axis === b[k]);
}

/** Position of a value's axis in a tensor of this order, behind the batch. */
export function positionOf(order: Order, axis: number): number {
  return 1 + order.indexOf(axis);
}

/** Order of a value that lacks the first `missing` axes, in line with a tensor of this order. */
export function withoutAxes(order: Order, missing: number): Order {
  return order.filter((axis) => axis >= missing).map((axis) => axis - missing);
}
