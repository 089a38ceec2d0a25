import type { NumberFunction, Operand, Tensor } from "../../../onnx-format/emitter.ts";
import { aligned, type Form, withRank } from "../../../onnx-format/value.ts";
import { writeSlope } from "../function-gradients.ts";
import { steepRamp } from "../functions.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backward, GpuTask, GpuValue, Written } from "../task.ts";
import { unbroadcast } from "../unbroadcast.ts";

function ofEach({ graph, input, output }: Written, f: NumberFunction, gradient: GpuValue): Form {
  const { tensor, order } = output;
  return { tensor: writeSlope(graph, f, input.in(order), tensor, gradient.in(order)), order };
}

/** g · f'(x) */
export const activationBackward: Backward<"activation"> = (written, gradient) =>
  ofEach(written, written.operation.activation, gradient);

/** g · f'(x) */
export const pointwiseBackward: Backward<"pointwise"> = (written, gradient) =>
  ofEach(written, written.operation.function, gradient);

/** The gradient for a broadcast input, which is summed where the input was broadcast. */
function broadcast({ graph, operation, inputs, output }: Written, tensor: Tensor, index: number): Form {
  const form = { tensor, order: output.order };
  const input = inputs[index]!;
  const isWhole = input.shape.join() === operation.shape.join();
  return isWhole ? form : unbroadcast(graph, form, operation.shape, input);
}

/** Writes the gradient for one of two broadcast tensors, before it is summed where it was broadcast. */
type Slope = (graph: OnnxGraph, gradient: Tensor, other: Tensor, own: Tensor) => Tensor;

/** Gradients for two values that were broadcast, each by its slope. */
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

/** g for both. */
export const addBackward = ofTwo(asItIs, asItIs);
/** g and -g. */
export const subBackward = ofTwo(asItIs, (graph, gradient) => graph.apply("Neg", gradient));
/** g times the other value. */
export const mulBackward = ofTwo(timesOther, timesOther);

/**
 * Gives all of the gradient to `own` where it is chosen, and half of it where both are equal. No comparisons: onnxruntime
 * moves transposes past them, and has none of booleans on WebGPU.
 */
const ifChosen =
  (sign: 1 | -1): Slope =>
  (graph, gradient, other, own) =>
    graph.apply("Mul", gradient, steepRamp(graph, graph.apply("Sub", own, other), sign, 0.5));

/** g for the larger value. */
export const maximumBackward = ofTwo(ifChosen(1), ifChosen(1));
/** g for the smaller value. */
export const minimumBackward = ofTwo(ifChosen(-1), ifChosen(-1));

/** Largest float32. */
const LARGEST = 3.4028234663852886e38;

/** 1 where `a` is chosen, and 1 where `b` is, of an aligned condition. */
function choice(graph: OnnxGraph, condition: Tensor): [Tensor, Tensor] {
  const isChosen = steepRamp(graph, condition, 1, 0);
  return [isChosen, graph.apply("Sub", 1, isChosen)];
}

/**
 * Bounds each side by the largest numbers where it is not chosen, so that it has no influence, infinite or not; ±∞ that is
 * chosen becomes the largest number. Without comparisons, as the gradients of `maximum`. NaN is what the GPU makes of it,
 * which WGSL leaves open.
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

/** The condition has a gradient of 0. */
export const whereBackward: Backward<"where"> = (written, gradient, index) => {
  const { graph, input, output } = written;
  const shares: Operand[] = [0, ...choice(graph, withRank(graph, input, output.order))];
  return broadcast(written, graph.apply("Mul", gradient.in(output.order), shares[index]!), index);
};
