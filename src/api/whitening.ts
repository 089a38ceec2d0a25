import type { Backend } from "../backend/backend.ts";
import { objection } from "../base/refuse.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { createDecoder } from "../decoder/initialise.ts";
import type { OperationDefinition } from "../graph/definition.ts";
import { LATENT } from "../graph/graph.ts";
import { measure } from "../measure/measure.ts";
import { measuredOf } from "../measure/measured.ts";
import type { Operator } from "../measure/operator.ts";
import { matrix, sparse } from "../measure/operators.ts";
import type { Control } from "../solver/base.ts";
import { choleskyFactor, inverseOfLower } from "../terms/prior-numbers.ts";
import { checkResidual, type Residual } from "../terms/residual.ts";
import { openSession } from "./check-data.ts";

// Whitening of measurements by a decoder's residual. With x = D(z) + e, e of mean μ and covariance C, and y = A·x + noise of
// variance σ², y - A·(D(z) + μ) has the covariance S = A·C·Aᵀ + diag(σ²). With S = L·Lᵀ, the squared error of L⁻¹·y and
// L⁻¹·A·(D(z) + μ) is the χ² of the fit, and D(z) + μ + C·Aᵀ·S⁻¹·(y - A·(D(z) + μ)) the mean of x given y and z. What is missing
// of y is left out of S.

/** Residual of a decoder as measurements y = A·x have it; A is the identity for a decoder of samples. */
export interface MeasuredResidual {
  /** Number of values of a measurement, m. */
  readonly m: number;
  /** Number of values of a sample, n. */
  readonly n: number;
  /** A·μ, [m]. */
  readonly mean: Float64Array;
  /** A·C·Aᵀ, [m, m]: its lower triangle. */
  readonly covariance: Float64Array;
  /** Decoder of samples, and their residual. */
  readonly source: Decoder;
  readonly residual: Residual;
  /** A·u of the residual's components u, [rank, m]. */
  readonly measuredComponents: Float32Array;
  /** Columns of A, one after the other, [n, m]; undefined if A is the identity. */
  readonly measuredAxes: Float32Array | undefined;
}

/** Function that returns A·v for vectors v, [count, n]: [count, m]. */
type Apply = (vectors: Float32Array) => Promise<Float32Array>;

/** Maximum number of values of a measurement: a covariance of as many takes 128 MiB, and its factor 10 seconds. */
const MOST_VALUES = 4096;
/**
 * Computes the covariance of a decoder's residual in measurements.
 *
 * @throws LatentflowError `invalid_argument` if the residual does not fit, A is not linear or has fixed inputs, or m is too large
 */
export async function measuredResidual(
  decoder: Decoder,
  given: unknown,
  backend: Backend,
  control: Control,
): Promise<MeasuredResidual> {
  const { source, operators } = measuredOf(decoder);
  const n = source.outputSize;
  const residual = checkResidual(given, n);
  const m = decoder.outputSize;
  if (m > MOST_VALUES)
    throw objection("residual", `is for measurements of at most ${MOST_VALUES} values, and these have ${m}`);
  if (decoder.fixedInputs.length > source.fixedInputs.length) {
    throw objection(
      "residual",
      "is for operators that are the same for all samples",
      "; encode samples of one operator at a time",
    );
  }
  const apply = await linearMapOf(source, operators, backend, control);
  const { components, variances } = residual;
  const measuredComponents = await apply(components);
  const measuredAxes = operators.length === 0 ? undefined : await axesOf(apply, n, m, control);
  const covariance = new Float64Array(m * m);
  for (let first = 0; first < measuredComponents.length; first += m) {
    addProducts(covariance, measuredComponents, first, m, 1);
    await control.pause();
  }
  for (let i = 0; i < n; i++) {
    if (!measuredAxes) covariance[i * n + i]! += variances[i]!;
    else addProducts(covariance, measuredAxes, i * m, m, variances[i]!);
    await control.pause();
  }
  const mean = Float64Array.from(await apply(residual.mean));
  if (![...mean, ...covariance].every(Number.isFinite))
    throw objection("residual", "has no finite covariance in these measurements", "; scale the operators");
  return { m, n, mean, covariance, measuredComponents, measuredAxes, source, residual };
}

/** Number of vectors that A is applied to at a time. */
const AT_ONCE = 256;

/** Returns A's columns, one after the other: [n, m]. */
async function axesOf(apply: Apply, n: number, m: number, control: Control): Promise<Float32Array> {
  const columns = new Float32Array(n * m);
  for (let first = 0; first < n; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, n - first);
    const axes = new Float32Array(count * n);
    for (let i = 0; i < count; i++) axes[i * n + first + i] = 1;
    columns.set(await apply(axes), first * m);
    await control.pause();
  }
  return columns;
}

/** Adds factor · r·rᵀ to a matrix, [m, m], below its diagonal and on it, for the row r of `rows` that begins at `first`. */
function addProducts(
  matrix: Float64Array,
  rows: Float32Array,
  first: number,
  m: number,
  factor: number,
): void {
  for (let i = 0; i < m; i++) {
    const value = factor * rows[first + i]!;
    if (value === 0) continue;
    for (let j = 0; j <= i; j++) matrix[i * m + j]! += value * rows[first + j]!;
  }
}

/** Returns a function that applies operators to vectors in the shape of a decoder's samples, without their constant part. */
async function linearMapOf(
  source: Decoder,
  operators: readonly Operator[],
  backend: Backend,
  control: Control,
): Promise<Apply> {
  if (operators.length === 0) return async (vectors) => vectors;
  const { outputShape, outputSize: n, outputLayout } = source;
  const reshape = { kind: "reshape", name: "sample", inputs: [LATENT], shape: [...outputShape] } as const;
  const definition = {
    ...({ format: 1, layout: "channelsLast", latentSize: n, outputLayout } as const),
    operations: [reshape] as readonly OperationDefinition[],
  };
  const alone = measure(createDecoder(definition), operators);
  const session = await openSession(backend, alone, "decode");
  const affine = (vectors: Float32Array) => session.decode(vectors, [], false, control);
  const constant = await affine(new Float32Array(n));
  const m = constant.length;
  const apply = async (vectors: Float32Array) =>
    (await affine(vectors)).map((value, i) => value - constant[i % m]!);
  await checkLinear(apply, n);
  return apply;
}

/** Throws unless A·(2a + b) = 2·A·a + A·b for two vectors of different signs. */
async function checkLinear(apply: Apply, n: number): Promise<void> {
  const a = Float32Array.from({ length: n }, (_, i) => ((i * 7) % 11) / 5 - 1);
  const b = Float32Array.from({ length: n }, (_, i) => ((i * 5) % 13) / 6 - 1);
  const [left, ofA, ofB] = [
    await apply(a.map((value, i) => 2 * value + b[i]!)),
    await apply(a),
    await apply(b),
  ];
  const size = Math.max(
    ...[left, ofA, ofB].map((all) => all.reduce((most, value) => Math.max(most, Math.abs(value)), 0)),
  );
  const isLinear = left.every((value, i) => Math.abs(value - 2 * ofA[i]! - ofB[i]!) <= 1e-4 * size);
  if (!isLinear)
    throw objection(
      "residual",
      "is for linear operators, and one of these is not",
      "; leave out activations",
    );
}

/** Whitening of the seen values of some measurements. */
export interface Whitening {
  /** Indices of the values that are seen, ascending. */
  readonly seen: readonly number[];
  /** L⁻¹, row by row: [seen, seen], lower triangle. */
  readonly inverse: Float64Array;
}

/** Variance that is added to each value, as a share of the mean variance: S must be invertible. It grows until S is. */
const JITTER = 1e-6;

/**
 * Computes the whitening of measurements of which the values with weights above 0 are seen.
 *
 * @param weights weights w of the values, [m], for noise of variance 1/(2w); undefined for none
 */
export function whiteningOf(
  { covariance, m }: MeasuredResidual,
  seen: readonly number[],
  weights: ArrayLike<number> | undefined,
): Whitening {
  const k = seen.length;
  const mean = seen.reduce((sum, i) => sum + covariance[i * m + i]!, 0) / k;
  for (let jitter = JITTER; ; jitter *= 10) {
    const matrix = new Float64Array(k * k);
    for (let i = 0; i < k; i++) {
      for (let j = 0; j <= i; j++) matrix[i * k + j] = covariance[seen[i]! * m + seen[j]!]!;
      matrix[i * k + i]! += (weights ? 1 / (2 * weights[seen[i]!]!) : 0) + jitter * (mean || 1);
    }
    const factor = choleskyFactor(matrix, k);
    if (factor) return { seen, inverse: inverseOfLower(factor, k) };
  }
}

/** Returns L⁻¹·(y - A·μ) of the seen values of a measurement. */
export function whitened(
  { seen, inverse }: Whitening,
  { mean }: MeasuredResidual,
  y: ArrayLike<number>,
): Float64Array {
  const k = seen.length;
  const centred = Float64Array.from(seen, (at) => y[at]! - mean[at]!);
  const result = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += inverse[i * k + j]! * centred[j]!;
    result[i] = sum;
  }
  return result;
}

/** Returns the decoder whose outputs are L⁻¹·A·D(z), for the seen values. */
export function whitenedDecoder(decoder: Decoder, { seen, inverse }: Whitening): Decoder {
  const [m, k] = [decoder.outputSize, seen.length];
  const values = seen.map(() => 1);
  const picked = sparse({ shape: [k, m], rows: seen.map((_, i) => i), columns: seen, values });
  const operators = k === m ? [] : [picked];
  return measure(decoder, [...operators, matrix({ shape: [k, k], values: inverse })]);
}

/** Returns S⁻¹·r, [m], of L⁻¹·r for the seen values: 0 where a value is not seen. */
export function transposedWhitened(
  { seen, inverse }: Whitening,
  white: Float64Array,
  m: number,
): Float64Array {
  const k = seen.length;
  const result = new Float64Array(m);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) result[seen[j]!]! += inverse[i * k + j]! * white[i]!;
  }
  return result;
}
