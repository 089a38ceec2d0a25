import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  checkMatrix,
  checkRow,
  choleskyFactor,
  inverseOfFactor,
  isArray,
  logDeterminant,
  scalarOrRow,
} from "../../src/terms/prior-numbers.ts";
import { randomArray } from "../support/random.ts";
import { refused } from "../support/refusal.ts";

const SIZES = [1, 3, 5, 17];
const EPSILON = 2 ** -52;

/** [d, d] of a function of row and column. */
function matrixOf(d: number, entry: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: d * d }, (_, at) => entry(Math.floor(at / d), at % d));
}

/** AAᵀ plus a little of the identity, A random: positive definite, symmetric to the last bit. */
function randomMatrix(seed: number, d: number): Float64Array {
  const a = Float64Array.from(randomArray(seed, d * d));
  return matrixOf(d, (i, j) => {
    let sum = i === j ? 0.1 : 0;
    for (let k = 0; k < d; k++) sum += a[i * d + k]! * a[j * d + k]!;
    return sum;
  });
}

function product(a: ArrayLike<number>, b: ArrayLike<number>, d: number): Float64Array {
  return matrixOf(d, (i, j) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a[i * d + k]! * b[k * d + j]!;
    return sum;
  });
}

function transposed(a: ArrayLike<number>, d: number): Float64Array {
  return matrixOf(d, (i, j) => a[j * d + i]!);
}

/** By Gaussian elimination with row pivots: its order and its numbers are not those of a Cholesky factor. */
function logDeterminantByElimination(matrix: ArrayLike<number>, d: number): number {
  const rows = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => matrix[i * d + j]!));
  let sum = 0;
  while (rows.length > 0) {
    const column = d - rows.length;
    rows.sort((a, b) => Math.abs(b[column]!) - Math.abs(a[column]!));
    const pivot = rows.shift()!;
    sum += Math.log(Math.abs(pivot[column]!));
    for (const row of rows) {
      const factor = row[column]! / pivot[column]!;
      for (let j = column; j < d; j++) row[j]! -= factor * pivot[j]!;
    }
  }
  return sum;
}

function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
) {
  assert.is(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    assert.ok(error <= tolerance, `${what}: ${actual[i]} at ${i}, expected ${expected[i]}, off by ${error}`);
  }
}

test("a factor of integers is found exactly", () => {
  for (const d of SIZES) {
    const digits = randomArray(40 + d, d * d, -4, 4).map(Math.round);
    // Powers of 2 on the diagonal: every division is exact, and so are all products and sums of small integers.
    const expected = matrixOf(d, (i, j) => (i === j ? 2 ** (i % 3) : i > j ? digits[i * d + j]! : 0));
    const matrix = product(expected, transposed(expected, d), d);
    assert.equal(choleskyFactor(matrix, d), expected, `d = ${d}`);
  }
});

test("only the lower triangle is read, and nothing is written", () => {
  const matrix = randomMatrix(3, 5);
  const lower = matrixOf(5, (i, j) => (j > i ? Number.NaN : matrix[i * 5 + j]!));
  const copy = lower.slice();
  assert.equal(choleskyFactor(lower, 5), choleskyFactor(matrix, 5));
  assert.ok(lower.every((value, at) => Object.is(value, copy[at])));
});

test("LLᵀ is the matrix, and what is above the diagonal is 0", () => {
  for (const d of SIZES) {
    const matrix = randomMatrix(d, d);
    const factor = choleskyFactor(matrix, d)!;
    // Higham, Accuracy and Stability, theorem 10.3: |A - LLᵀ| ≤ γ_{d+1} |L||Lᵀ|, at most γ_{d+1} times the largest of A.
    const largest = Math.max(...matrix);
    const tolerance = 2 * (d + 1) * EPSILON * largest;
    assertClose(product(factor, transposed(factor, d), d), matrix, tolerance, `d = ${d}`);
    factor.forEach((value, at) => {
      if (at % d > Math.floor(at / d)) assert.is(value, 0);
    });
  }
});

test("the inverse of the second difference, which is known in closed form", () => {
  for (const d of SIZES) {
    const matrix = matrixOf(d, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
    const factor = choleskyFactor(matrix, d)!;
    const expected = matrixOf(d, (i, j) => ((Math.min(i, j) + 1) * (d - Math.max(i, j))) / (d + 1));
    // Its condition is below d².
    assertClose(inverseOfFactor(factor, d), expected, d ** 3 * EPSILON, `inverse, d = ${d}`);
    assertClose([logDeterminant(factor, d)], [Math.log(d + 1)], d * 4 * EPSILON, `determinant, d = ${d}`);
  }
});

test("the inverse of Hilbert's matrix, whose entries are integers", () => {
  // Its condition is 1.5e4 for three rows and 4.8e5 for five.
  for (const [expected, determinant] of [
    [[9, -36, 30, -36, 192, -180, 30, -180, 180], 1 / 2160],
    [
      [
        ...[25, -300, 1050, -1400, 630, -300, 4800, -18900, 26880, -12600, 1050, -18900, 79380],
        ...[-117600, 56700, -1400, 26880, -117600, 179200, -88200, 630, -12600, 56700, -88200, 44100],
      ],
      1 / 266716800000,
    ],
  ] as const) {
    const d = Math.sqrt(expected.length);
    const factor = choleskyFactor(
      matrixOf(d, (i, j) => 1 / (i + j + 1)),
      d,
    )!;
    const largest = Math.max(...expected);
    assertClose(inverseOfFactor(factor, d), expected, 1e6 * EPSILON * largest, `d = ${d}`);
    assertClose([logDeterminant(factor, d)], [Math.log(determinant)], 1e6 * EPSILON, `d = ${d}`);
  }
});

test("the inverse times the matrix is the identity; it is symmetric to the last bit", () => {
  for (const d of SIZES) {
    const matrix = randomMatrix(70 + d, d);
    const inverse = inverseOfFactor(choleskyFactor(matrix, d)!, d);
    const condition = Math.max(...matrix) * Math.max(...inverse) * d * d;
    const identity = matrixOf(d, (i, j) => Number(i === j));
    assertClose(product(inverse, matrix, d), identity, d * condition * EPSILON, `d = ${d}`);
    assert.equal(inverse, transposed(inverse, d));
  }
});

test("the log determinant is that of elimination, also where the determinant itself is no float64", () => {
  for (const d of SIZES) {
    for (const scale of [1, 1e-60, 1e60]) {
      const matrix = randomMatrix(90 + d, d).map((value) => value * scale);
      const expected = logDeterminantByElimination(matrix, d);
      const actual = logDeterminant(choleskyFactor(matrix, d)!, d);
      assertClose([actual], [expected], 1e-12 * Math.max(1, Math.abs(expected)), `d = ${d}, ${scale}`);
    }
  }
});

test("rows of any scale: a matrix and the same in other units are both positive definite, or both not", () => {
  for (const d of [3, 5, 17]) {
    const units = Float64Array.from({ length: d }, (_, i) => 2 ** (30 * (i % 3) - 30));
    const inUnits = (matrix: Float64Array) =>
      matrixOf(d, (i, j) => matrix[i * d + j]! * units[i]! * units[j]!);
    const matrix = randomMatrix(20 + d, d);
    const factor = choleskyFactor(matrix, d)!;
    // Powers of 2 change no rounding.
    const expected = matrixOf(d, (i, j) => factor[i * d + j]! * units[i]!);
    assert.equal(choleskyFactor(inUnits(matrix), d), expected, `d = ${d}`);
    const singular = matrixOf(d, (i, j) => (i + 1) * (j + 1));
    assert.is(choleskyFactor(singular, d), undefined);
    assert.is(choleskyFactor(inUnits(singular), d), undefined);
  }
});

test("what is not positive definite has no factor", () => {
  const none = (...matrix: number[]) =>
    assert.is(choleskyFactor(matrix, Math.sqrt(matrix.length)), undefined, `${matrix}`);
  none(0);
  none(-1);
  none(Number.NaN);
  none(Number.POSITIVE_INFINITY);
  none(1, 1, 1, 1);
  none(1, 2, 2, 1);
  none(1, 0, 0, -1e-300);
  none(0, 0, 0, 1);
  none(1, 0, Number.NaN, 1);
  // A combination of the first two rows, up to what rounding leaves.
  none(1, 0, 0.1, 0, 1, 0.3, 0.1, 0.3, 0.1 * 0.1 + 0.3 * 0.3);
  // As near to it as 1e-12 is positive definite.
  assert.ok(choleskyFactor([1, 0, 0.1, 0, 1, 0.3, 0.1, 0.3, 0.1 + 1e-12], 3));
});

test("rows and matrices are taken in every form", () => {
  assert.ok(isArray([]) && isArray(new Uint8Array(1)));
  assert.not.ok(isArray("12") || isArray({ length: 1 }) || isArray(new DataView(new ArrayBuffer(8))));
  assert.equal(checkRow("row", Float32Array.of(1, 2), 2, {}), [1, 2]);
  const given = [3, 4];
  const row = scalarOrRow("row", given, 2, {});
  assert.equal(row, [3, 4]);
  assert.ok(Object.isFrozen(row) && !Object.isFrozen(given));
  assert.is(scalarOrRow("row", 5, 2, { above: 0 }), 5);
  const flat = [2, 1, 1, 3];
  assert.equal(checkMatrix("m", flat, 2), flat);
  assert.equal(checkMatrix("m", Float64Array.from(flat), undefined), flat);
  assert.equal(checkMatrix("m", [Float32Array.of(2, 1), [1, 3]], 2), flat);
  assert.ok(Object.isFrozen(checkMatrix("m", flat, 2)) && !Object.isFrozen(flat));
  // Float32's rounding is no asymmetry.
  assert.equal(checkMatrix("m", [2, 1, 1 + 1e-7, 3], 2), [2, 1, 1 + 1e-7, 3]);
});

test("rows and matrices that are none are refused, with what came", () => {
  const row = (values: unknown, message: RegExp) =>
    refused(() => checkRow("row", values, 2, { above: 0 }), "invalid_argument", message);
  row(undefined, /^row is undefined, expected an array of numbers$/);
  row([], /^row is empty, expected an array of numbers$/);
  row([1], /^row has 1 values, expected 2$/);
  row([1, 0], /^row\[1\] is 0, expected a finite number > 0$/);
  row([1, "2"], /^row\[1\] is "2", expected a finite number > 0$/);
  const matrix = (values: unknown, message: RegExp) =>
    refused(() => checkMatrix("m", values, 2), "invalid_argument", message);
  matrix(3, /^m is 3, expected a matrix: d rows, or d × d numbers$/);
  matrix([1, 2, 3], /^m has 3 values, expected d × d$/);
  matrix([1], /^m is 1 × 1, expected 2 × 2$/);
  matrix([[1, 0], [0]], /^m\[1\] has 1 values, expected 2$/);
  matrix([1, 0, 0, Number.NaN], /^m\[3\] is NaN, expected a finite number >= /);
  matrix([2, 0.5, 1, 2], /^m is not symmetric: 1 at row 1, column 0, and 0.5 at row 0, column 1$/);
  // Whatever the units.
  matrix([1e10, 0.5, -0.5, 1], /^m is not symmetric/);
  matrix([1, 2, 2, 1], /^m is not positive definite; .*too few codes\? .*fitGaussian with shrinkage$/);
});

test.run();
