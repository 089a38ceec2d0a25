import { firstOrder, isSameOrder, lastOrder, type Order, withoutAxes } from "./axis-order.ts";
import type { Emitter, Extent, Tensor } from "./emitter.ts";

// Values have channels last, while ONNX's convolutions need channels first. A value is therefore represented by one or
// more tensors, each with its axes in some order. Convolutions leave their output with channels first, most operations
// accept any order, and a tensor in a missing order is made by one transposition, which all readers share.

/** A tensor that represents a graph value or the gradient for one, with the order of its axes. */
export interface Form {
  readonly tensor: Tensor;
  readonly order: Order;
}

/** A value of the decoder, or the gradient with respect to one, in an ONNX graph. */
export class GraphValue<Each extends Extent = Extent> {
  readonly graph: Emitter;
  /** Lengths of the axes for one sample, channels last. */
  readonly shape: readonly Each[];
  /** Length of the batch axis; 1 if all samples share the graph value. */
  readonly batch: Each;
  private readonly forms: Form[];

  constructor(graph: Emitter, shape: readonly Each[], batch: Each, form: Form) {
    this.graph = graph;
    this.shape = shape;
    this.batch = batch;
    this.forms = [form];
    graph.shaped(form.tensor, this.lengths(form.order));
  }

  /** Number of axes of the value for one sample. */
  get rank(): number {
    return this.shape.length;
  }

  /** Returns the shape of a tensor with this order, batch first. */
  lengths(order: Order): Each[] {
    return [this.batch, ...order.map((axis) => this.shape[axis]!)];
  }

  /** Orders in which tensors of this graph value exist. */
  get orders(): readonly Order[] {
    return this.forms.map(({ order }) => order);
  }

  /** An existing tensor of this graph value; preferably a tensor whose channels are not last, as convolutions use. */
  get any(): Form {
    const last = lastOrder(this.rank);
    return this.forms.find(({ order }) => !isSameOrder(order, last)) ?? this.forms[0]!;
  }

  /**
   * Returns the tensor of this graph value with its axes in `order`; makes it, if needed, by transposing an existing tensor.
   */
  in(order: Order): Tensor {
    const existing = this.forms.find((form) => isSameOrder(form.order, order));
    if (existing) return existing.tensor;
    const from = this.any;
    const permutation = [0, ...order.map((axis) => 1 + from.order.indexOf(axis))];
    const tensor = this.graph.transpose(from.tensor, permutation);
    this.forms.push({ tensor, order });
    return tensor;
  }

  /** Tensor of this graph value with channels last. */
  get last(): Tensor {
    return this.in(lastOrder(this.rank));
  }

  /** Tensor of this graph value with channels first. */
  get first(): Tensor {
    return this.in(firstOrder(this.rank));
  }
}

/**
 * Returns values as tensors that broadcast: with the same number of axes, in the order that needs the fewest
 * transpositions.
 */
export function aligned(graph: Emitter, values: readonly GraphValue[]) {
  const order = commonOrder(values);
  const tensors = values.map((value) => withRank(graph, value, order));
  return { order, tensors };
}

/** Returns a tensor of a value in this order, with axes of length 1 in place of leading axes that the value lacks. */
export function withRank(graph: Emitter, value: GraphValue, order: Order): Tensor {
  const missing = order.length - value.rank;
  const tensor = value.in(withoutAxes(order, missing));
  if (missing === 0) return tensor;
  const positions = order.flatMap((axis, k) => (axis < missing ? [k + 1] : []));
  const lengths = order.map((axis) => (axis < missing ? 1 : value.shape[axis - missing]));
  return graph.insertAxes(tensor, positions, [value.batch, ...lengths]);
}

function commonOrder(values: readonly GraphValue[]): Order {
  const rank = Math.max(...values.map((value) => value.rank));
  const last = lastOrder(rank);
  const rate = (order: Order) => {
    const lacking = values.filter((value) => {
      const own = withoutAxes(order, rank - value.rank);
      return !value.orders.some((each) => isSameOrder(each, own));
    });
    return lacking.length + (isSameOrder(order, last) ? 0.5 : 0);
  };
  const candidates = values.filter((value) => value.rank === rank).flatMap(({ orders }) => orders);
  return candidates.reduce((best, each) => (rate(each) < rate(best) ? each : best));
}
