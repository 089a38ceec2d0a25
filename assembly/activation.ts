import { F32x4 } from "./simd";

/**
 * The activations and their derivatives. The numbers are those of src/backend/wasm/layout.ts. A new one is a
 * constant, its lines in `value` and `derivative`, and its line in the two switches.
 */
export const IDENTITY: i32 = 0;
export const RELU: i32 = 1;
export const LEAKY_RELU: i32 = 2;
export const ELU: i32 = 3;
export const TANH: i32 = 4;
export const SIGMOID: i32 = 5;

/**
 * outputs = f(inputs) for one row; inputs and outputs may be the same row.
 *
 * @param kind a constant above
 * @param parameter α of ELU, slope of LEAKY_RELU
 * @param size floats; the row is processed up to the next multiple of 4
 */
export function activationForward(kind: i32, parameter: f32, inputs: usize, outputs: usize, size: i32): void {
  if (kind === ELU) Activation.forwardRow(ELU, parameter, inputs, outputs, size);
  else if (kind === RELU) Activation.forwardRow(RELU, parameter, inputs, outputs, size);
  else if (kind === LEAKY_RELU) Activation.forwardRow(LEAKY_RELU, parameter, inputs, outputs, size);
  else if (kind === TANH) Activation.forwardRow(TANH, parameter, inputs, outputs, size);
  else if (kind === SIGMOID) Activation.forwardRow(SIGMOID, parameter, inputs, outputs, size);
  else if (inputs !== outputs) memory.copy(outputs, inputs, (<usize>size) << 2);
}

/**
 * gradients = gradients · f'(inputs) for one row: from the loss's gradient for the outputs to that for the
 * inputs. All of today's derivatives are functions of the output alone, so `inputs` may be the outputs' row.
 */
export function activationBackward(
  kind: i32,
  parameter: f32,
  inputs: usize,
  outputs: usize,
  gradients: usize,
  size: i32,
): void {
  if (kind === ELU) Activation.backwardRow(ELU, parameter, inputs, outputs, gradients, size);
  else if (kind === RELU) Activation.backwardRow(RELU, parameter, inputs, outputs, gradients, size);
  else if (kind === LEAKY_RELU)
    Activation.backwardRow(LEAKY_RELU, parameter, inputs, outputs, gradients, size);
  else if (kind === TANH) Activation.backwardRow(TANH, parameter, inputs, outputs, gradients, size);
  else if (kind === SIGMOID) Activation.backwardRow(SIGMOID, parameter, inputs, outputs, gradients, size);
}

/** Inlined with a constant kind, so that each pair of kind and direction becomes a loop of its own. */
class Activation {
  /** f(x) */
  @inline
  static value(kind: i32, parameter: v128, x: v128): v128 {
    const zero = f32x4.splat(0);
    if (kind === RELU) return f32x4.pmax(x, zero);
    if (kind === LEAKY_RELU) return v128.bitselect(f32x4.mul(parameter, x), x, f32x4.lt(x, zero));
    if (kind === ELU) {
      const below = f32x4.mul(parameter, F32x4.expMinusOne(f32x4.pmin(x, zero)));
      return v128.bitselect(x, below, f32x4.gt(x, zero));
    }
    if (kind === TANH) {
      // tanh |x| = (1 - e) / (1 + e), e = exp(-2|x|), with 1 - e exact where it is small.
      const e = F32x4.expMinusOne(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)));
      const magnitude = f32x4.div(f32x4.neg(e), f32x4.add(e, f32x4.splat(2)));
      return v128.or(magnitude, v128.and(x, f32x4.splat(-0.0)));
    }
    return F32x4.sigmoid(x);
  }

  /** f'(x), given x and y = f(x) */
  @inline
  static derivative(kind: i32, parameter: v128, _x: v128, y: v128): v128 {
    const zero = f32x4.splat(0);
    const one = f32x4.splat(1);
    if (kind === RELU) return v128.and(one, f32x4.gt(y, zero));
    if (kind === LEAKY_RELU) return v128.bitselect(one, parameter, f32x4.gt(y, zero));
    if (kind === ELU) return v128.bitselect(one, f32x4.add(y, parameter), f32x4.gt(y, zero));
    if (kind === TANH) return F32x4.negativeMultiplyAdd(y, y, one);
    return f32x4.mul(y, f32x4.sub(one, y));
  }

  @inline
  static forwardRow(kind: i32, parameter: f32, inputs: usize, outputs: usize, size: i32): void {
    const constant = f32x4.splat(parameter);
    const end = inputs + ((<usize>size) << 2);
    for (; inputs < end; inputs += 16, outputs += 16) {
      v128.store(outputs, Activation.value(kind, constant, v128.load(inputs)));
    }
  }

  @inline
  static backwardRow(
    kind: i32,
    parameter: f32,
    inputs: usize,
    outputs: usize,
    gradients: usize,
    size: i32,
  ): void {
    const constant = f32x4.splat(parameter);
    const end = outputs + ((<usize>size) << 2);
    for (; outputs < end; inputs += 16, outputs += 16, gradients += 16) {
      const slope = Activation.derivative(kind, constant, v128.load(inputs), v128.load(outputs));
      v128.store(gradients, f32x4.mul(v128.load(gradients), slope));
    }
  }
}
