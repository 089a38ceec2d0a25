import { F32x4 } from "../simd";

/**
 * Number of the first pointwise function. Pointwise functions are the elementwise functions that decoders read from files use in
 * addition to the activations, numbered from here on in the order of the table in src/graph/pointwise.ts. They take less time
 * than activations, so one loop with a branch serves them all.
 */
export const FIRST_POINTWISE: i32 = 16;

const LINEAR: i32 = 16;
const CLIP: i32 = 17;
const POWER: i32 = 18;
const HARD_SIGMOID: i32 = 19;
const EXP: i32 = 20;
const LOG: i32 = 21;
const SQRT: i32 = 22;
const RECIPROCAL: i32 = 23;
const ABS: i32 = 24;
const ERF: i32 = 25;
const MISH: i32 = 26;
const HARD_SWISH: i32 = 27;
const ROOT_OF_SQUARES: i32 = 28;
const IS_POSITIVE: i32 = 29;
const IS_NOT_NEGATIVE: i32 = 30;

/** Maximum absolute integer exponent for which a power is computed by products; other powers use exponential and logarithm. */
const MOST_FACTORS: i32 = 16;

/**
 * Computes values ← f(values), slopes = f'(values), curvatures = f''(values) for one row of float32.
 *
 * @param kind function f: one of the constants LINEAR to IS_NOT_NEGATIVE of this file
 * @param a first parameter of f: scale, minimum, exponent or slope
 * @param b second parameter of f: shift, maximum or offset
 * @param curvatures 0 if second derivatives are not needed
 * @param size number of floats; the row is processed up to the next multiple of 4
 */
export function pointwiseForward(
  kind: i32,
  a: f32,
  b: f32,
  values: usize,
  slopes: usize,
  curvatures: usize,
  size: i32,
): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const first = f32x4.splat(a);
  const second = f32x4.splat(b);
  const end = (<usize>size) << 2;
  for (let k: usize = 0; k < end; k += 16) {
    const x = v128.load(values + k);
    let value = x;
    let slope = one;
    let curvature = zero;
    switch (kind) {
      case LINEAR:
        value = f32x4.add(f32x4.mul(x, first), second);
        slope = first;
        break;
      case CLIP:
        value = f32x4.pmin(f32x4.pmax(x, first), second);
        slope = v128.and(one, v128.and(f32x4.gt(x, first), f32x4.lt(x, second)));
        break;
      case POWER:
        value = power(x, a);
        slope = scaledPower(x, a - 1, a);
        curvature = scaledPower(x, a - 2, a * (a - 1));
        break;
      case EXP:
        value = F32x4.exp(x);
        slope = value;
        curvature = value;
        break;
      case LOG:
        value = F32x4.log(x);
        slope = f32x4.div(one, x);
        curvature = f32x4.neg(f32x4.mul(slope, slope));
        break;
      case SQRT:
        value = f32x4.sqrt(x);
        slope = f32x4.div(f32x4.splat(0.5), value);
        curvature = f32x4.div(f32x4.mul(slope, f32x4.splat(-0.5)), x);
        break;
      case ROOT_OF_SQUARES: {
        value = f32x4.sqrt(x);
        // Derivatives are 0 where all squares are 0: 0 · ∞ would be NaN.
        const isPositive = f32x4.ne(x, zero);
        slope = v128.and(f32x4.div(f32x4.splat(0.5), value), isPositive);
        curvature = v128.and(f32x4.div(f32x4.mul(slope, f32x4.splat(-0.5)), x), isPositive);
        break;
      }
      case RECIPROCAL:
        value = f32x4.div(one, x);
        slope = f32x4.neg(f32x4.mul(value, value));
        curvature = f32x4.mul(f32x4.mul(slope, value), f32x4.splat(-2));
        break;
      case ABS:
        value = f32x4.abs(x);
        slope = f32x4.sub(v128.and(one, f32x4.gt(x, zero)), v128.and(one, f32x4.lt(x, zero)));
        break;
      case ERF: {
        const magnitude = f32x4.abs(x);
        // For small |x|, 1 - erfc would have few correct digits: 2/√π·(x - x³/3 + x⁵/10 - x⁷/42) is more accurate there.
        const square = f32x4.mul(x, x);
        let series = f32x4.add(f32x4.mul(square, f32x4.splat(-1.0 / 42)), f32x4.splat(0.1));
        series = f32x4.add(f32x4.mul(series, square), f32x4.splat(-1.0 / 3));
        series = f32x4.add(f32x4.mul(series, square), one);
        series = f32x4.mul(f32x4.mul(series, magnitude), f32x4.splat(1.1283791670955126));
        const most = f32x4.sub(one, F32x4.erfcOfPositive(f32x4.pmin(magnitude, f32x4.splat(9))));
        const isLittle = f32x4.lt(magnitude, f32x4.splat(0.25));
        value = v128.or(v128.bitselect(series, most, isLittle), v128.and(x, f32x4.splat(-0.0)));
        slope = f32x4.mul(F32x4.exp(f32x4.neg(square)), f32x4.splat(1.1283791670955126));
        // The slope reaches 0 long before x is infinite, and 0 · ∞ would be NaN.
        const finite = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-1e4)), f32x4.splat(1e4));
        curvature = f32x4.mul(f32x4.mul(finite, slope), f32x4.splat(-2));
        break;
      }
      case MISH: {
        // tanh(log(1 + e)) = w/(w + 2), w = e² + 2e; from x = 20 on it is 1.
        const capped = f32x4.pmin(x, f32x4.splat(20));
        const e = F32x4.exp(capped);
        const w = f32x4.mul(e, f32x4.add(e, f32x4.splat(2)));
        const inverse = f32x4.div(one, f32x4.add(w, f32x4.splat(2)));
        const t = f32x4.mul(w, inverse);
        const sigmoid = F32x4.sigmoid(x);
        // 1 - t² = 4(1 + e)²/(w + 2)², t' = σ·(1 - t²)
        const ratio = f32x4.mul(f32x4.add(one, e), inverse);
        const rest = f32x4.mul(f32x4.mul(ratio, ratio), f32x4.splat(4));
        const rise = f32x4.mul(sigmoid, rest);
        const turn = f32x4.sub(f32x4.sub(one, sigmoid), f32x4.mul(f32x4.mul(t, sigmoid), f32x4.splat(2)));
        const finite = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-100)), f32x4.splat(100));
        value = f32x4.mul(x, t);
        slope = f32x4.add(t, f32x4.mul(finite, rise));
        curvature = f32x4.mul(rise, f32x4.add(f32x4.splat(2), f32x4.mul(finite, turn)));
        break;
      }
      case HARD_SWISH: {
        const inside = v128.and(f32x4.gt(x, f32x4.splat(-3)), f32x4.lt(x, f32x4.splat(3)));
        const isAbove = f32x4.ge(x, f32x4.splat(3));
        const share = f32x4.add(f32x4.div(x, f32x4.splat(6)), f32x4.splat(0.5));
        const outside = v128.and(x, isAbove);
        value = v128.bitselect(f32x4.mul(x, share), v128.bitselect(x, outside, f32x4.ne(x, x)), inside);
        const within = f32x4.add(f32x4.div(x, f32x4.splat(3)), f32x4.splat(0.5));
        slope = v128.bitselect(within, v128.and(one, isAbove), inside);
        curvature = v128.and(f32x4.splat(1.0 / 3), inside);
        break;
      }
      case HARD_SIGMOID: {
        const line = f32x4.add(f32x4.mul(x, first), second);
        value = f32x4.pmin(f32x4.pmax(line, zero), one);
        slope = v128.and(first, v128.and(f32x4.gt(line, zero), f32x4.lt(line, one)));
        break;
      }
      case IS_POSITIVE:
        value = v128.and(one, f32x4.gt(x, zero));
        slope = zero;
        break;
      case IS_NOT_NEGATIVE:
        value = v128.and(one, f32x4.ge(x, zero));
        slope = zero;
        break;
      default:
        unreachable();
    }
    v128.store(values + k, value);
    v128.store(slopes + k, slope);
    if (curvatures) v128.store(curvatures + k, curvature);
  }
}

/** Returns factor · x^exponent; 0 if the factor is 0, even where the power is infinite. */
function scaledPower(x: v128, exponent: f32, factor: f32): v128 {
  return factor === 0 ? f32x4.splat(0) : f32x4.mul(power(x, exponent), f32x4.splat(factor));
}

function power(x: v128, exponent: f32): v128 {
  const count = <i32>exponent;
  if (abs<f32>(exponent) <= <f32>MOST_FACTORS && <f32>count === exponent) {
    let product = f32x4.splat(1);
    for (let k = abs(count); k > 0; k--) product = f32x4.mul(product, x);
    return count < 0 ? f32x4.div(f32x4.splat(1), product) : product;
  }
  const argument = f32x4.mul(F32x4.log(f32x4.abs(x)), f32x4.splat(exponent));
  // Powers beyond float32's range are infinite, such as the derivative of a root at 0.
  const isBeyond = f32x4.gt(argument, f32x4.splat(88.72284));
  const magnitude = v128.bitselect(f32x4.splat(Infinity), F32x4.exp(argument), isBeyond);
  const isNegative = f32x4.lt(x, f32x4.splat(0));
  // A negative number has integer powers only.
  const isInteger = floor(exponent) === exponent;
  const isOdd = isInteger && abs(exponent) < 16777216 && (count & 1) !== 0;
  const sign = v128.and(isNegative, f32x4.splat(-0.0));
  const signed = isOdd ? v128.or(magnitude, sign) : magnitude;
  return isInteger ? signed : v128.bitselect(f32x4.splat(NaN), signed, isNegative);
}
