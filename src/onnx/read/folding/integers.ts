import type { Site } from "../site.ts";
import { type ElementType, elementTypeOf, type IntegerType, integerTypeOf, type Tensor } from "../tensor.ts";

// Integer constants that are computed from others wrap around at their width, as they would at run time.

/** 2⁵³ - 1: up to this magnitude, float64 represents all integers exactly. */
const LARGEST = Number.MAX_SAFE_INTEGER;

function rangeOf(type: IntegerType) {
  return { isSigned: type.startsWith("int"), bits: Number(type.replace(/\D+/, "")) };
}

/** Wraps an integer to the width of its type. Refuses one beyond ±(2⁵³ - 1), whose digits float64 may have lost. */
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

/** Adds the integer type to a folded constant, and wraps its values to that width if the operator computes new integers. */
export function withWidth(
  node: Site & { readonly operator: string },
  made: Tensor,
  inputs: readonly (Tensor | undefined)[],
  wraps: boolean,
): Tensor {
  if (made.type !== "integer" || node.operator === "Cast") return made;
  // The input of ConstantOfShape is a shape, not the type of the result.
  if (node.operator === "ConstantOfShape") return made;
  const from = inputs[node.operator === "Where" ? 1 : 0];
  const integer = (from?.type === "integer" ? from.integer : undefined) ?? "int64";
  if (!wraps) return { ...made, integer };
  return { ...made, integer, values: made.values.map((value) => wrapped(node, integer, value)) };
}

/**
 * Converts a tensor to another ONNX element type.
 *
 * @param dataType number of the type in ONNX (TensorProto.DataType)
 * @throws NodeRefusal if a float is out of an integer type's range
 */
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
