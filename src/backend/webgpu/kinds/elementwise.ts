import type { NumberFunction, Operand, Tensor } from "../../../onnx-format/emitter.ts";
import { aligned, type Form, withRank } from "../../../onnx-format/value.ts";
import { writeSlope } from "../function-gradients.ts";
import { steepRamp } from "../functions.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backward, Backwards, GpuTask, GpuValue, Written } from "../task.ts";
import { unbroadcast } from "../unbroadcast.ts";

function ofEach({ graph, input, output }: Written, f: NumberFunction, gradient: GpuValue): Form {
  const { tensor, order } = output;
  return { tensor: writeSlope(graph, f, input.in(order), tensor, gradient.in(order)), order };
}

/** Writes nodes that sum the gradient `tensor` for input `index` over the axes along which that input was broadcast, if any. */
function broadcast({ graph, operation, inputs, output }: Written, tensor: Tensor, index: number): Form {
  const form = { tensor, order: output.order };
  const input = inputs[index]!;
  const isWhole = input.shape.join() === operation.shape.join();
  return isWhole ? form : unbroadcast(graph, form, operation.shape, input);
}

/**
 * Writer of the gradient for one of two values that broadcast, before it is summed over the axes along which that value was
 * broadcast. `own` is the value's tensor, `other` the other value's.
 */
type Slope = (graph: OnnxGraph, gradient: Tensor, other: Tensor, own: Tensor) => Tensor;

/**
 * Makes the gradient writer of an operation on two values that broadcast, from a writer for each of the two values' gradients.
 */
const ofTwo =
  (...slopes: readonly Slope[]): Backward<"add" | "sub" | "mul" | "maximum" | "minimum"> =>
  (written, gradient, index) => {
    const { graph, inputs, output } = written;
    // In the axis order of the forward pass: by now the inputs may have tensors in other orders.
    const tensors = inputs.map((input) => withRank(graph, input, output.order));
    const own = gradient.in(output.order);
    return broadcast(written, slopes[index]!(graph, own, tensors[1 - index]!, tensors[index]!), index);
  };

const asItIs: Slope = (_graph, gradient) => gradient;
const timesOther: Slope = (graph, gradient, other) => graph.apply("Mul", gradient, other);

/**
 * Makes the gradient writer of a maximum (`sign` is 1) or minimum (-1) of two values for one of them, `own`: writes the
 * gradient times 1 where `own` is the extremum, ½ where both are equal, else 0. Written without comparisons: onnxruntime moves
 * transposes past comparisons, and has none of booleans on WebGPU.
 */
const ifChosen =
  (sign: 1 | -1): Slope =>
  (graph, gradient, other, own) =>
    graph.apply("Mul", gradient, steepRamp(graph, graph.apply("Sub", own, other), sign, 0.5));

/** Largest finite float32. */
const LARGEST = 3.4028234663852886e38;

/** Writes nodes that, for `condition > 0 ? a : b`, give 1 where `a` is chosen, else 0; and 1 where `b` is chosen, else 0. */
function choice(graph: OnnxGraph, condition: Tensor): [Tensor, Tensor] {
  const isChosen = steepRamp(graph, condition, 1, 0);
  return [isChosen, graph.apply("Sub", 1, isChosen)];
}

/**
 * Writes nodes that compute `condition > 0 ? a : b` without comparisons, which onnxruntime handles wrongly: each side is clamped
 * where it is not chosen, so that even an infinite number has no influence. A chosen ±∞ becomes the largest float32 of that
 * sign. WGSL leaves the result for NaN open.
 */
export function writeGpuWhere({ graph, inputs }: GpuTask<"where">): Form {
  const apply = (operator: string, ...operands: Operand[]) => graph.apply(operator, ...operands);
  const { order, tensors } = aligned(graph, inputs);
  const [condition, a, b] = tensors as [Tensor, Tensor, Tensor];
  const [isChosen, isOther] = choice(graph, condition);
  const bound = apply("Mul", apply("Sub", isChosen, isOther), LARGEST);
  const tensor = apply("Max", apply("Min", a, bound), apply("Min", b, apply("Neg", bound)));
  return { tensor, order };
}

/** Gradient writers of elementwise operations. */
export const BACKWARD = {
  /** Writes nodes for the gradient of an activation f(x) for x: g · f'(x), g the gradient for the output. */
  activation: (written, gradient) => ofEach(written, written.operation.activation, gradient),
  /** Writes nodes for the gradient of an elementwise function f(x) for x: g · f'(x), g the gradient for the output. */
  pointwise: (written, gradient) => ofEach(written, written.operation.function, gradient),
  /** Writes nodes for the gradients of a + b from g, the gradient for the sum: g for a, and g for b. */
  add: ofTwo(asItIs, asItIs),
  /** Writes nodes for the gradients of a - b from g, the gradient for the difference: g for a, and -g for b. */
  sub: ofTwo(asItIs, (graph, gradient) => graph.apply("Neg", gradient)),
  /** Writes nodes for the gradients of a · b from g, the gradient for the product: g · b for a, and g · a for b. */
  mul: ofTwo(timesOther, timesOther),
  /**
   * Writes nodes for the gradients of max(a, b) from g, the gradient for the result: g for the larger value, ½g for both if
   * they are equal.
   */
  maximum: ofTwo(ifChosen(1), ifChosen(1)),
  /**
   * Writes nodes for the gradients of min(a, b) from g, the gradient for the result: g for the smaller value, ½g for both if
   * they are equal.
   */
  minimum: ofTwo(ifChosen(-1), ifChosen(-1)),
  /**
   * Writes nodes for the gradients of `condition > 0 ? a : b` from g, the gradient for the result: g for the side that is
   * chosen, 0 for the other and for the condition.
   */
  where(written, gradient, index) {
    const { graph, input, output } = written;
    const shares: Operand[] = [0, ...choice(graph, withRank(graph, input, output.order))];
    return broadcast(written, graph.apply("Mul", gradient.in(output.order), shares[index]!), index);
  },
} satisfies Backwards;
