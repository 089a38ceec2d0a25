// Tests src/terms/residual.ts, src/terms/principal-components.ts, src/api/fit-residual.ts, src/api/residual-file.ts.

// The covariance of a residual against float64, its file, and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createDecoder,
  decode,
  encode,
  fitResidual,
  loadResidual,
  type Residual,
  residualToSafetensors,
} from "../../src/index.ts";
import { residualOf } from "../../src/terms/residual.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";

const folder = mkdtempSync(join(tmpdir(), "latentflow-residual-"));
test.after(() => rmSync(folder, { recursive: true }));

function made(values: Float32Array, n: number, rank: number): Residual {
  const steps = residualOf(values, n, rank);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** Covariance Σ u·uᵀ + diag(v), [n, n]. */
function covarianceOf({ components, variances }: Residual): number[][] {
  const n = variances.length;
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (__, j) => {
      let sum = i === j ? variances[i]! : 0;
      for (let k = 0; k * n < components.length; k++) sum += components[k * n + i]! * components[k * n + j]!;
      return sum;
    }),
  );
}

/** Mean and covariance, with count - 1, in float64. */
function momentsOf(values: Float32Array, n: number) {
  const count = values.length / n;
  const mean = Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += values[row * n + i]!;
    return sum / count;
  });
  const covariance = mean.map((ownMean, i) =>
    mean.map((otherMean, j) => {
      let sum = 0;
      for (let row = 0; row < count; row++) {
        sum += (values[row * n + i]! - ownMean) * (values[row * n + j]! - otherMean);
      }
      return sum / (count - 1);
    }),
  );
  return { mean, covariance };
}

/** Rows of three directions of falling variance, a mean, and a little noise of different size for each number. */
function rowsOf(count: number, n: number, noise: number): Float32Array {
  const directions = randomArray(1, 3 * n, -1, 1);
  const scores = randomArray(2, 3 * count, -1, 1);
  const rest = randomArray(3, count * n, -noise, noise);
  return Float32Array.from({ length: count * n }, (_, at) => {
    const [row, i] = [Math.floor(at / n), at % n];
    const sum = [3, 1, 0.5].reduce(
      (all, size, k) => all + size * scores[3 * row + k]! * directions[k * n + i]!,
      Math.cos(i),
    );
    return sum + (1 + (i % 3)) * rest[at]!;
  });
}

for (const n of [1, 3, 5, 17]) {
  for (const count of [2, 5, 40]) {
    test(`[${count}, ${n}]: mean and diagonal are float64's for every rank, and all is with all components`, () => {
      const values = rowsOf(count, n, 0.1);
      const wanted = momentsOf(values, n);
      const largest = Math.max(...wanted.covariance.map((row, i) => row[i]!));
      for (const rank of [1, 3, count]) {
        const residual = made(values, n, rank);
        residual.mean.forEach((value, i) => {
          assert.ok(Math.abs(value - wanted.mean[i]!) < 1e-5);
        });
        const got = covarianceOf(residual);
        got.forEach((row, i) => {
          row.forEach((value, j) => {
            // The diagonal is kept above 1e-4 of its mean.
            if (i === j || rank >= Math.min(count, n)) {
              assert.ok(
                Math.abs(value - wanted.covariance[i]![j]!) < 3e-4 * largest,
                `rank ${rank}, ${i}, ${j}: ${value} instead of ${wanted.covariance[i]![j]}`,
              );
            }
          });
        });
        residual.variances.forEach((value) => {
          assert.ok(value > 0);
        });
      }
    });
  }
}

test("three components hold what three directions vary", () => {
  const values = rowsOf(200, 17, 0.01);
  const wanted = momentsOf(values, 17).covariance;
  const got = covarianceOf(made(values, 17, 3));
  const [error, size] = [0, 1].map((which) =>
    Math.sqrt(
      wanted.reduce(
        (sum, row, i) =>
          sum + row.reduce((all, value, j) => all + (which ? value : value - got[i]![j]!) ** 2, 0),
        0,
      ),
    ),
  );
  assert.ok(error! < 1e-3 * size!, `${error} of ${size}`);
});

test("residuals that are all alike, or zero, have a covariance that can be inverted", () => {
  for (const value of [0, 3]) {
    for (const rank of [1, 2, 8]) {
      const residual = made(new Float32Array(4 * 3).fill(value), 3, rank);
      assert.equal([...residual.mean], [value, value, value]);
      residual.variances.forEach((each) => {
        assert.ok(each > 0 && each < 1e-6);
      });
      assert.ok(residual.components.every((each) => Math.abs(each) < 1e-5));
    }
  }
});

test("fitResidual: the residual of the codes that encode finds", async () => {
  const decoder = createDecoder({ layers: [2, 9], loss: "mse", seed: 1 });
  const x = randomArray(5, 30 * 9, -1, 1);
  const calls: number[] = [];
  const residual = await fitResidual(decoder, x, { rank: 100, onProgress: ({ done }) => calls.push(done) });
  const { z } = await encode(decoder, x, { loss: "mse" });
  const outputs = await decode(decoder, z);
  const wanted = momentsOf(
    x.map((value, i) => value - outputs[i]!),
    9,
  );
  covarianceOf(residual).forEach((row, i) => {
    row.forEach((value, j) => {
      assert.ok(Math.abs(value - wanted.covariance[i]![j]!) < 1e-4);
    });
  });
  assert.is(calls.at(-1), 30);
});

test("fitResidual refuses missing values, one sample, and a rank of 0", async () => {
  const decoder = createDecoder({ layers: [2, 9], loss: "mse" });
  const x = randomArray(5, 18, -1, 1);
  await rejected(fitResidual(decoder, x.slice(9)), "invalid_argument", /samples.*two/);
  await rejected(fitResidual(decoder, x, { rank: 0 }), "invalid_argument", /rank is 0/);
  await rejected(
    fitResidual(
      decoder,
      x.map((value, i) => (i === 3 ? Number.NaN : value)),
    ),
    "invalid_argument",
    /NaN/,
  );
  const aborted = await fitResidual(decoder, x, { signal: AbortSignal.abort() }).catch(
    (error: Error) => error,
  );
  assert.is((aborted as Error).name, "AbortError");
});

test("a file restores the same bits, from bytes and from a path; torn and foreign files are refused", async () => {
  const residual = made(rowsOf(20, 5, 0.1), 5, 3);
  const bytes = residualToSafetensors(residual);
  const path = join(folder, "residual.safetensors");
  writeFileSync(path, bytes);
  for (const source of [bytes, path]) {
    const { mean, components, variances } = await loadResidual(source);
    assert.equal({ mean, components, variances }, { ...residual });
  }
  for (const length of [0, 7, 40, bytes.length - 1]) {
    await rejected(loadResidual(bytes.slice(0, length)), "invalid_file", /./);
  }
  const decoder = createDecoder({ layers: [2, 5], loss: "mse" });
  await rejected(loadResidual(decoder.toSafetensors()), "invalid_file", /holds no residual/);
  await rejected(loadResidual(join(folder, "none")), "not_found", /none/);
  const text = new TextDecoder("latin1").decode(bytes);
  const wrong = Uint8Array.from(text.replace('"variances"', '"variancez"'), (c) => c.charCodeAt(0));
  await rejected(loadResidual(wrong), "invalid_file", /variances/);
  const negative = residualToSafetensors(residual);
  new DataView(negative.buffer).setFloat32(negative.length - 4, -1, true);
  await rejected(loadResidual(negative), "invalid_file", /variances\[4\] is -1/);
});

test("residualToSafetensors refuses what is no residual", () => {
  const residual = made(rowsOf(20, 5, 0.1), 5, 3);
  for (const wrong of [
    undefined,
    null,
    3,
    {},
    { ...residual, mean: [1, 2] },
    { ...residual, variances: new Float32Array(4) },
    { ...residual, variances: new Float32Array(5) },
    { ...residual, components: new Float32Array(7) },
    { ...residual, components: new Float32Array(10).fill(Number.NaN) },
  ]) {
    assert.throws(
      () => residualToSafetensors(wrong as never),
      (error: Error & { code?: string }) =>
        error.code === "invalid_argument" && /residual/.test(error.message),
    );
  }
});

test.run();
