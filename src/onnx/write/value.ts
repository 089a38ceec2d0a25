import type { OnnxFile, Tensor } from "./file.ts";
import type { SymbolicShape } from "./shapes.ts";

// Values are channels last, and ONNX's convolutions want channels first. So a value is known by the tensors that hold
// it, each with its axes in some order: convolutions leave theirs as they are, most operations take any, and where an
// operation wants an order that there is no tensor in, one is transposed, once for all who read it.

/** Axis k of a tensor, behind that of the batch, is axis order[k] of the value. */
export type Order = readonly number[];

/** A tensor that holds a value. */
export interface Form {
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

/** A value of the decoder in the file. */
export class WrittenValue {
  private readonly forms: Form[];
  private readonly file: OnnxFile;
  private readonly name: string;
  readonly shape: SymbolicShape;
  /** Is it the same for all samples? Then its batch has the length 1. */
  readonly isShared: boolean;

  constructor(file: OnnxFile, name: string, shape: SymbolicShape, form: Form, isShared: boolean) {
    this.file = file;
    this.name = name;
    this.shape = shape;
    this.forms = [form];
    this.isShared = isShared;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The orders in which there are tensors. */
  get orders(): readonly Order[] {
    return this.forms.map(({ order }) => order);
  }

  /** A tensor that there is; of several, one that a convolution has left or wanted, since others may follow. */
  get any(): Form {
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
    const perm = [0, ...order.map((axis) => 1 + from.order.indexOf(axis))];
    const tensor = this.file.apply(this.name, "Transpose", [from.tensor], { perm: { integers: perm } });
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
function withoutAxes(order: Order, missing: number): Order {
  return order.filter((axis) => axis >= missing).map((axis) => axis - missing);
}

/** Values as tensors that can be taken number by number, or put beside each other: with as many axes, in one order. */
export interface Aligned {
  readonly order: Order;
  readonly tensors: readonly Tensor[];
}

/** Finds the order for which the fewest tensors have to be transposed. */
export function aligned(file: OnnxFile, scope: string, values: readonly WrittenValue[]): Aligned {
  const rank = Math.max(...values.map((value) => value.rank));
  const last = lastOrder(rank);
  const candidates = values.filter((value) => value.rank === rank).flatMap(({ orders }) => orders);
  const lacking = (order: Order) =>
    values.filter((value) => !value.has(withoutAxes(order, rank - value.rank))).length;
  const rate = (order: Order) => lacking(order) + (isSame(order, last) ? 0.5 : 0);
  const order = candidates.reduce((best, each) => (rate(each) < rate(best) ? each : best));
  const tensors = values.map((value) => {
    const missing = rank - value.rank;
    const tensor = value.in(withoutAxes(order, missing));
    if (missing === 0) return tensor;
    const axes = order.flatMap((axis, k) => (axis < missing ? [k + 1] : []));
    return file.apply(scope, "Unsqueeze", [tensor, file.integers(axes)]);
  });
  return { order, tensors };
}
