// JavaScript does not specify the last bits of Math.exp, log, pow and cos; those of pow differ between Node 20 and Node 24.
// Computations of results use these functions instead, made of operations that every machine rounds the same. Each states its
// error in units in the last place.

/** Upper part of ln 2, a float32: its products with exponents are exact in float64. */
const LN2_HIGH = Math.fround(Math.LN2);
/** Lower part of ln 2: ln 2 minus LN2_HIGH, the upper part. */
const LN2_LOW = -1.904654299957768e-9;

/** Returns e^x, with an error of at most one unit in the last place, also for subnormal results. */
export function exponential(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 710) return Number.POSITIVE_INFINITY;
  if (x < -746) return 0;
  // x = k ln 2 + r, |r| <= ln 2 / 2, where the series is short.
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 0;
  for (let n = 15; n > 1; n--) sum = (r / n) * (1 + sum);
  return scaled(1 + (r + r * sum), k);
}

/** Returns ln x, with an error of at most two units in the last place, also near 1; -Infinity for 0, NaN for x < 0. */
export function logarithm(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0)) return Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  // x = 2^k m, 1/√2 < m <= √2. If log2 rounds up to the next integer, m is below 1, which is harmless.
  let k = Math.floor(Math.log2(x));
  let m = scaled(x, -k);
  if (m > Math.SQRT2) {
    m /= 2;
    k += 1;
  }
  // ln m = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172.
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 23; n > 1; n -= 2) sum = s * s * (1 / n + sum);
  return k * LN2_HIGH + (k * LN2_LOW + 2 * (s + s * sum));
}

/**
 * Returns base^exponent, base >= 0. For an integer exponent n >= 0 it is computed by products, with an error of at most 1 +
 * n/2 units in the last place; else as e^(exponent ln base), with at most 2 + 2 |exponent ln base| units.
 */
export function power(base: number, exponent: number): number {
  if (!Number.isInteger(exponent) || exponent < 0) return exponential(exponent * logarithm(base));
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** Returns cos πp for p from 0 to 2, with an absolute error of at most 4e-16; exact for p = 0, 1 and 2. */
export function cosineOfPi(p: number): number {
  if (p > 1) return cosineOfPi(2 - p);
  if (p > 0.5) return -cosineOfPi(1 - p);
  const x = Math.PI * p;
  let sum = 0;
  for (let n = 22; n > 0; n -= 2) sum = ((-x * x) / (n * (n - 1))) * (1 + sum);
  return 1 + sum;
}

/** Returns 2^k x, multiplying by two factors since 2^k alone may overflow or underflow float64. */
function scaled(x: number, k: number): number {
  const half = Math.trunc(k / 2);
  return x * 2 ** half * 2 ** (k - half);
}
