// Values are channels last, and ONNX's convolutions want channels first. So where ONNX graphs are written a value is known
// by the tensors that hold it, each with its axes in some order: convolutions leave theirs as they are, most operations
// take any, and where an operation wants an order that there is no tensor in, one is transposed, once for all who read it.

/** Axis k of a tensor, behind that of the batch, is axis order[k] of the value. */
export type Order = readonly number[];

/** A tensor that holds a value. */
export interface Form<Tensor> {
  readonly tensor: Tensor;
  readonly order: Order;
}

/** The axes as they are. */
export function lastOrder(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** The last axis, the channels, before the others. */
export function firstOrder(rank: number): Order {
  return [rank - 1, ...lastOrder(rank - 1)];
}

function isSame(a: Order, b: Order): boolean {
  return a.length === b.length && a.every((axis, k) => axis === b[k]);
}

/** The tensors that hold one value. */
export class OrderedTensors<Tensor> {
  private readonly forms: Form<Tensor>[];
  private readonly transpose: (tensor: Tensor, permutation: readonly number[]) => Tensor;

  /** @param transpose axis k of its result is axis permutation[k] of the tensor, that of the batch among them */
  constructor(form: Form<Tensor>, transpose: (tensor: Tensor, permutation: readonly number[]) => Tensor) {
    this.forms = [form];
    this.transpose = transpose;
  }

  get rank(): number {
    return this.forms[0]!.order.length;
  }

  /** The orders in which there are tensors. */
  get orders(): readonly Order[] {
    return this.forms.map(({ order }) => order);
  }

  /** A tensor that there is; of several, one that a convolution has left or wanted, since others may follow. */
  get any(): Form<Tensor> {
    const last = lastOrder(this.rank);
    return this.forms.find(({ order }) => !isSame(order, last)) ?? this.forms[0]!;
  }

  has(order: Order): boolean {
    return this.forms.some((form) => isSame(form.order, order));
  }

  /** The tensor with its axes in this order. */
  in(order: Order): Tensor {
    const known = this.forms.find((form) => isSame(form.order, order));
    if (known) return known.tensor;
    const from = this.any;
    const tensor = this.transpose(from.tensor, [0, ...order.map((axis) => 1 + from.order.indexOf(axis))]);
    this.forms.push({ tensor, order });
    return tensor;
  }

  /** The tensor with channels last. */
  get last(): Tensor {
    return this.in(lastOrder(this.rank));
  }

  /** The tensor with channels first. */
  get first(): Tensor {
    return this.in(firstOrder(this.rank));
  }
}

/** The order of a value that lacks the first `missing` axes, beside one in this order. */
export function withoutAxes(order: Order, missing: number): Order {
  return order.filter((axis) => axis >= missing).map((axis) => axis - missing);
}

/** The order of the longest of some values for which the fewest of their tensors have to be transposed. */
export function commonOrder<Tensor>(values: readonly OrderedTensors<Tensor>[]): Order {
  const rank = Math.max(...values.map((value) => value.rank));
  const last = lastOrder(rank);
  const candidates = values.filter((value) => value.rank === rank).flatMap(({ orders }) => orders);
  const lacking = (order: Order) =>
    values.filter((value) => !value.has(withoutAxes(order, rank - value.rank))).length;
  const rate = (order: Order) => lacking(order) + (isSame(order, last) ? 0.5 : 0);
  return candidates.reduce((best, each) => (rate(each) < rate(best) ? each : best));
}
