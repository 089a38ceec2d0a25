// Tests src/terms/expectation-maximisation.ts, src/terms/mixture-start.ts, src/terms/moments.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { fitGaussian, fitGaussianMixture, type GaussianMixturePrior } from "../../src/index.ts";
import { eigenvalues, raiseEigenvalues } from "../../src/terms/eigenvalues.ts";
import { refused } from "../support/refusal.ts";

const SIZES = [1, 3, 5, 17];

/** Standard normal numbers, by Box and Muller. */
function normals(seed: number): () => number {
  const random = createRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** Codes whose coordinates depend on each other, and differ in scale and in where they lie. */
function correlatedCodes(seed: number, count: number, d: number): Float32Array {
  const normal = normals(seed);
  const codes = new Float32Array(count * d);
  for (let i = 0; i < count; i++) {
    const common = normal();
    for (let j = 0; j < d; j++) codes[i * d + j] = 3 * j - 1 + 2 ** ((j % 4) - 2) * (normal() + common);
  }
  return codes;
}

function reversed(codes: Float32Array, d: number): Float32Array {
  const count = codes.length / d;
  return Float32Array.from(codes, (_, at) => codes[(count - 1 - Math.floor(at / d)) * d + (at % d)]!);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Column by column and pair by pair: [d] and [d, d]. */
function referenceMoments(codes: Float32Array, d: number): { mean: number[]; covariance: number[] } {
  const columns = Array.from({ length: d }, (_, i) => Array.from(codes).filter((_, at) => at % d === i));
  const mean = columns.map(meanOf);
  const covariance = columns.flatMap((x, i) =>
    columns.map((y, j) => {
      const products = x.map((value, at) => (value - mean[i]!) * (y[at]! - mean[j]!));
      return products.reduce((sum, value) => sum + value, 0) / (x.length - 1);
    }),
  );
  return { mean, covariance };
}

function diagonal(matrix: readonly number[], d: number): number[] {
  return Array.from({ length: d }, (_, i) => matrix[i * d + i]!);
}

function assertClose(actual: unknown, expected: ArrayLike<number>, tolerance: number, what: string): void {
  const values = actual as ArrayLike<number>;
  assert.is(values.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(values[i]! - expected[i]!);
    assert.ok(error <= tolerance, `${what}: ${values[i]} at ${i}, expected ${expected[i]}, off by ${error}`);
  }
}

/** Σ⁻¹x and log det Σ, by Gauss and Jordan's elimination, no Cholesky factor. */
function eliminate(matrix: readonly number[], x: readonly number[]): { solved: number[]; logDet: number } {
  const d = x.length;
  const rows = x.map((value, i) => [...matrix.slice(i * d, (i + 1) * d), value]);
  let logDet = 0;
  for (let k = 0; k < d; k++) {
    logDet += Math.log(rows[k]![k]!);
    const pivot = rows[k]!.map((value) => value / rows[k]![k]!);
    rows.forEach((row, i) => {
      const factor = row[k]!;
      rows[i] = i === k ? pivot : row.map((value, j) => value - factor * pivot[j]!);
    });
  }
  return { solved: rows.map((row) => row[d]!), logDet };
}

/** The mean over the codes of log Σ_k w_k N_k(z), with all constants, of the prior's own numbers. */
function referenceLogLikelihood(codes: Float32Array, prior: GaussianMixturePrior): number {
  const d = prior.latentSize!;
  const densities = Array.from({ length: codes.length / d }, (_, n) => {
    const logs = prior.weights.map((share, k) => {
      const x = Array.from({ length: d }, (_, i) => codes[n * d + i]! - prior.means[k * d + i]!);
      const matrix = prior.covariances
        ? prior.covariances.slice(k * d * d, (k + 1) * d * d)
        : Array.from({ length: d * d }, (_, at) =>
            at % (d + 1) === 0 ? prior.stds![k * d + (at % d)]! ** 2 : 0,
          );
      const { solved, logDet } = eliminate(matrix, x);
      const squared = x.reduce((sum, value, i) => sum + value * solved[i]!, 0);
      return Math.log(share) - (squared + logDet + d * Math.log(2 * Math.PI)) / 2;
    });
    const largest = Math.max(...logs);
    return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0));
  });
  return meanOf(densities);
}

const KNOWN = {
  shares: [0.5, 0.3, 0.2],
  means: [
    [0, 0],
    [6, 1],
    [-2, 7],
  ],
  // Lower triangular, each the factor of a covariance.
  factors: [
    [1, 0, 0.8, 0.6],
    [0.5, 0, -0.5, 1],
    [2, 0, 0, 0.3],
  ],
};

function knownCodes(seed: number, count: number): Float32Array {
  const random = createRandom(seed, 1);
  const normal = normals(seed);
  const codes = new Float32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const u = random.uniform();
    const k = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
    const [x, y] = [normal(), normal()];
    const [a, , b, c] = KNOWN.factors[k]!;
    codes[2 * i] = KNOWN.means[k]![0]! + a! * x;
    codes[2 * i + 1] = KNOWN.means[k]![1]! + b! * x + c! * y;
  }
  return codes;
}

test("fitGaussian: mean and unbiased covariance, in every size", () => {
  for (const d of SIZES) {
    const codes = correlatedCodes(d, 40, d);
    const { mean, covariance } = referenceMoments(codes, d);
    const tolerance = 1e-12 * Math.max(...covariance, ...mean.map(Math.abs));
    const full = fitGaussian(codes, { latentSize: d, covariance: "full", weight: 0.5 });
    assert.is(full.latentSize, d);
    assert.is(full.weight, 0.5);
    assert.is(full.std, undefined);
    assertClose(full.mean, mean, tolerance, "mean");
    assertClose(full.covariance, covariance, tolerance, "covariance");
    const own = fitGaussian(codes, { latentSize: d });
    assert.is(own.weight, 1);
    assert.is(own.covariance, undefined);
    assertClose(own.mean, mean, tolerance, "mean");
    assertClose(own.std, diagonal(covariance, d).map(Math.sqrt), tolerance, "std");
  }
});

test("fitGaussian: divided by n - 1, which two codes show", () => {
  const prior = fitGaussian(Float32Array.of(1, 10, 3, 16), { latentSize: 2 });
  assert.equal(prior.mean, [2, 13]);
  assert.equal(prior.std, [Math.sqrt(2), Math.sqrt(18)]);
});

test("fitGaussian: a spread far smaller than where the codes lie is not lost", () => {
  // Squares less the mean's square would leave nothing: 2^40, of which float64 keeps 2^-12.
  const codes = Float32Array.from({ length: 1001 }, (_, i) => 2 ** 20 + 0.125 * (i % 7));
  const values = Array.from(codes, (value) => value - 2 ** 20);
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1000;
  const prior = fitGaussian(codes, { latentSize: 1 });
  assertClose(prior.std, [Math.sqrt(variance)], 1e-9 * Math.sqrt(variance), "std");
});

test("fitGaussian: shrinkage multiplies the correlations by 1 - s and keeps the variances", () => {
  for (const d of SIZES) {
    // No more codes than latents, but for one.
    const codes = correlatedCodes(30 + d, Math.max(2, d), d);
    const { covariance } = referenceMoments(codes, d);
    for (const shrinkage of [0.05, 0.5, 1]) {
      const expected = covariance.map((value, at) => (at % (d + 1) === 0 ? value : (1 - shrinkage) * value));
      const prior = fitGaussian(codes, { latentSize: d, covariance: "full", shrinkage });
      assertClose(prior.covariance, expected, 1e-12 * Math.max(...covariance), `d = ${d}, s = ${shrinkage}`);
    }
  }
  const codes = correlatedCodes(9, 50, 5);
  assert.equal(
    fitGaussian(codes, { latentSize: 5, covariance: "full", shrinkage: 0 }),
    fitGaussian(codes, { latentSize: 5, covariance: "full" }),
  );
});

test("fitGaussian: the order of the codes does not matter, and they are not changed", () => {
  const codes = correlatedCodes(4, 300, 5);
  const copy = codes.slice();
  const options = { latentSize: 5, covariance: "full" } as const;
  const [forward, backward] = [fitGaussian(codes, options), fitGaussian(reversed(codes, 5), options)];
  assertClose(forward.mean, backward.mean as number[], 1e-12 * 20, "mean");
  assertClose(forward.covariance, backward.covariance!, 1e-12 * 20, "covariance");
  assert.equal(codes, copy);
});

test("fitGaussian: units of any scale have a full covariance", () => {
  const codes = correlatedCodes(6, 100, 3);
  const small = codes.map((value, at) => (at % 3 === 1 ? value * 2 ** -60 : value));
  const options = { latentSize: 3, covariance: "full" } as const;
  const [own, scaled] = [fitGaussian(codes, options).covariance!, fitGaussian(small, options).covariance!];
  const units = [1, 2 ** -60, 1];
  assert.equal(
    scaled,
    own.map((value, at) => value * units[Math.floor(at / 3)]! * units[at % 3]!),
  );
});

test("fitGaussian: what cannot be fitted is refused, with what to do", () => {
  const codes = correlatedCodes(1, 20, 3);
  const wrong = (given: unknown, options: unknown, message: RegExp) =>
    refused(() => fitGaussian(given as never, options as never), "invalid_argument", message);
  wrong(codes, undefined, /^fitGaussian: options are undefined, expected \{ latentSize \}$/);
  wrong(codes, { latentsize: 3 }, /^fitGaussian: unknown option "latentsize"; .*latentSize, covariance/);
  wrong(codes, {}, /^fitGaussian: latentSize is undefined, expected an integer >= 1$/);
  wrong(
    codes,
    { latentSize: 3, covariance: "spherical" },
    /covariance is "spherical", expected "diagonal" or "full"/,
  );
  wrong(
    codes,
    { latentSize: 3, covariance: "full", shrinkage: 1.5 },
    /shrinkage is 1.5, expected .* >= 0 and <= 1/,
  );
  wrong(
    codes,
    { latentSize: 3, shrinkage: 0.5 },
    /shrinkage is 0\.\d+, expected undefined for a diagonal covariance.*give covariance: "full"/,
  );
  wrong(codes, { latentSize: 3, weight: 0 }, /^fitGaussian: weight is 0, expected a finite number > 0$/);
  wrong({ z: codes }, { latentSize: 3 }, /^fitGaussian: codes is an object, .*; give its member \.z$/);
  wrong([1, 2, 3], { latentSize: 3 }, /codes is an Array, .*; convert with Float32Array\.from\(codes\)$/);
  wrong(codes, { latentSize: 7 }, /codes has 60 values, expected a multiple of 7 \(latentSize\)$/);
  wrong(
    codes.slice(0, 3),
    { latentSize: 3 },
    /has 1 codes of 3 values, expected at least 2; give more codes$/,
  );
  wrong(new Float32Array(0), { latentSize: 3 }, /has 0 codes of 3 values, expected at least 2/);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const holed = codes.slice();
    holed[7] = bad;
    wrong(holed, { latentSize: 3 }, new RegExp(`codes is ${bad} at sample 2, element 1, expected finite`));
  }
  const full = { latentSize: 3, covariance: "full" };
  wrong(codes.slice(0, 9), full, /has 3 codes of 3 values, expected at least 4: .*singular; .*shrinkage/);
  wrong(codes.slice(0, 6), full, /has 2 codes of 3 values, expected at least 4: .*singular; .*shrinkage/);
  assert.ok(fitGaussian(codes.slice(0, 12), full as never));
  // 0.1 is no float32 and no float64: added up and divided, it would not be itself.
  const constant = codes.map((value, at) => (at % 3 === 2 ? 0.1 : value));
  wrong(constant, { latentSize: 3 }, /codes has a constant element 2, .*gaussian\(\)/);
  wrong(constant, { ...full, shrinkage: 0.5 }, /codes has a constant element 2/);
  const dependent = codes.map((value, at) => (at % 3 === 2 ? 2 * codes[at - 1]! : value));
  wrong(dependent, full, /codes has a singular covariance, .*follows from the others; .*shrinkage/);
  assert.ok(fitGaussian(dependent, { ...full, shrinkage: 0.01 } as never));
});

test("fitGaussianMixture: one component is the mean and the covariance divided by n", () => {
  for (const d of SIZES) {
    const count = 50;
    const codes = correlatedCodes(d, count, d);
    const { mean, covariance } = referenceMoments(codes, d);
    const expected = covariance.map((value) => (value * (count - 1)) / count);
    const tolerance = 1e-12 * Math.max(...expected, ...mean.map(Math.abs));
    const full = fitGaussianMixture(codes, { latentSize: d, components: 1, covariance: "full", weight: 3 });
    assert.ok(full.converged);
    assert.is(full.prior.weight, 3);
    assert.equal(full.prior.weights, [1]);
    assertClose(full.prior.means, mean, tolerance, "means");
    assertClose(full.prior.covariances, expected, tolerance, "covariances");
    const own = fitGaussianMixture(codes, { latentSize: d, components: 1 });
    assertClose(own.prior.stds, diagonal(expected, d).map(Math.sqrt), tolerance, "stds");
    // At the maximum of the likelihood the mean squared distance is d.
    const { logDet } = eliminate(expected, mean);
    assertClose(
      [full.logLikelihood],
      [-(d + logDet + d * Math.log(2 * Math.PI)) / 2],
      1e-11 * d,
      "likelihood",
    );
  }
});

test("fitGaussianMixture: the log-likelihood is that of the prior it returns, with all constants", () => {
  for (const d of SIZES) {
    for (const covariance of ["diagonal", "full"] as const) {
      const codes = correlatedCodes(d, 120, d);
      const fit = fitGaussianMixture(codes, { latentSize: d, components: 3, covariance, maxIterations: 7 });
      const expected = referenceLogLikelihood(codes, fit.prior);
      assertClose([fit.logLikelihood], [expected], 1e-8 * Math.abs(expected), `d = ${d}, ${covariance}`);
    }
  }
});

test("fitGaussianMixture: the log-likelihood never falls, nor where components collapse", () => {
  const cases: [name: string, codes: Float32Array, d: number, components: number][] = [
    ["clusters", knownCodes(1, 300), 2, 3],
    ["too many components", knownCodes(2, 60), 2, 12],
    ["correlated", correlatedCodes(3, 120, 5), 5, 4],
    // Three codes, each many times: every component collapses onto one.
    ["copies", Float32Array.from({ length: 90 }, (_, at) => [0, 0, 1, 5, -2, 3][at % 6]!), 2, 3],
    // All on a line, and a code far away.
    ["line", Float32Array.from({ length: 120 }, (_, at) => (at < 2 ? 500 : ((at >> 1) * 0.37) % 5)), 2, 3],
  ];
  for (const [name, codes, d, components] of cases) {
    for (const covariance of ["diagonal", "full"] as const) {
      let before = Number.NEGATIVE_INFINITY;
      for (let iterations = 1; iterations <= 25; iterations++) {
        const fit = fitGaussianMixture(codes, {
          latentSize: d,
          components,
          covariance,
          seed: 5,
          maxIterations: iterations,
          tolerance: 0,
        });
        assert.ok(fit.iterations <= iterations && Number.isFinite(fit.logLikelihood));
        const least = before - 1e-9 * Math.max(1, Math.abs(before));
        assert.ok(
          fit.logLikelihood >= least,
          `${name}, ${covariance}: ${before} fell to ${fit.logLikelihood} at ${iterations}`,
        );
        before = fit.logLikelihood;
      }
    }
  }
});

/** One iteration from a prior on, code by code and component by component, in the codes' own units. */
function referenceStep(codes: Float32Array, { weights, means, covariances }: GaussianMixturePrior) {
  const d = means.length / weights.length;
  const rows = Array.from({ length: codes.length / d }, (_, n) => [...codes.slice(n * d, (n + 1) * d)]);
  const densities = rows.map((row) =>
    weights.map((share, k) => {
      const x = row.map((value, i) => value - means[k * d + i]!);
      const { solved, logDet } = eliminate(covariances!.slice(k * d * d, (k + 1) * d * d), x);
      return share * Math.exp(-(x.reduce((sum, value, i) => sum + value * solved[i]!, 0) + logDet) / 2);
    }),
  );
  const components = weights.map((_, k) => {
    const parts = densities.map((own) => own[k]! / own.reduce((sum, value) => sum + value, 0));
    const sum = parts.reduce((total, part) => total + part, 0);
    const over = (f: (row: number[]) => number) =>
      rows.reduce((total, row, n) => total + parts[n]! * f(row), 0) / sum;
    const mean = Array.from({ length: d }, (_, i) => over((row) => row[i]!));
    const covariance = Array.from({ length: d * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d];
      return over((row) => (row[i]! - mean[i]!) * (row[j]! - mean[j]!));
    });
    return { share: sum / rows.length, mean, covariance };
  });
  return components.sort((a, b) => b.share - a.share);
}

test("fitGaussianMixture: an iteration is that of the reference", () => {
  for (const [d, codes] of [
    [1, correlatedCodes(11, 60, 1)],
    [2, knownCodes(6, 100)],
    [3, correlatedCodes(12, 90, 3)],
  ] as const) {
    const fit = (maxIterations: number) =>
      fitGaussianMixture(codes, {
        latentSize: d,
        components: 3,
        covariance: "full",
        maxIterations,
        tolerance: 0,
      });
    for (const iterations of [1, 2, 5]) {
      const next = fit(iterations + 1);
      // Clusters that are apart are at rest after five: another iteration leaves them there.
      assert.ok(next.iterations === iterations + 1 || (d === 2 && next.converged));
      const expected = referenceStep(codes, fit(iterations).prior);
      const what = `d = ${d}, ${iterations} iterations`;
      assertClose(
        next.prior.weights,
        expected.map(({ share }) => share),
        1e-10,
        what,
      );
      assertClose(
        next.prior.means,
        expected.flatMap(({ mean }) => mean),
        1e-9,
        what,
      );
      assertClose(
        next.prior.covariances,
        expected.flatMap(({ covariance }) => covariance),
        1e-9,
        what,
      );
    }
  }
});

test("fitGaussianMixture: codes on a line have the floor across it, and their own variance along it", () => {
  const count = 21;
  const codes = Float32Array.from({ length: 2 * count }, (_, at) => at >> 1);
  const { prior } = fitGaussianMixture(codes, {
    latentSize: 2,
    components: 1,
    covariance: "full",
    varianceFloor: 0.01,
  });
  // Where each coordinate has the unbiased variance 1: 2(n - 1)/n along (1, 1)/√2, and 0.01 along (1, -1)/√2.
  const [along, across] = [(2 * (count - 1)) / count, 0.01];
  const variance = (count * (count + 1)) / 12;
  const [own, shared] = [(variance * (along + across)) / 2, (variance * (along - across)) / 2];
  assertClose(prior.covariances, [own, shared, shared, own], 1e-11, "covariance");
});

test("fitGaussianMixture: components that collapse have the variance of the floor", () => {
  const codes = Float32Array.from({ length: 90 }, (_, at) => [0, 0, 1, 5, -2, 3][at % 6]!);
  const { covariance } = referenceMoments(codes, 2);
  const stds = diagonal(covariance, 2).map(Math.sqrt);
  for (const varianceFloor of [1e-6, 1e-3]) {
    const options = { latentSize: 2, components: 3, varianceFloor };
    const { prior, converged } = fitGaussianMixture(codes, options);
    assert.ok(converged);
    const expected = [0, 1, 2].flatMap(() => stds.map((std) => std * Math.sqrt(varianceFloor)));
    assertClose(prior.stds, expected, 1e-9, "stds");
    assertClose(prior.weights, [1 / 3, 1 / 3, 1 / 3], 1e-9, "shares");
    const full = fitGaussianMixture(codes, { ...options, covariance: "full" }).prior;
    const matrix = [stds[0]! ** 2 * varianceFloor, 0, 0, stds[1]! ** 2 * varianceFloor];
    assertClose(full.covariances, [...matrix, ...matrix, ...matrix], 1e-9, "covariances");
  }
});

test("fitGaussianMixture: a known mixture is recovered from many codes", () => {
  const count = 20_000;
  const codes = knownCodes(7, count);
  const fit = fitGaussianMixture(codes, { latentSize: 2, components: 3, covariance: "full", seed: 1 });
  assert.ok(fit.converged, `${fit.iterations} iterations`);
  // Five standard errors, of 4,000 codes at least and a standard deviation of 2 at most.
  const tolerance = (5 * 2) / Math.sqrt(4000);
  assertClose(fit.prior.weights, KNOWN.shares, 5 * Math.sqrt(0.25 / count), "shares");
  assertClose(fit.prior.means, KNOWN.means.flat(), tolerance, "means");
  KNOWN.factors.forEach(([a, , b, c], k) => {
    const expected = [a! * a!, a! * b!, a! * b!, b! * b! + c! * c!];
    const own = fit.prior.covariances!.slice(4 * k, 4 * k + 4);
    assertClose(own, expected, (5 * 4 * Math.SQRT2) / Math.sqrt(4000), `covariance ${k}`);
  });
  // The greatest likelihood is at least that of the mixture they were drawn from.
  const covariances = KNOWN.factors.flatMap(([a, , b, c]) => [a! * a!, a! * b!, a! * b!, b! * b! + c! * c!]);
  const truth = { ...fit.prior, weights: KNOWN.shares, means: KNOWN.means.flat(), covariances };
  assert.ok(fit.logLikelihood >= referenceLogLikelihood(codes, truth));
});

test("fitGaussianMixture: the order of the codes does not matter where the clusters are apart", () => {
  const codes = knownCodes(8, 2000);
  for (const covariance of ["diagonal", "full"] as const) {
    const options = { latentSize: 2, components: 3, covariance, tolerance: 1e-13, maxIterations: 2000 };
    const [a, b] = [fitGaussianMixture(codes, options), fitGaussianMixture(reversed(codes, 2), options)];
    assert.ok(a.converged && b.converged);
    assertClose([a.logLikelihood], [b.logLikelihood], 1e-9, "likelihood");
    // They are sorted by their shares.
    assertClose(a.prior.weights, b.prior.weights, 1e-4, "shares");
    assertClose(a.prior.means, b.prior.means, 1e-4, "means");
  }
});

test("fitGaussianMixture: units do not matter but for the density's", () => {
  const codes = knownCodes(9, 400);
  const scaled = codes.map((value, at) => value * (at % 2 === 0 ? 2 ** -30 : 2 ** 12));
  const options = { latentSize: 2, components: 3, covariance: "full" } as const;
  const [own, other] = [fitGaussianMixture(codes, options), fitGaussianMixture(scaled, options)];
  assert.is(other.iterations, own.iterations);
  assertClose([other.logLikelihood], [own.logLikelihood + 18 * Math.LN2], 1e-9, "likelihood");
});

test("fitGaussianMixture: a seed gives the same prior, and codes are not changed", () => {
  const codes = knownCodes(3, 200);
  const copy = codes.slice();
  const fit = (seed?: number) =>
    fitGaussianMixture(codes, {
      latentSize: 2,
      components: 6,
      maxIterations: 5,
      ...(seed !== undefined && { seed }),
    });
  assert.equal(fit(3), fit(3));
  assert.equal(fit(), fit(0));
  assert.not.equal(fit(3).prior, fit(4).prior);
  assert.equal(codes, copy);
  const { weights } = fit(3).prior;
  assert.equal(
    weights,
    [...weights].sort((a, b) => b - a),
  );
});

test("fitGaussianMixture: it says whether it has converged", () => {
  const codes = knownCodes(5, 500);
  const options = { latentSize: 2, components: 4 };
  const short = fitGaussianMixture(codes, { ...options, maxIterations: 2 });
  assert.equal([short.converged, short.iterations], [false, 2]);
  const loose = fitGaussianMixture(codes, { ...options, tolerance: 100 });
  assert.equal([loose.converged, loose.iterations], [true, 1]);
  const whole = fitGaussianMixture(codes, options);
  assert.ok(whole.converged && whole.iterations > 2 && whole.logLikelihood > short.logLikelihood);
});

test("fitGaussianMixture: what cannot be fitted is refused, with what to do", () => {
  const codes = correlatedCodes(1, 20, 3);
  const sizes = { latentSize: 3, components: 2 };
  const wrong = (given: unknown, options: unknown, message: RegExp) =>
    refused(() => fitGaussianMixture(given as never, options as never), "invalid_argument", message);
  wrong(
    codes,
    undefined,
    /^fitGaussianMixture: options are undefined, expected \{ latentSize, components \}$/,
  );
  wrong(codes, { ...sizes, shrinkage: 0.1 }, /unknown option "shrinkage"/);
  wrong(codes, { latentSize: 3 }, /components is undefined, expected an integer >= 1/);
  wrong(
    codes,
    { ...sizes, components: 21 },
    /20 codes of 3 values, expected at least 21; .*fewer components$/,
  );
  wrong(codes, { ...sizes, seed: -1 }, /seed is -1/);
  wrong(codes, { ...sizes, covariance: "tied" }, /covariance is "tied", expected "diagonal" or "full"/);
  wrong(codes, { ...sizes, maxIterations: 0 }, /maxIterations is 0, expected an integer >= 1/);
  wrong(codes, { ...sizes, tolerance: -1 }, /tolerance is -1, expected a finite number >= 0/);
  wrong(
    codes,
    { ...sizes, varianceFloor: 0 },
    /varianceFloor is 0, expected a finite number >= 1e-8 and <= 1/,
  );
  wrong(codes, { ...sizes, weight: -1 }, /^fitGaussianMixture: weight is -1/);
  wrong({ z: codes }, sizes, /^fitGaussianMixture: codes is an object, .*; give its member \.z$/);
  const holed = codes.slice();
  holed[7] = Number.NaN;
  wrong(holed, sizes, /codes is NaN at sample 2, element 1, expected finite numbers/);
  wrong(
    codes.map((value, at) => (at % 3 === 1 ? 0.1 : value)),
    sizes,
    /codes has a constant element 1/,
  );
  wrong(
    codes,
    { ...sizes, components: 7, covariance: "full" },
    /expected at least 22 for 7 full covariances/,
  );
  const copies = Float32Array.from({ length: 60 }, (_, at) => [0, 0, 1, 5, -2, 3][at % 6]!);
  wrong(copies, { latentSize: 2, components: 4 }, /has 3 different codes, expected at least 4, one for each/);
});

test("eigenvalues: of the second difference, which are known; vectors of length 1 at right angles", () => {
  for (const d of SIZES) {
    const matrix = Float64Array.from({ length: d * d }, (_, at) => {
      const off = Math.abs(Math.floor(at / d) - (at % d));
      return off === 0 ? 2 : off === 1 ? -1 : 0;
    });
    const { values, vectors } = eigenvalues(matrix, d);
    const expected = Array.from({ length: d }, (_, k) => 2 - 2 * Math.cos((Math.PI * (k + 1)) / (d + 1)));
    assertClose(values.slice().sort(), expected, 1e-13, `d = ${d}`);
    for (let k = 0; k < d; k++) {
      const row = vectors.subarray(k * d, (k + 1) * d);
      for (let i = 0; i < d; i++) {
        const other = vectors.subarray(i * d, (i + 1) * d);
        const product = row.reduce((sum, value, j) => sum + value * other[j]!, 0);
        assertClose([product], [Number(i === k)], 1e-13, "right angles");
        const image = row.reduce((sum, value, j) => sum + matrix[i * d + j]! * value, 0);
        assertClose([image], [values[k]! * row[i]!], 1e-13, "an eigenvector");
      }
    }
    const raised = matrix.slice();
    raiseEigenvalues(raised, d, 1);
    const after = eigenvalues(raised, d).values.sort();
    assertClose(
      after,
      expected.map((value) => Math.max(value, 1)),
      1e-12,
      "raised",
    );
    const untouched = matrix.slice();
    raiseEigenvalues(untouched, d, 0);
    assert.equal(untouched, matrix);
  }
});

test.run();
