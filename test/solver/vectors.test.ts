// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AmdOptions, amd, type Decoder, encode, type Loss, type Reduction } from "../../src/index.ts";
import { allRows } from "../../src/solver/objective.ts";
import { builds } from "../support/builds.ts";
import { bindObjective } from "../support/objective.ts";
import { relativeDistance } from "../support/reference.ts";
import { loadVectors, type ValueVectors, VECTOR_NAMES, vectorLoss } from "../support/vectors.ts";

// Results of an independent program in double precision.

interface Run {
  sample: number;
  status: string;
  steps: number;
  dt_first: number[];
  backtracks_first?: number[];
  loss_at: Record<string, number>;
  z_at: Record<string, number[]>;
}

interface Vectors extends ValueVectors {
  amd: { runs: (Run & { tau: number; grow_from: "accepted" | "trial" })[] };
  amd_variants?: {
    label: string;
    options: AmdOptions & { reduction: Reduction };
    weights: number[] | number[][] | null;
    z0: number[][] | null;
    loss_at_z: number[];
    grad_at_z: number[][];
    runs: Run[];
  }[];
}

const LOSS_TOLERANCE = 1e-5;
/**
 * For runs whose first step is 10 or 40 long. They throw z to where tanh and ELU are flat, and amplify what
 * float32 rounds: their steps and backtracks still agree, their losses no longer to 1e-5 after the second step.
 */
const LONG_STEP_TOLERANCE = 2e-3;
/** Up to here float32 takes the steps of float64; later ones near the stability limit amplify rounding. */
const EXACT_STEPS = 20;

function near(got: number, expected: number, tolerance: number, label: string): void {
  const error = Math.abs(got - expected) / Math.abs(expected);
  assert.ok(error <= tolerance, `${label}: ${got}, expected ${expected}, off by ${error}`);
}

for (const build of builds) {
  for (const name of VECTOR_NAMES) {
    test(`${build.name}: ${name}: values and gradients`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      const { z, loss, grad_z } = vectors.value_and_gradient;
      await checkObjective(decoder, vectorLoss(vectors), y, undefined, z, loss, grad_z);
    });

    test(`${build.name}: ${name}: AMD runs`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      for (const run of vectors.amd.runs) {
        const options = { t1: run.tau, growFrom: run.grow_from };
        await checkRun(decoder, vectorLoss(vectors), y, undefined, undefined, options, run);
      }
    });
  }

  for (const name of ["tiny-bce-elu", "tiny-mse-tanh"]) {
    test(`${build.name}: ${name}: AMD with other options, weights, starts and sums`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      for (const variant of vectors.amd_variants!) {
        const { reduction, ...options } = variant.options;
        const loss = vectorLoss(vectors, reduction);
        const weights = variant.weights ? Float32Array.from(variant.weights.flat()) : undefined;
        const z0 = variant.z0 ? Float32Array.from(variant.z0.flat()) : undefined;
        const { z } = vectors.value_and_gradient;
        await checkObjective(decoder, loss, y, weights, z, variant.loss_at_z, variant.grad_at_z);
        for (const run of variant.runs) await checkRun(decoder, loss, y, weights, z0, options, run);
      }
    });
  }

  async function checkObjective(
    decoder: Decoder,
    loss: Loss,
    y: Float32Array,
    weights: Float32Array | undefined,
    z: number[][],
    values: number[],
    gradients: number[][],
  ): Promise<void> {
    const objective = await bindObjective(build.backend, decoder, loss, y, weights);
    const rows = allRows(z.length);
    const gotValues = await objective.value(rows, Float64Array.from(z.flat()));
    const gotGradients = await objective.gradient(rows);
    values.forEach((value, i) => {
      near(gotValues[i]!, value, 1e-5, `value of sample ${i}`);
      const got = gotGradients.subarray(i * decoder.latentSize, (i + 1) * decoder.latentSize);
      const error = relativeDistance(got, gradients[i]!);
      assert.ok(error <= 1e-5, `gradient of sample ${i} off by ${error}`);
    });
  }

  /** One sample's run: its steps one by one as far as they are exact, its losses, its end. */
  async function checkRun(
    decoder: Decoder,
    loss: Loss,
    y: Float32Array,
    weights: Float32Array | undefined,
    z0: Float32Array | undefined,
    options: AmdOptions,
    run: Run,
  ): Promise<void> {
    const row = (values: Float32Array, size: number) =>
      values.length === size ? values : values.subarray(run.sample * size, (run.sample + 1) * size);
    const { latentSize, outputSize } = decoder;
    const encodeSteps = (maxSteps?: number) =>
      encode(decoder, row(y, outputSize), {
        loss,
        ...(weights && { weights: row(weights, outputSize) }),
        ...(z0 && { z0: row(z0, latentSize) }),
        solver: amd({ ...options, ...(maxSteps !== undefined && { maxSteps }) }),
        backend: build.backend,
      });
    const label = `sample ${run.sample} (${JSON.stringify(options)})`;

    let t = 0;
    let backtracks = 0;
    const steps = Math.min(EXACT_STEPS, run.steps, run.dt_first.length);
    for (let step = 1; step <= steps; step++) {
      const { stats } = await encodeSteps(step);
      const dt = stats.t[0]! - t;
      near(dt, run.dt_first[step - 1]!, 1e-9, `${label}: step ${step}`);
      if (run.backtracks_first) {
        const taken = stats.backtracks[0]! - backtracks;
        assert.is(taken, run.backtracks_first[step - 1], `${label}: backtracks of step ${step}`);
      }
      t = stats.t[0]!;
      backtracks = stats.backtracks[0]!;
    }
    const tolerance = (options.stepInit ?? 1) >= 10 ? LONG_STEP_TOLERANCE : LOSS_TOLERANCE;
    for (const [step, expected] of Object.entries(run.loss_at)) {
      if (Number(step) > EXACT_STEPS) continue;
      near((await encodeSteps(Number(step))).loss[0]!, expected, tolerance, `${label}: loss at ${step}`);
    }
    const end = (await encodeSteps()).loss[0]!;
    const expectedEnd = run.loss_at[run.steps]!;
    assert.ok(end <= expectedEnd * (1 + 2e-3), `${label}: ends at ${end}, expected ${expectedEnd}`);
  }
}

test.run();
