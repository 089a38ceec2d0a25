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

/** Writes the gradient for an input that may have been broadcast: summed over the axes along which it was. */
function broadcast({ graph, operation, inputs, output }: Written, tensor: Tensor, index: number): Form {
  const form = { tensor, order: output.order };
  const input = inputs[index]!;
  const isWhole = input.shape.join() === operation.shape.join();
  return isWhole ? form : unbroadcast(graph, form, operation.shape, input);
}

/** Writes the gradient for one of two broadcast tensors, before it is summed where it was broadcast. */
type Slope = (graph: OnnxGraph, gradient: Tensor, other: Tensor, own: Tensor) => Tensor;

/** Makes the gradient writer of an operation on two values that broadcast, from a writer for each value's gradient. */
const ofTwo =
  (...slopes: readonly Slope[]): Backward<"add" | "sub" | "mul" | "maximum" | "minimum"> =>
  (written, gradient, index) => {
    const { graph, inputs, output } = written;
    // In the order of the forward pass: by now inputs may have tensors in others.
    const tensors = inputs.map((input) => withRank(graph, input, output.order));
    const own = gradient.in(output.order);
    return broadcast(written, slopes[index]!(graph, own, tensors[1 - index]!, tensors[index]!), index);
  };

const asItIs: Slope = (_graph, gradient) => gradient;
const timesOther: Slope = (graph, gradient, other) => graph.apply("Mul", gradient, other);

/**
 * Writes the gradient times 1 where `own` is the extremum, ½ where both are equal, else 0. Without comparisons: onnxruntime
 * moves transposes past them, and has none of booleans on WebGPU.
 */
const ifChosen =
  (sign: 1 | -1): Slope =>
  (graph, gradient, other, own) =>
    graph.apply("Mul", gradient, steepRamp(graph, graph.apply("Sub", own, other), sign, 0.5));

/** Largest float32. */
const LARGEST = 3.4028234663852886e38;

/** Writes 1 where a condition chooses `a`, else 0, and the same for `b`. */
function choice(graph: OnnxGraph, condition: Tensor): [Tensor, Tensor] {
  const isChosen = steepRamp(graph, condition, 1, 0);
  return [isChosen, graph.apply("Sub", 1, isChosen)];
}

/**
 * Writes a choice without comparisons, see `ifChosen`: each side is bounded where it is not chosen, so that even an infinite
 * number has no influence. ±∞ that is chosen becomes the largest float32. WGSL leaves the result for NaN open.
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

/** Gradients of elementwise operations. */
export const BACKWARD = {
  /** Writes g · f'(x), g the gradient for the output. */
  activation: (written, gradient) => ofEach(written, written.operation.activation, gradient),
  /** Writes g · f'(x), g the gradient for the output. */
  pointwise: (written, gradient) => ofEach(written, written.operation.function, gradient),
  /** Writes the gradients of a + b: g for a, and g for b. */
  add: ofTwo(asItIs, asItIs),
  /** Writes the gradients of a - b: g for a, and -g for b. */
  sub: ofTwo(asItIs, (graph, gradient) => graph.apply("Neg", gradient)),
  /** Writes the gradients of a · b: g · b for a, and g · a for b. */
  mul: ofTwo(timesOther, timesOther),
  /** Writes the gradients of max(a, b): g for the larger value. */
  maximum: ofTwo(ifChosen(1), ifChosen(1)),
  /** Writes the gradients of min(a, b): g for the smaller value. */
  minimum: ofTwo(ifChosen(-1), ifChosen(-1)),
  /** Writes the gradients of a choice: g for the side that is chosen, 0 for the condition. */
  where(written, gradient, index) {
    const { graph, input, output } = written;
    const shares: Operand[] = [0, ...choice(graph, withRank(graph, input, output.order))];
    return broadcast(written, graph.apply("Mul", gradient.in(output.order), shares[index]!), index);
  },
} satisfies Backwards;
