import { F32x4 } from "../simd";

// Activation functions, numbered in the order of the table in src/graph/activation.ts. A new one needs a constant here, its
// formulas in `forwardRow`, and a line in `forwardByKind`.

/** Code of ELU: x for x > 0, else α · (exp(x) - 1). */
export const ELU: i32 = 0;
/** Code of leaky ReLU: x for x > 0, else slope · x. */
export const LEAKY_RELU: i32 = 1;
/** Code of ReLU: max(x, 0). */
export const RELU: i32 = 2;
/** Code of the hyperbolic tangent, tanh(x). */
export const TANH: i32 = 3;
/** Code of the sigmoid, 1 / (1 + exp(-x)). */
export const SIGMOID: i32 = 4;
/** Code of SiLU (swish), x · sigmoid(x). */
export const SILU: i32 = 5;
/** Code of GELU, x · Φ(x), with Φ the standard normal distribution function. */
export const GELU: i32 = 6;
/** Code of softplus, log(1 + exp(x)). */
export const SOFTPLUS: i32 = 7;
/** Code of the sine with a parameter, sin(frequency · x). */
export const SINE: i32 = 8;

/** √½, in the argument of GELU's normal distribution function Φ(x) = erfc(-x·√½)/2. */
const SQRT_HALF = memory.data<f32>([0.7071067811865476]);
/** 1/√(2π), the density of the standard normal distribution at 0, in GELU's derivatives. */
const NORMAL_DENSITY = memory.data<f32>([0.3989422804014327]);

/**
 * Computes values ← f(values), slopes = f'(values), curvatures = f''(values) for one row of float32. The derivatives are
 * computed from the input: computed from the output, for instance as 1 - f² for the hyperbolic tangent, they would lose digits
 * where f is flat.
 *
 * @param kind activation function f: one of the constants ELU, … of this file
 * @param parameter α of ELU, slope of LEAKY_RELU, frequency of SINE; else unused
 * @param curvatures 0 if second derivatives are not needed
 * @param size number of floats; the row is processed up to the next multiple of 4
 */
export function activationForward(
  kind: i32,
  parameter: f32,
  values: usize,
  slopes: usize,
  curvatures: usize,
  size: i32,
): void {
  if (curvatures) Activation.forwardByKind(true, kind, parameter, values, slopes, curvatures, size);
  else Activation.forwardByKind(false, kind, parameter, values, slopes, curvatures, size);
}

/**
 * Multiplies one row of gradients by an activation's slopes, in place: turns the gradient for its output into the gradient for
 * its input.
 */
export function activationBackward(slopes: usize, gradients: usize, size: i32): void {
  const end = slopes + ((<usize>size) << 2);
  for (; slopes < end; slopes += 16, gradients += 16) {
    v128.store(gradients, f32x4.mul(v128.load(gradients), v128.load(slopes)));
  }
}

class Activation {
  /**
   * Calls `forwardRow` for the activation function `kind`. Inlined with a constant `curved`, true to compute second
   * derivatives.
   */
  @inline
  static forwardByKind(
    curved: bool,
    kind: i32,
    parameter: f32,
    values: usize,
    slopes: usize,
    curvatures: usize,
    size: i32,
  ): void {
    if (kind === ELU) Activation.forwardRow(curved, ELU, parameter, values, slopes, curvatures, size);
    else if (kind === RELU) Activation.forwardRow(curved, RELU, parameter, values, slopes, curvatures, size);
    else if (kind === LEAKY_RELU) {
      Activation.forwardRow(curved, LEAKY_RELU, parameter, values, slopes, curvatures, size);
    } else if (kind === TANH)
      Activation.forwardRow(curved, TANH, parameter, values, slopes, curvatures, size);
    else if (kind === SIGMOID) {
      Activation.forwardRow(curved, SIGMOID, parameter, values, slopes, curvatures, size);
    } else if (kind === SILU)
      Activation.forwardRow(curved, SILU, parameter, values, slopes, curvatures, size);
    else if (kind === GELU) Activation.forwardRow(curved, GELU, parameter, values, slopes, curvatures, size);
    else if (kind === SOFTPLUS) {
      Activation.forwardRow(curved, SOFTPLUS, parameter, values, slopes, curvatures, size);
    } else if (kind === SINE)
      Activation.forwardRow(curved, SINE, parameter, values, slopes, curvatures, size);
    else unreachable();
  }

  /**
   * Applies one activation function to a row of `size` floats. Inlined with constant `kind` and `curved` (true to compute
   * second derivatives), so that each combination compiles to its own loop.
   */
  @inline
  static forwardRow(
    curved: bool,
    kind: i32,
    parameter: f32,
    values: usize,
    slopes: usize,
    curvatures: usize,
    size: i32,
  ): void {
    const constant = f32x4.splat(parameter);
    const zero = f32x4.splat(0);
    const end = values + ((<usize>size) << 2);
    for (; values < end; values += 16, slopes += 16) {
      const x = v128.load(values);
      const one = F32x4.one();
      let value: v128;
      let slope: v128;
      let curvature = zero;
      if (kind === RELU) {
        value = f32x4.pmax(x, zero);
        slope = v128.and(one, f32x4.gt(x, zero));
      } else if (kind === LEAKY_RELU) {
        slope = v128.bitselect(one, constant, f32x4.gt(x, zero));
        value = f32x4.mul(x, slope);
      } else if (kind === SINE) {
        const phase = f32x4.mul(x, constant);
        value = F32x4.sine(phase, 0);
        slope = f32x4.mul(constant, F32x4.sine(phase, 1));
        if (curved) curvature = f32x4.neg(f32x4.mul(f32x4.mul(constant, constant), value));
      } else if (kind === GELU) {
        // x·Φ(x), Φ and φ the normal distribution and its density.
        const magnitude = f32x4.abs(x);
        const tail = f32x4.mul(
          F32x4.erfcOfPositive(f32x4.mul(magnitude, F32x4.constant(SQRT_HALF))),
          f32x4.splat(0.5),
        );
        const distribution = v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, zero));
        const square = f32x4.mul(x, x);
        const density = f32x4.mul(
          F32x4.exp(f32x4.mul(square, f32x4.splat(-0.5))),
          F32x4.constant(NORMAL_DENSITY),
        );
        value = f32x4.mul(x, distribution);
        slope = F32x4.multiplyAdd(x, density, distribution);
        if (curved) {
          // The density reaches 0 long before the square is infinite, and 0 · ∞ would be NaN.
          const finite = f32x4.pmin(square, f32x4.splat(1e4));
          curvature = f32x4.mul(density, f32x4.sub(f32x4.splat(2), finite));
        }
      } else if (kind === ELU) {
        // exp(x) - 1 as 2^n·p + (2^n - 1), p = exp(r) - 1, r the reduced argument: subtracting 1 after the sum would lose
        // digits.
        const negative = F32x4.clampExponent(f32x4.pmin(x, zero));
        const shifted = F32x4.shiftedExponent(negative);
        const scale = F32x4.powerOfTwo(shifted);
        const reduced = F32x4.reducedExpMinusOne(negative, shifted);
        const minusOne = F32x4.multiplyAdd(scale, reduced, f32x4.sub(scale, one));
        const isPositive = f32x4.gt(x, zero);
        value = v128.bitselect(x, f32x4.mul(constant, minusOne), isPositive);
        const below = f32x4.mul(constant, F32x4.multiplyAdd(scale, reduced, scale));
        slope = v128.bitselect(one, below, isPositive);
        if (curved) curvature = v128.andnot(below, isPositive);
      } else {
        // With e = exp(-a|x|) ≤ 1. For a = 1: σ = e / (1 + e) below 0, 1 / (1 + e) above, σ' = e / (1 + e)²; for a = 2: tanh
        // |x| = (1 - e) / (1 + e), tanh' = 4e / (1 + e)².
        const negative = f32x4.neg(f32x4.abs(x));
        const exponent = F32x4.clampExponent(kind === TANH ? f32x4.add(negative, negative) : negative);
        const shifted = F32x4.shiftedExponent(exponent);
        const scale = F32x4.powerOfTwo(shifted);
        const reduced = F32x4.reducedExpMinusOne(exponent, shifted);
        const e = F32x4.multiplyAdd(scale, reduced, scale);
        const reciprocal = f32x4.div(one, f32x4.add(one, e));
        const sigmoidSlope = f32x4.mul(e, f32x4.mul(reciprocal, reciprocal));
        // (1 - e) / (1 + e) with the sign of x: tanh(x), or 2σ - 1.
        const minusOne = F32x4.multiplyAdd(scale, reduced, f32x4.sub(scale, one));
        const magnitude = f32x4.neg(f32x4.mul(minusOne, reciprocal));
        const centred = v128.or(magnitude, v128.and(x, f32x4.splat(-0.0)));
        const sigmoid = f32x4.mul(v128.bitselect(e, one, f32x4.lt(x, zero)), reciprocal);
        if (kind === TANH) {
          value = centred;
          slope = f32x4.mul(sigmoidSlope, f32x4.splat(4));
          if (curved) curvature = f32x4.mul(f32x4.mul(value, slope), f32x4.splat(-2));
        } else if (kind === SIGMOID) {
          value = sigmoid;
          slope = sigmoidSlope;
          if (curved) curvature = f32x4.neg(f32x4.mul(slope, centred));
        } else if (kind === SOFTPLUS) {
          value = f32x4.add(f32x4.pmax(x, zero), F32x4.logOnePlus(e));
          slope = sigmoid;
          if (curved) curvature = sigmoidSlope;
        } else {
          if (kind !== SILU) unreachable();
          value = f32x4.mul(x, sigmoid);
          slope = F32x4.multiplyAdd(x, sigmoidSlope, sigmoid);
          if (curved) {
            const bend = F32x4.negativeMultiplyAdd(x, centred, f32x4.splat(2));
            curvature = f32x4.mul(sigmoidSlope, bend);
          }
        }
      }
      v128.store(values, value);
      v128.store(slopes, slope);
      if (curved) {
        v128.store(curvatures, curvature);
        curvatures += 16;
      }
    }
  }
}
