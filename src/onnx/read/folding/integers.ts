import type { Site } from "../site.ts";
import { type ElementType, elementTypeOf, type IntegerType, integerTypeOf, type Tensor } from "../tensor.ts";

// Integers that are computed of constants: they wrap round at their width, as they do where the file is run.

/** Largest integer up to which all integers are float64 numbers, 2⁵³. */
const LARGEST = Number.MAX_SAFE_INTEGER;

function rangeOf(type: IntegerType) {
  return { isSigned: type.startsWith("int"), bits: Number(type.replace(/\D+/, "")) };
}

/** Wraps an integer to a width in bits; refuses one in which float64 has lost digits. */
function wrapped(node: Site, type: IntegerType, value: number): number {
  const { isSigned, bits } = rangeOf(type);
  const whole = Math.trunc(value) + 0;
  if (!(Math.abs(whole) <= LARGEST)) {
    return node.refuse(
      `it makes the integer ${value} of constants, expected at most 2^53; save what it computes`,
    );
  }
  if (bits > 32) {
    if (isSigned || whole >= 0) return whole;
    return node.refuse(`it makes the integer ${whole} a ${type}; save what it computes`);
  }
  const modulus = 2 ** bits;
  const above = ((whole % modulus) + modulus) % modulus;
  return isSigned && above >= modulus / 2 ? above - modulus : above;
}

/** Returns a folded constant with the width of its integers, wrapped if the operator computes new ones. */
export function withWidth(
  node: Site & { readonly operator: string },
  made: Tensor,
  inputs: readonly (Tensor | undefined)[],
  wraps: boolean,
): Tensor {
  if (made.type !== "integer" || node.operator === "Cast") return made;
  // The operator's first input is a condition, or the shape that it fills.
  if (node.operator === "ConstantOfShape") return made;
  const from = inputs[node.operator === "Where" ? 1 : 0];
  const integer = (from?.type === "integer" ? from.integer : undefined) ?? "int64";
  if (!wraps) return { ...made, integer };
  return { ...made, integer, values: made.values.map((value) => wrapped(node, integer, value)) };
}

/** Converts numbers to another element type of ONNX. */
export function castTo(node: Site, dataType: number, tensor: Tensor): Tensor {
  const type: ElementType = elementTypeOf(dataType) ?? node.refuse("it makes of numbers what are none");
  const { shape, values } = tensor;
  if (type === "float") {
    return { type, shape, values: tensor.type === "float" ? values : Float32Array.from(values) };
  }
  if (type === "boolean") return { type, shape, values: Float64Array.from(values, (x) => (x === 0 ? 0 : 1)) };
  const integer = integerTypeOf(dataType)!;
  if (tensor.type === "integer" && (tensor.integer ?? "int64") === integer) return tensor;
  const { isSigned, bits } = rangeOf(integer);
  const [least, end] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1)] : [0, 2 ** bits];
  const convert = (value: number) => {
    const whole = Math.trunc(value) + 0;
    if (whole >= least && whole < end) return whole;
    if (tensor.type !== "float") return wrapped(node, integer, whole);
    return node.refuse(
      `it casts the constant ${value} to ${integer}, beyond its range; save what it computes`,
    );
  };
  return { type, integer, shape, values: Float64Array.from(values, convert) };
}
