// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AmdOptions,
  amd,
  type Decoder,
  type EncodeResult,
  encode,
  type Loss,
  type Reduction,
} from "../../src/index.ts";
import { allRows } from "../../src/solver/objective.ts";
import { builds } from "../support/builds.ts";
import { bindObjective } from "../support/objective.ts";
import { relativeDistance } from "../support/reference.ts";
import { loadVectors, type ValueVectors, VECTOR_NAMES, vectorLoss } from "../support/reference-vectors.ts";

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
      const optionsOf = ({ tau, grow_from }: (typeof vectors.amd.runs)[number]) => ({
        t1: tau,
        growFrom: grow_from,
      });
      const kinds = new Set(vectors.amd.runs.map((run) => JSON.stringify(optionsOf(run))));
      for (const kind of kinds) {
        const runs = vectors.amd.runs.filter((run) => JSON.stringify(optionsOf(run)) === kind);
        const options = optionsOf(runs[0]!);
        await checkRuns(decoder, vectorLoss(vectors), y, undefined, undefined, options, runs);
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
        await checkRuns(decoder, loss, y, weights, z0, options, variant.runs);
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

  /** The samples' runs by some options: their steps one by one as far as they are exact, their losses, their ends. */
  async function checkRuns(
    decoder: Decoder,
    loss: Loss,
    y: Float32Array,
    weights: Float32Array | undefined,
    z0: Float32Array | undefined,
    options: AmdOptions,
    runs: readonly Run[],
  ): Promise<void> {
    const encodeSteps = (maxSteps?: number) =>
      encode(decoder, y, {
        loss,
        ...(weights && { weights }),
        ...(z0 && { z0 }),
        solver: amd({ ...options, ...(maxSteps !== undefined && { maxSteps }) }),
        backend: build.backend,
      });
    // Results after no step, 1 step, 2 steps, …; all samples at once, since none depends on the others.
    const after: EncodeResult[] = [];
    for (let step = 0; step <= EXACT_STEPS; step++) after.push(await encodeSteps(step));
    const end = await encodeSteps();

    for (const run of runs) {
      const { sample } = run;
      const label = `sample ${sample} (${JSON.stringify(options)})`;
      let t = 0;
      let backtracks = 0;
      const steps = Math.min(EXACT_STEPS, run.steps, run.dt_first.length);
      for (let step = 1; step <= steps; step++) {
        const { stats } = after[step]!;
        near(stats.t[sample]! - t, run.dt_first[step - 1]!, 1e-9, `${label}: step ${step}`);
        if (run.backtracks_first) {
          const taken = stats.backtracks[sample]! - backtracks;
          assert.is(taken, run.backtracks_first[step - 1], `${label}: backtracks of step ${step}`);
        }
        t = stats.t[sample]!;
        backtracks = stats.backtracks[sample]!;
      }
      const tolerance = (options.stepInit ?? 1) >= 10 ? LONG_STEP_TOLERANCE : LOSS_TOLERANCE;
      for (const [step, expected] of Object.entries(run.loss_at)) {
        if (Number(step) > EXACT_STEPS) continue;
        near(after[Number(step)]!.loss[sample]!, expected, tolerance, `${label}: loss at ${step}`);
      }
      const expectedEnd = run.loss_at[run.steps]!;
      const endLoss = end.loss[sample]!;
      assert.ok(endLoss <= expectedEnd * (1 + 2e-3), `${label}: ends at ${endLoss}, expected ${expectedEnd}`);
    }
  }
}

test.run();
