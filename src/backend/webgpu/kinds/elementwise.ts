import type { OperationKind } from "../../../graph/operations.ts";
import { activate, type WrittenFunction } from "../activation.ts";
import type { OnnxGraph, Operand, Tensor } from "../onnx.ts";
import { applyPointwise, steepRamp } from "../pointwise.ts";
import type { Backward, Task, Writer, Written } from "../task.ts";
import { aligned, unstretched } from "../value.ts";

/** A function of each number: any tensor will do. */
function ofEach<Kind extends OperationKind>(
  write: (task: Task<Kind>, x: Tensor) => WrittenFunction,
): Writer<Kind> {
  return (task) => {
    const { tensor, order } = task.inputs[0]!.any;
    const { output, backward } = write(task, tensor);
    return {
      output: { tensor: output, order },
      backward: [(gradient) => ({ tensor: backward(gradient.in(order)), order })],
    };
  };
}

export const writeActivation = ofEach<"activation">(({ graph, operation }, x) =>
  activate(graph, operation.activation, x),
);

export const writePointwise = ofEach<"pointwise">(({ graph, operation }, x) =>
  applyPointwise(graph, operation.function, x),
);

/** The gradient for one of two tensors, of that for what is made of them. */
type Slope = (graph: OnnxGraph, gradient: Tensor, other: Tensor, own: Tensor) => Tensor;

type OfTwo = "add" | "sub" | "mul" | "maximum" | "minimum";

function ofTwo(operator: string, slopes: readonly Slope[]): Writer<OfTwo> {
  return ({ graph, operation: { shape }, inputs }): Written => {
    const { order, tensors } = aligned(graph, inputs);
    const backward = slopes.map((slope, i): Backward => {
      const isWhole = inputs[i]!.shape.join() === shape.join();
      return (gradient) => {
        const tensor = slope(graph, gradient.in(order), tensors[1 - i]!, tensors[i]!);
        return isWhole ? { tensor, order } : unstretched(graph, { tensor, order }, shape, inputs[i]!);
      };
    });
    return { output: { tensor: graph.apply(operator, ...tensors), order }, backward };
  };
}

const asItIs: Slope = (_graph, gradient) => gradient;
const timesOther: Slope = (graph, gradient, other) => graph.apply("Mul", gradient, other);

export const writeAdd = ofTwo("Add", [asItIs, asItIs]);
export const writeSub = ofTwo("Sub", [asItIs, (graph, gradient) => graph.apply("Neg", gradient)]);
export const writeMul = ofTwo("Mul", [timesOther, timesOther]);

/**
 * All of the gradient where `own` is chosen, half of it where both are equal. Without comparisons: onnxruntime moves
 * transposes past them, and has none of booleans on WebGPU.
 */
const ifChosen =
  (sign: 1 | -1): Slope =>
  (graph, gradient, other, own) => {
    const share = steepRamp(graph, graph.apply("Sub", own, other), { scale: sign, atZero: 0.5 });
    return graph.apply("Mul", gradient, share);
  };

export const writeMaximum = ofTwo("Max", [ifChosen(1), ifChosen(1)]);
export const writeMinimum = ofTwo("Min", [ifChosen(-1), ifChosen(-1)]);

/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/**
 * Each side is bounded by the largest numbers where it is not chosen, so that it has no influence, infinite or not; ±∞
 * that is chosen becomes the largest number. Without comparisons, as the gradients of `maximum`. NaN is what the GPU makes
 * of it, which WGSL leaves open.
 */
export const writeWhere: Writer<"where"> = ({ graph, operation: { shape }, inputs }): Written => {
  const apply = (operator: string, a: Operand, b: Operand) => graph.apply(operator, a, b);
  const { order, tensors } = aligned(graph, inputs);
  const [condition, a, b] = tensors as [Tensor, Tensor, Tensor];
  const isChosen = steepRamp(graph, condition, { scale: 1, atZero: 0 });
  const isOther = apply("Sub", 1, isChosen);
  const bound = apply("Mul", apply("Sub", isChosen, isOther), LARGEST);
  const left = apply("Min", a, bound);
  const right = apply("Min", b, graph.apply("Neg", bound));
  const passed = (share: Operand, i: number): Backward => {
    const isWhole = inputs[i]!.shape.join() === shape.join();
    return (gradient) => {
      const tensor = apply("Mul", gradient.in(order), share);
      return isWhole ? { tensor, order } : unstretched(graph, { tensor, order }, shape, inputs[i]!);
    };
  };
  return {
    output: { tensor: apply("Max", left, right), order },
    backward: [passed(0, 0), passed(isChosen, 1), passed(isOther, 2)],
  };
};
