import { F32x4 } from "./simd";

/**
 * The activations. The numbers are those of src/backend/wasm/layout.ts. A new one is a constant, its lines in
 * `forwardRow` and in the switch; second derivatives join beside the slopes.
 */
export const IDENTITY: i32 = 0;
export const RELU: i32 = 1;
export const LEAKY_RELU: i32 = 2;
export const ELU: i32 = 3;
export const TANH: i32 = 4;
export const SIGMOID: i32 = 5;

/**
 * values = f(values), slopes = f'(values) for one row. The derivative is taken here, from the input and what f
 * has computed of it: taken from the output, as 1 - y² say, it would lose its digits where f is flat.
 *
 * @param kind a constant above; IDENTITY leaves both rows as they are
 * @param parameter α of ELU, slope of LEAKY_RELU
 * @param size floats; the row is processed up to the next multiple of 4
 */
export function activationForward(kind: i32, parameter: f32, values: usize, slopes: usize, size: i32): void {
  if (kind === ELU) Activation.forwardRow(ELU, parameter, values, slopes, size);
  else if (kind === RELU) Activation.forwardRow(RELU, parameter, values, slopes, size);
  else if (kind === LEAKY_RELU) Activation.forwardRow(LEAKY_RELU, parameter, values, slopes, size);
  else if (kind === TANH) Activation.forwardRow(TANH, parameter, values, slopes, size);
  else if (kind === SIGMOID) Activation.forwardRow(SIGMOID, parameter, values, slopes, size);
}

/** gradients = gradients · slopes for one row: from the gradient for f's outputs to that for its inputs. */
export function activationBackward(kind: i32, slopes: usize, gradients: usize, size: i32): void {
  if (kind === IDENTITY) return;
  const end = slopes + ((<usize>size) << 2);
  for (; slopes < end; slopes += 16, gradients += 16) {
    v128.store(gradients, f32x4.mul(v128.load(gradients), v128.load(slopes)));
  }
}

class Activation {
  /** Inlined with a constant kind, so that each kind becomes a loop of its own. */
  @inline
  static forwardRow(kind: i32, parameter: f32, values: usize, slopes: usize, size: i32): void {
    const constant = f32x4.splat(parameter);
    const zero = f32x4.splat(0);
    const one = F32x4.one();
    const end = values + ((<usize>size) << 2);
    for (; values < end; values += 16, slopes += 16) {
      const x = v128.load(values);
      let value: v128;
      let slope: v128;
      if (kind === RELU) {
        value = f32x4.pmax(x, zero);
        slope = v128.and(one, f32x4.gt(x, zero));
      } else if (kind === LEAKY_RELU) {
        slope = v128.bitselect(one, constant, f32x4.gt(x, zero));
        value = f32x4.mul(x, slope);
      } else if (kind === ELU) {
        // exp(x) = 2^n·p + 2^n, and its 1 taken off before the sum where it would cost digits.
        const negative = F32x4.clampExponent(f32x4.pmin(x, zero));
        const shifted = F32x4.shiftedExponent(negative);
        const scale = F32x4.powerOfTwo(shifted);
        const reduced = F32x4.reducedExpMinusOne(negative, shifted);
        const minusOne = F32x4.multiplyAdd(scale, reduced, f32x4.sub(scale, one));
        const isPositive = f32x4.gt(x, zero);
        value = v128.bitselect(x, f32x4.mul(constant, minusOne), isPositive);
        const exp = F32x4.multiplyAdd(scale, reduced, scale);
        slope = v128.bitselect(one, f32x4.mul(constant, exp), isPositive);
      } else {
        // Of e = exp(-a|x|) ≤ 1: σ = e / (1 + e) below 0, 1 / (1 + e) above, σ' = e / (1 + e)², a = 1;
        // tanh |x| = (1 - e) / (1 + e), tanh' = 4e / (1 + e)², a = 2.
        const negative = f32x4.neg(f32x4.abs(x));
        const exponent = F32x4.clampExponent(kind === TANH ? f32x4.add(negative, negative) : negative);
        const shifted = F32x4.shiftedExponent(exponent);
        const scale = F32x4.powerOfTwo(shifted);
        const reduced = F32x4.reducedExpMinusOne(exponent, shifted);
        const e = F32x4.multiplyAdd(scale, reduced, scale);
        const reciprocal = f32x4.div(one, f32x4.add(one, e));
        const square = f32x4.mul(reciprocal, reciprocal);
        if (kind === TANH) {
          const minusOne = F32x4.multiplyAdd(scale, reduced, f32x4.sub(scale, one));
          const magnitude = f32x4.neg(f32x4.mul(minusOne, reciprocal));
          value = v128.or(magnitude, v128.and(x, f32x4.splat(-0.0)));
          slope = f32x4.mul(f32x4.mul(e, f32x4.splat(4)), square);
        } else {
          value = f32x4.mul(v128.bitselect(e, one, f32x4.lt(x, zero)), reciprocal);
          slope = f32x4.mul(e, square);
        }
      }
      v128.store(values, value);
      v128.store(slopes, slope);
    }
  }
}
