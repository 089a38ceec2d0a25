// Constants live in memory and are loaded into all lanes on use: engines rebuild a vector constant from immediates in every
// iteration of a loop, which took longer than the arithmetic that used it.

const ONE = memory.data<f32>([1]);
/** 1.5·2²³: adding it to a small float leaves the float, rounded to an integer, in the low bits of the sum. */
const MAGIC = memory.data<f32>([12582912]);
/**
 * Lowest argument x of the exponential exp(x), to which lower ones are clamped: x/ln 2 rounds to -127, for which
 * F32x4.powerOfTwo returns exactly 0.
 */
const LOWEST_EXPONENT = memory.data<f32>([-88]);
/** Highest argument of the exponential, to which larger ones are clamped. */
const HIGHEST_EXPONENT = memory.data<f32>([88]);
const LOG2_E = memory.data<f32>([1.4426950408889634]);
const LN2 = memory.data<f32>([0.6931471805599453]);
/** High part of ln 2 = LN2_HIGH + LN2_LOW: its product with a small integer is exact. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
/** Low part of ln 2: ln 2 - LN2_HIGH. */
const LN2_LOW = memory.data<f32>([-2.1219444e-4]);
/** Coefficients of p in exp(r) = 1 + r + r²·p(r) for |r| ≤ ln 2 / 2, minimax (Cephes, expf), highest power first. */
const EXP = memory.data<f32>([
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]);
/** Coefficients of p in log(1 + f) = f + f²·p(f) for 1 + f in [√½, √2), minimax (Cephes, logf), highest power first. */
const LOG = memory.data<f32>([
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -0.5,
]);

/** 2/π, which converts an angle to quarters of a period. */
const TWO_OVER_PI = memory.data<f32>([0.6366197723675814]);
/** High part of π/2 = HALF_PI_HIGH + HALF_PI_MIDDLE + HALF_PI_LOW: its product with a small integer is exact. */
const HALF_PI_HIGH = memory.data<f32>([1.5703125]);
const MINUS_HALF_PI_HIGH = memory.data<f32>([-1.5703125]);
/** Middle part of π/2: its product with a small integer is exact. */
const HALF_PI_MIDDLE = memory.data<f32>([4.837512969970703e-4]);
/** Low part of π/2: π/2 - HALF_PI_HIGH - HALF_PI_MIDDLE. */
const HALF_PI_LOW = memory.data<f32>([7.54978995489188e-8]);
/** Coefficients of p in sin(r) = r + r³·p(r²) for |r| ≤ π/4, minimax (Cephes, sinf), highest power first. */
const SIN = memory.data<f32>([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
/** Coefficients of p in cos(r) = 1 - r²/2 + r⁴·p(r²) for |r| ≤ π/4, minimax (Cephes, cosf), highest power first. */
const COS = memory.data<f32>([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
/** Coefficients of p in erfc(x) = t·exp(-x² + p(t)), t = 1 / (1 + x/2), x ≥ 0 (Numerical Recipes, erfcc), highest power first. */
const ERFC = memory.data<f32>([
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
]);

/**
 * Arithmetic on four float32 at a time that WebAssembly lacks, each approximation with its error bound. All functions are free
 * of branches on data and give the same bits on every machine, except, in the relaxed build, `multiplyAdd`,
 * `negativeMultiplyAdd` and the functions that use them.
 *
 * The functions are static methods because AssemblyScript's decorators are valid TypeScript only on methods; so one formatter
 * serves the whole project.
 */
export class F32x4 {
  /** Returns the float32 constant at an address, in all four lanes. */
  @inline
  static constant(address: usize): v128 {
    return v128.load_splat<f32>(address);
  }

  /** Returns 1 in all four lanes. */
  @inline
  static one(): v128 {
    return F32x4.constant(ONE);
  }

  /**
   * Returns a·b + c: rounded twice in the plain build; in the relaxed build as the machine does it fastest, which is one
   * rounding if it has a fused instruction.
   */
  @inline
  static multiplyAdd(a: v128, b: v128, c: v128): v128 {
    if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
    return f32x4.add(f32x4.mul(a, b), c);
  }

  /** Returns c - a·b: rounded twice in the plain build, once in the relaxed build if the machine has a fused instruction. */
  @inline
  static negativeMultiplyAdd(a: v128, b: v128, c: v128): v128 {
    if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
    return f32x4.sub(c, f32x4.mul(a, b));
  }

  /**
   * Returns exp(x), relative error below 3e-7 for x in [-87.3, 88]. Below -87.7, where exp(x) is smaller than normal floats, it
   * is exactly 0, so that x · exp(x) tends to 0. Above 88 it stays at exp(88); NaN stays NaN.
   */
  @inline
  static exp(x: v128): v128 {
    x = F32x4.clampExponent(x);
    const shifted = F32x4.shiftedExponent(x);
    const scale = F32x4.powerOfTwo(shifted);
    return F32x4.multiplyAdd(scale, F32x4.reducedExpMinusOne(x, shifted), scale);
  }

  /** Returns 1 / (1 + exp(-x)), relative error below 5e-7 for x > -87.3, exactly 0 below -87.7; NaN stays NaN. */
  @inline
  static sigmoid(x: v128): v128 {
    // With e = exp(-|x|) ≤ 1: e / (1 + e) below 0 and 1 / (1 + e) above.
    const e = F32x4.exp(f32x4.neg(f32x4.abs(x)));
    const one = F32x4.one();
    return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e));
  }

  /** Returns log(1 + x) for x in [0, 2^126], relative error below 3e-7, also near 0. Infinity and NaN give NaN. */
  @inline
  static logOnePlus(x: v128): v128 {
    const one = F32x4.one();
    const u = f32x4.add(one, x);
    // Rounding error of 1 + x as a relative correction: log(1 + x) = log(u) + (x - (u - 1)) / u.
    const lost = f32x4.div(f32x4.sub(x, f32x4.sub(u, one)), u);
    // u = 2^n·(1 + f), 1 + f in [√½, √2): subtracting the bits of √½ splits off the exponent at that boundary.
    const bits = i32x4.sub(u, i32x4.splat(0x3f3504f3));
    const n = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
    const f = f32x4.sub(i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3)), one);
    let p = F32x4.multiplyAdd(f, F32x4.constant(LOG), F32x4.constant(LOG + 4));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 8));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 12));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 16));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 20));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 24));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 28));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 32));
    p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + 36));
    p = F32x4.multiplyAdd(p, f32x4.mul(f, f), f);
    return F32x4.multiplyAdd(n, F32x4.constant(LN2), f32x4.add(p, lost));
  }

  /**
   * Returns log(x): relative error below 3e-7, but near x = 1 absolute error below 3e-7; -∞ for 0, NaN for negative x, ∞ for ∞.
   */
  static log(x: v128): v128 {
    const one = F32x4.one();
    // x = 2^n·(1 + f), 1 + f in [√½, √2), as in logOnePlus. Subnormal numbers are scaled up by 2^23 first.
    const isSmall = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38));
    const u = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, isSmall);
    const bits = i32x4.sub(u, i32x4.splat(0x3f3504f3));
    let n = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
    n = f32x4.sub(n, v128.and(f32x4.splat(23), isSmall));
    const f = f32x4.sub(i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3)), one);
    let p = F32x4.constant(LOG);
    for (let k: usize = 4; k <= 36; k += 4) p = F32x4.multiplyAdd(p, f, F32x4.constant(LOG + k));
    p = F32x4.multiplyAdd(p, f32x4.mul(f, f), f);
    const value = F32x4.multiplyAdd(n, F32x4.constant(LN2), p);
    const zero = f32x4.splat(0);
    const below = v128.bitselect(f32x4.splat(-Infinity), f32x4.splat(NaN), f32x4.eq(x, zero));
    const finite = v128.bitselect(value, below, f32x4.gt(x, zero));
    return v128.bitselect(x, finite, f32x4.eq(x, f32x4.splat(Infinity)));
  }

  /** Returns erfc(x) for x ≥ 0: relative error below 1e-6 for x ≤ 2, growing with x² to 5e-6 at 6. */
  @inline
  static erfcOfPositive(x: v128): v128 {
    const one = F32x4.one();
    const t = f32x4.div(one, F32x4.multiplyAdd(x, f32x4.splat(0.5), one));
    let p = F32x4.multiplyAdd(F32x4.constant(ERFC), t, F32x4.constant(ERFC + 4));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 8));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 12));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 16));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 20));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 24));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 28));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 32));
    p = F32x4.multiplyAdd(p, t, F32x4.constant(ERFC + 36));
    return f32x4.mul(t, F32x4.exp(F32x4.negativeMultiplyAdd(x, x, p)));
  }

  /**
   * Returns sin(x + quarter·π/2): a quarter of 0 gives the sine, 1 the cosine. The absolute error is below 2e-7 for |x| ≤
   * 10,000 and below 1e-6 up to 100,000; then it grows, in the plain build to 0.3 at 6e6. Beyond, float32 hardly distinguishes
   * one period from the next, and only a result in [-1, 1] is guaranteed. NaN for infinite x and for NaN.
   */
  @inline
  static sine(x: v128, quarter: i32): v128 {
    const shifted = F32x4.multiplyAdd(x, F32x4.constant(TWO_OVER_PI), F32x4.constant(MAGIC));
    const n = f32x4.sub(shifted, F32x4.constant(MAGIC));
    let r = F32x4.negativeMultiplyAdd(n, F32x4.constant(HALF_PI_HIGH), x);
    r = F32x4.negativeMultiplyAdd(n, F32x4.constant(HALF_PI_MIDDLE), r);
    r = F32x4.negativeMultiplyAdd(n, F32x4.constant(HALF_PI_LOW), r);
    // For huge x float32 has no such n, and the remainder may be huge too. Up to π/2 the polynomials stay in [-1, 1].
    r = f32x4.pmin(f32x4.pmax(r, F32x4.constant(MINUS_HALF_PI_HIGH)), F32x4.constant(HALF_PI_HIGH));
    const square = f32x4.mul(r, r);
    let sin = F32x4.multiplyAdd(F32x4.constant(SIN), square, F32x4.constant(SIN + 4));
    sin = F32x4.multiplyAdd(sin, square, F32x4.constant(SIN + 8));
    sin = F32x4.multiplyAdd(sin, f32x4.mul(square, r), r);
    let cos = F32x4.multiplyAdd(F32x4.constant(COS), square, F32x4.constant(COS + 4));
    cos = F32x4.multiplyAdd(cos, square, F32x4.constant(COS + 8));
    cos = f32x4.mul(cos, f32x4.mul(square, square));
    cos = f32x4.add(F32x4.negativeMultiplyAdd(square, f32x4.splat(0.5), F32x4.one()), cos);
    // Odd quarters take the cosine; the second and third of four are negative.
    const quarters = i32x4.add(shifted, i32x4.splat(quarter));
    const isOdd = i32x4.neg(v128.and(quarters, i32x4.splat(1)));
    const sign = i32x4.shl(v128.and(quarters, i32x4.splat(2)), 30);
    return v128.xor(v128.bitselect(cos, sin, isOdd), sign);
  }

  /** Returns the sum of the four lanes, in pairs: (x0 + x1) + (x2 + x3). */
  @inline
  static sum(x: v128): f32 {
    const low = f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1);
    return low + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
  }

  /**
   * Returns a mask with all bits set in the first `count` lanes, 1 to 3, and 0 in the others: it masks the last numbers of a
   * row whose length is not a multiple of 4.
   */
  @inline
  static tailMask(count: i32): v128 {
    return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3));
  }

  // The steps of exp, for callers that also need exp(x) - 1.

  // pmin and pmax are one instruction each and, with x first, propagate NaN.
  @inline
  static clampExponent(x: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, F32x4.constant(LOWEST_EXPONENT)), F32x4.constant(HIGHEST_EXPONENT));
  }

  // Returns x / ln 2 rounded to an integer n, which adding 1.5·2^23 leaves in the low bits of the sum.
  @inline
  static shiftedExponent(x: v128): v128 {
    return F32x4.multiplyAdd(x, F32x4.constant(LOG2_E), F32x4.constant(MAGIC));
  }

  // Returns 2^n by adding n to the exponent bits of 1.
  @inline
  static powerOfTwo(shifted: v128): v128 {
    return i32x4.add(i32x4.shl(shifted, 23), F32x4.one());
  }

  // Returns exp(r) - 1 for r = x - n·ln 2, |r| ≤ ln 2 / 2.
  @inline
  static reducedExpMinusOne(x: v128, shifted: v128): v128 {
    const n = f32x4.sub(shifted, F32x4.constant(MAGIC));
    let r = F32x4.negativeMultiplyAdd(n, F32x4.constant(LN2_HIGH), x);
    r = F32x4.negativeMultiplyAdd(n, F32x4.constant(LN2_LOW), r);
    let p = F32x4.multiplyAdd(r, F32x4.constant(EXP), F32x4.constant(EXP + 4));
    p = F32x4.multiplyAdd(p, r, F32x4.constant(EXP + 8));
    p = F32x4.multiplyAdd(p, r, F32x4.constant(EXP + 12));
    p = F32x4.multiplyAdd(p, r, F32x4.constant(EXP + 16));
    p = F32x4.multiplyAdd(p, r, F32x4.constant(EXP + 20));
    return F32x4.multiplyAdd(p, f32x4.mul(r, r), r);
  }
}
