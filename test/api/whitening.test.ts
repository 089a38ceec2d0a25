// run: both
// Tests src/api/whitening.ts, src/api/solve-whitened.ts, src/api/complete.ts, src/measure/measured.ts.

// Encoding and completing with a residual, against dense float64 algebra of the same formulas.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dense, relu, reshape, sequential, tanh } from "../../src/graph/index.ts";
import {
  complete,
  createDecoder,
  type Decoder,
  decode,
  encode,
  encodeStream,
  fitResidual,
  gaussian,
  loadResidual,
  type Residual,
  residualToSafetensors,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { blur, layers, matrix, measure, type Operator } from "../../src/measure/index.ts";
import { gradientOf, graphOutput } from "../support/graph-reference.ts";
import { randomArray } from "../support/random.ts";
import { norm } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

const [d, n, B] = [3, 20, 5];
const source = () =>
  createDecoder(sequential(d, [dense(17), tanh(), dense(n), reshape([4, 5, 1])]), { loss: "mse", seed: 3 });

/** Residual with a mean, two components and variances of their own; the codes near which data lie are in proportion. */
async function residualFor(rank = 2): Promise<Residual> {
  const scaled = (seed: number, size: number, scale: number) =>
    randomArray(seed, size, -1, 1).map((value) => value * scale);
  const given = {
    mean: scaled(11, n, 0.1),
    components: scaled(12, rank * n, 0.3),
    variances: randomArray(13, n, 0.01, 0.05),
  };
  return loadResidual(residualToSafetensors(given));
}

type Rows = number[][];

const product = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const transposed = (a: Rows): Rows => a[0]!.map((_, j) => a.map((row) => row[j]!));
const identity = (size: number): Rows =>
  Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => Number(i === j)));

/** Solves M·x = b by elimination with pivots. */
function solved(matrix: Rows, b: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, b[i]!]);
  rows.forEach((_, i) => {
    const best = rows.reduce(
      (at, row, k) => (k > i && Math.abs(row[i]!) > Math.abs(rows[at]![i]!) ? k : at),
      i,
    );
    [rows[i], rows[best]] = [rows[best]!, rows[i]!];
    rows.forEach((row, k) => {
      if (k === i) return;
      const factor = row[i]! / rows[i]![i]!;
      row.forEach((_value, j) => {
        row[j]! -= factor * rows[i]![j]!;
      });
    });
  });
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

/** A in float64: its columns are what the operators make of the axes, less what they make of 0. */
function matrixOf(operators: readonly Operator[]): Rows {
  if (operators.length === 0) return identity(n);
  const pixels = createDecoder(sequential(n, [reshape([4, 5, 1])]));
  const alone = measure(pixels, operators);
  const zero = graphOutput(alone, new Array(n).fill(0));
  return transposed(identity(n).map((axis) => graphOutput(alone, axis).map((value, i) => value - zero[i]!)));
}

/** χ² at a code and the mean of x given y and the code, of the values of y that are seen. */
function reference(
  decoder: Decoder,
  residual: Residual,
  a: Rows,
  y: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
) {
  const components = Array.from({ length: residual.components.length / n }, (_, k) =>
    Array.from(residual.components.subarray(k * n, (k + 1) * n)),
  );
  const covariance = identity(n).map((row, i) =>
    row.map((own, j) => own * residual.variances[i]! + components.reduce((sum, u) => sum + u[i]! * u[j]!, 0)),
  );
  const seen = a.map((_, i) => i).filter((i) => !Number.isNaN(y[i]) && (!weights || weights[i]! > 0));
  const own = seen.map((i) => a[i]!);
  const clean = product(product(own, covariance), transposed(own));
  const jitter = (1e-6 * clean.reduce((sum, row, i) => sum + row[i]!, 0)) / seen.length;
  const s = clean.map((row, i) =>
    row.map((value, j) => value + (i === j ? jitter + (weights ? 1 / (2 * weights[seen[i]!]!) : 0) : 0)),
  );
  const mean = Array.from(residual.mean);
  const rest = (z: ArrayLike<number>) => {
    const outputs = graphOutput(decoder, z);
    return seen.map(
      (i, k) => y[i]! - outputs[i]! - own[k]!.reduce((sum, value, j) => sum + value * mean[j]!, 0),
    );
  };
  return {
    seen,
    chiSquared(z: ArrayLike<number>) {
      const r = rest(z);
      const q = solved(s, r);
      return r.reduce((sum, value, i) => sum + value * q[i]!, 0);
    },
    complete(z: ArrayLike<number>, made: ArrayLike<number>) {
      const q = solved(s, rest(z));
      const back = product(covariance, transposed(own));
      return mean.map(
        (value, i) => made[i]! + value + back[i]!.reduce((sum, each, k) => sum + each * q[k]!, 0),
      );
    },
  };
}

const random = matrix({ shape: [7, n], values: randomArray(40, 7 * n, -1, 1) });
const affine = layers([
  reshape([n]),
  { layer: dense(5), weight: randomArray(50, 5 * n, -1, 1), bias: randomArray(51, 5, -1, 1) },
]);
const OPERATORS: Readonly<Record<string, readonly Operator[]>> = {
  "samples themselves": [],
  "a blur": [blur({ sigma: 0.8 })],
  "random numbers": [random],
  "a blur, then random numbers": [blur({ sigma: 0.8 }), random],
  "a scale and a shift": [affine],
};

/** Measurements of a residual's own kind at some codes, of which every third lacks values. */
function dataFor(decoder: Decoder, a: Rows): Float32Array {
  const m = decoder.outputSize;
  const codes = randomArray(60, B * d, -1, 1);
  return Float32Array.from({ length: B * m }, (_, at) => {
    const [sample, i] = [Math.floor(at / m), at % m];
    if (sample % 3 === 1 && i % 4 === 1) return Number.NaN;
    const bend = a[i]!.reduce((sum, value, j) => sum + 0.3 * value * Math.sin(3 * sample + j), 0);
    return graphOutput(decoder, codes.subarray(sample * d, (sample + 1) * d))[i]! + bend;
  });
}

const row = (values: ArrayLike<number>, at: number, size: number) =>
  Array.from({ length: size }, (_, i) => values[at * size + i]!);
const checkClose = (got: number, wanted: number, tolerance: number): void => {
  assert.ok(
    Math.abs(got - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
    `${got} instead of ${wanted}`,
  );
};

for (const [name, operators] of Object.entries(OPERATORS)) {
  for (const isWeighted of [false, true]) {
    test(`${name}, ${isWeighted ? "weights of their own" : "no weights"}: the loss is χ²/m, at its minimum, and the sample the mean of x`, async () => {
      const residual = await residualFor();
      const decoder = operators.length === 0 ? source() : measure(source(), operators);
      const a = matrixOf(operators);
      const y = dataFor(decoder, a);
      const m = decoder.outputSize;
      const weights = isWeighted
        ? Float32Array.from({ length: B * m }, (_, at) => (at % 7 === 2 ? 0 : 5 + (at % m)))
        : undefined;
      const found = await encode(decoder, y, { residual, weights, prior: gaussian({ weight: 0.1 }) });
      const x = await complete(decoder, found.z, y, { residual, weights });
      const made = await decode(source(), found.z);
      for (let sample = 0; sample < B; sample++) {
        const own = weights && row(weights, sample, m);
        const wanted = reference(decoder, residual, a, row(y, sample, m), own);
        const z = row(found.z, sample, d);
        const count = wanted.seen.length;
        checkClose(found.loss[sample]! * count, wanted.chiSquared(z), 1e-4);
        const lacks = row(y, sample, m).map((value, i) => Number.isNaN(value) && (!own || own[i]! > 0));
        assert.is(found.missing[sample], lacks.filter(Boolean).length);
        const objective = (at: readonly number[]) =>
          (wanted.chiSquared(at) + 0.1 * at.reduce((sum, value) => sum + value * value, 0)) / count;
        checkClose(found.objective[sample]!, objective(z), 1e-4);
        const start = norm(gradientOf(objective, [0, 0, 0]));
        const end = norm(gradientOf(objective, z));
        assert.ok(end < 5e-3 * start, `gradient ${end} of ${start}`);
        const completed = wanted.complete(z, row(made, sample, n));
        row(x, sample, n).forEach((value, i) => {
          checkClose(value, completed[i]!, 1e-4);
        });
      }
    });
  }
}

test("without noise, what is seen of a sample comes out as it is; what is not is near what its neighbours say", async () => {
  const residual = await residualFor();
  const y = dataFor(source(), identity(n));
  const { z } = await encode(source(), y, { residual });
  const x = await complete(source(), z, y, { residual });
  y.forEach((value, i) => {
    if (Number.isNaN(value)) assert.ok(Number.isFinite(x[i]));
    else checkClose(x[i]!, value, 1e-3);
  });
});

test("a sample has the same bits alone, among others, on threads, in a stream and from several starts of which one is z0", async () => {
  const residual = await residualFor();
  const decoder = measure(source(), random);
  const y = dataFor(decoder, matrixOf([random]));
  const m = decoder.outputSize;
  const whole = await encode(decoder, y, { residual });
  const x = await complete(decoder, whole.z, y, { residual });
  const threads = await encode(decoder, y, { residual, backend: wasm({ threads: 2 }), batchSize: 2 });
  assert.equal(threads.z, whole.z);
  assert.equal(threads.loss, whole.loss);
  for (let sample = 0; sample < B; sample++) {
    const own = y.slice(sample * m, (sample + 1) * m);
    const alone = await encode(decoder, own, { residual });
    assert.equal(row(whole.z, sample, d), [...alone.z]);
    assert.is(alone.loss[0], whole.loss[sample]);
    assert.equal(row(x, sample, n), [...(await complete(decoder, alone.z, own, { residual }))]);
  }
  const streamed: number[] = [];
  for await (const { z } of encodeStream(decoder, [y.slice(0, 2 * m), y.slice(2 * m)], { residual }))
    streamed.push(...z);
  assert.equal(streamed, [...whole.z]);
  const codes = Float32Array.from([...new Float32Array(d), ...randomArray(7, 3 * d, -1, 1)]);
  const several = await encode(decoder, y, { residual, starts: { codes, count: 4 } });
  several.objective.forEach((value, i) => {
    assert.ok(value <= whole.objective[i]! * (1 + 1e-6));
  });
  assert.is(several.starts!.count, 4);
});

test("a sample of which nothing is seen is where the prior says, and is completed by the decoder and the mean residual", async () => {
  const residual = await residualFor();
  const y = dataFor(source(), identity(n));
  y.fill(Number.NaN, n, 2 * n);
  const found = await encode(source(), y, { residual, prior: gaussian({ mean: [0.5, 0, -0.5] }) });
  assert.is(found.missing[1], n);
  row(found.z, 1, d).forEach((value, i) => {
    checkClose(value, [0.5, 0, -0.5][i]!, 1e-3);
  });
  const x = await complete(source(), found.z, y, { residual });
  const made = await decode(source(), found.z);
  row(x, 1, n).forEach((value, i) => {
    checkClose(value, made[n + i]! + residual.mean[i]!, 1e-6);
  });
  const others = await encode(source(), y.slice(2 * n), {
    residual,
    prior: gaussian({ mean: [0.5, 0, -0.5] }),
  });
  assert.equal([...found.z.subarray(2 * d)], [...others.z]);
});

test("what is no residual of the decoder, another loss, and operators that differ or bend are refused", async () => {
  const residual = await residualFor();
  const decoder = source();
  const y = dataFor(decoder, identity(n));
  const other = createDecoder({ layers: [d, 21], loss: "mse" });
  await rejected(encode(other, new Float32Array(21), { residual }), "invalid_argument", /residual.*21/);
  for (const wrong of [{ ...residual }, null, 3, {}, "residual.safetensors"]) {
    await rejected(
      encode(decoder, y, { residual: wrong as never }),
      "invalid_argument",
      /residual.*(fitResidual|loadResidual)/,
    );
  }
  await rejected(
    encode(decoder, y, { residual, loss: squaredError({ scale: new Float32Array(n).fill(2) }) }),
    "invalid_argument",
    /residual is for a squared error without a scale.*loss: "mse"/,
  );
  const bent = measure(decoder, layers([reshape([n]), relu()]));
  await rejected(encode(bent, y, { residual }), "invalid_argument", /linear/);
  const each = measure(decoder, matrix({ shape: [2, n], fixed: "A" }));
  const fixed = { A: new Float32Array(2 * n) };
  await rejected(
    encode(each, new Float32Array(2), { residual, fixed }),
    "invalid_argument",
    /operators that are the same for all samples/,
  );
  await rejected(
    complete(decoder, new Float32Array(d), y, { residual }),
    "invalid_argument",
    /z has 1 codes/,
  );
  await rejected(
    complete(decoder, new Float32Array(B * d), y, {} as never),
    "invalid_argument",
    /residual is undefined, expected what fitResidual/,
  );
});

test("an abort ends the call: results as they are, or an error", async () => {
  const residual = await residualFor();
  const y = dataFor(source(), identity(n));
  const aborted = AbortSignal.abort();
  const left = await encode(source(), y, { residual, signal: aborted, onAbort: "return" });
  assert.equal([...left.status], new Array(B).fill("aborted"));
  assert.equal([...left.z], new Array(B * d).fill(0));
  const error = await encode(source(), y, { residual, signal: aborted, onAbort: "throw" }).catch(
    (e: Error) => e,
  );
  assert.is((error as Error).name, "AbortError");
  const stopped = await complete(source(), left.z, y, { residual, signal: aborted }).catch((e: Error) => e);
  assert.is((stopped as Error).name, "AbortError");
});

test("the residual of a decoder's own samples makes χ²/m about 1, and completes better than the decoder alone", async () => {
  const decoder = source();
  // x = D(z) + two directions and noise: new samples of the same kind.
  const directions = randomArray(80, 2 * n, -0.4, 0.4);
  const samplesOf = (count: number, seed: number) => {
    const codes = randomArray(seed, count * d, -1.5, 1.5);
    const scores = randomArray(seed + 1, count * 2, -1.5, 1.5);
    const noise = randomArray(seed + 2, count * n, -0.1, 0.1);
    return decode(decoder, codes).then((made) =>
      made.map((value, at) => {
        const [sample, i] = [Math.floor(at / n), at % n];
        return (
          value +
          scores[2 * sample]! * directions[i]! +
          scores[2 * sample + 1]! * directions[n + i]! +
          noise[at]!
        );
      }),
    );
  };
  const residual = await fitResidual(decoder, await samplesOf(400, 90), { rank: 4 });
  const fresh = await samplesOf(60, 190);
  const y = fresh.map((value, i) => (i % 3 === 0 ? Number.NaN : value));
  const found = await encode(decoder, y, { residual });
  const fit = found.loss.reduce((sum, value) => sum + value / found.loss.length, 0);
  assert.ok(fit > 0.5 && fit < 1.3, `χ²/m is ${fit}`);
  const error = (x: Float32Array) =>
    x.reduce((sum, value, i) => sum + (i % 3 === 0 ? (value - fresh[i]!) ** 2 : 0), 0);
  const plain = error(await decode(decoder, (await encode(decoder, y)).z));
  const corrected = error(await complete(decoder, found.z, y, { residual }));
  assert.ok(corrected < 0.6 * plain, `${corrected} beside ${plain}`);
});

test.run();
