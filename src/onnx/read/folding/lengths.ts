import { sizeOf as productOf } from "../../../graph/operations.ts";
import { dimensionsOfConstant, type NodeView } from "../node-view.ts";
import { type Dimension, lengthsOf, SIZES } from "../sizes.ts";
import { floats, integers, type Tensor } from "../tensor.ts";
import { type Constant, dimensionsOf, isConstant } from "../value.ts";

// Constants taken from attributes, or computed from lengths of axes.

/**
 * Returns the values of a constant at each of SIZES (pairs of a batch size and a number of points), or only the first if all
 * are equal.
 */
export function merged(tensors: readonly Tensor[]): readonly Tensor[] {
  const [first, ...others] = tensors;
  const isSame = others.every(
    ({ shape, values }) =>
      String(shape) === String(first!.shape) &&
      values.every((value, i) => Object.is(value, first!.values[i])),
  );
  return isSame ? [first!] : tensors;
}

/** Returns the value of a Constant node, from its attribute. */
export function constantOf(node: NodeView): Constant {
  return { at: [numbersOf(node)] };
}

function numbersOf(node: NodeView): Tensor {
  const tensor = node.scope.tensorOf(node.attribute("value"));
  if (tensor) return tensor;
  const of = (name: string) => node.attribute(name);
  const { float } = of("value_float") ?? {};
  if (float !== undefined) return floats([float], []);
  const { integer } = of("value_int") ?? {};
  if (integer !== undefined) return integers([integer], []);
  const list = of("value_floats");
  if (list) return floats(list.floats, [list.floats.length]);
  const numbers = of("value_ints") ?? node.refuse("it has no value of numbers");
  return integers(numbers.integers);
}

/** Returns the value of a Shape node: the lengths of some axes of its input. */
export function shapeOf(node: NodeView): Constant {
  const dimensions = inputDimensions(node);
  const rank = dimensions.length;
  const bound = (name: string, otherwise: number) => {
    const axis = node.integer(name, otherwise);
    return Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
  };
  return atSizes(dimensions.slice(bound("start", 0), bound("end", rank)), (shape) => integers(shape));
}

/** Returns the value of a Size node: the number of elements of its input. */
export function sizeOf(node: NodeView): Constant {
  return atSizes(inputDimensions(node), (shape) => integers([productOf(shape)], []));
}

function inputDimensions(node: NodeView): Dimension[] {
  const operand = node.operand(0);
  return isConstant(operand) ? dimensionsOfConstant(node, operand) : dimensionsOf(operand);
}

/**
 * Makes a constant from the lengths of axes, which may depend on the batch size and the number of points, by computing it at
 * each of SIZES (pairs of a batch size and a number of points).
 */
function atSizes(dimensions: readonly Dimension[], make: (shape: readonly number[]) => Tensor): Constant {
  const lengths = dimensions.map(lengthsOf);
  return { at: merged(SIZES.map((_, size) => make(lengths.map((each) => each[size]!)))) };
}
