// run: slow
// Tests assembly/solve/rounds.ts, assembly/solve/dispatch.ts, src/solver/minimise.ts, src/solver/system.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  binaryCrossEntropy,
  createDecoder,
  decode,
  type EncodeOptions,
  type EncodeResult,
  encode,
} from "../../src/index.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { solverCases, T1 } from "../support/solvers.ts";

// What every solver holds to, with every flow that it follows. Their numbers are held in flow.test.ts.

const decoder = createDecoder({
  layers: [3, 17, 9],
  seed: 3,
  outputActivation: "sigmoid",
  loss: binaryCrossEntropy({ reduction: "sum" }),
});
const SAMPLES = 13;
const y = randomArray(1, SAMPLES * 9, 0, 1);
const z0 = randomArray(2, SAMPLES * 3, -3, 3);

function rowsOf(values: ArrayLike<number>, i: number, size: number): number[] {
  return Array.from(values).slice(i * size, (i + 1) * size);
}

/** Everything of a result that is one sample's own. */
function sampleOf(result: EncodeResult, i: number) {
  const { stats } = result;
  return {
    ...wayOf(result, i),
    valueEvaluations: stats.valueEvaluations[i],
    gradientEvaluations: stats.gradientEvaluations[i],
    trajectory: result.trajectory?.[i],
  };
}

/** The same without what is kept on the way, and what that costs. */
function wayOf(result: EncodeResult, i: number) {
  const { stats } = result;
  return {
    z: rowsOf(result.z, i, 3),
    v: result.v && rowsOf(result.v, i, 3),
    loss: result.loss[i],
    initialLoss: result.initialLoss[i],
    gradientNorm: result.gradientNorm[i],
    status: result.status[i],
    acceptedSteps: stats.acceptedSteps[i],
    backtracks: stats.backtracks[i],
    t: stats.t[i],
  };
}

const everySample = Array.from({ length: SAMPLES }, (_, i) => i);
const TIMES = [0, 0.001, 0.002, 7, 19.5, 39.999, T1];

for (const { name, backend } of builds) {
  for (const { name: caseName, options: flowAndSolver, passesPerStep } of solverCases) {
    const label = `${name}: ${caseName}`;
    const solve = (options: Omit<EncodeOptions, "flow" | "solver"> = {}) =>
      encode(decoder, y, { z0, backend, ...options, ...flowAndSolver });

    test(`${label}: alone or among others, at any batchSize`, async () => {
      for (const saveAt of [undefined, TIMES, "steps"] as const) {
        const save = saveAt && { saveAt };
        const all = await solve({ ...save });
        for (const batchSize of [1, 5, 12]) {
          const result = await solve({ ...save, batchSize });
          for (const i of everySample) assert.equal(sampleOf(result, i), sampleOf(all, i), `${batchSize}`);
        }
        for (const i of [0, 12]) {
          const [own, start] = [y.slice(9 * i, 9 * i + 9), z0.slice(3 * i, 3 * i + 3)];
          const alone = await encode(decoder, own, { z0: start, backend, ...save, ...flowAndSolver });
          assert.equal(sampleOf(alone, 0), sampleOf(all, i), `sample ${i} alone`);
        }
      }
    });

    test(`${label}: t1 is reached, and the counts add up`, async () => {
      const { status, stats, loss, initialLoss, v } = await solve();
      assert.is(v !== undefined, flowAndSolver.flow?.name === "nesterovFlow");
      for (const i of everySample) {
        assert.is(status[i], "reached_t1");
        assert.is(stats.t[i], T1);
        assert.ok(loss[i]! < initialLoss[i]!, "the loss has fallen");
        const accepted = stats.acceptedSteps[i]!;
        const passes = passesPerStep * (accepted + stats.backtracks[i]!);
        assert.ok(accepted > 1);
        assert.is(stats.valueEvaluations[i], 1 + passes);
        // AMD goes back once for each accepted step, the others for each pass forward; and all once where they end.
        assert.is(stats.gradientEvaluations[i], (caseName === "amd" ? accepted : passes) + 1);
      }
    });

    test(`${label}: the loss is that of z`, async () => {
      const { z, loss } = await solve();
      const data = await decode(decoder, z, { backend });
      for (const i of everySample) {
        const expected = rowsOf(data, i, 9).reduce((sum, p, k) => {
          const target = y[9 * i + k]!;
          return sum - target * Math.log(p) - (1 - target) * Math.log(1 - p);
        }, 0);
        assert.ok(Math.abs(loss[i]! / expected - 1) < 1e-5, `${loss[i]}, expected ${expected}`);
      }
    });

    test(`${label}: saveAt keeps points and changes nothing else`, async () => {
      const plain = await solve();
      assert.is(plain.trajectory, undefined);
      const steps = await solve({ saveAt: "steps" });
      const times = await solve({ saveAt: TIMES });
      const float64 = await solve({ saveAt: Float64Array.from(TIMES) });
      assert.equal(float64.trajectory, times.trajectory);
      for (const i of everySample) {
        for (const result of [steps, times]) {
          assert.equal(wayOf(result, i), wayOf(plain, i));
          const { t, z, loss } = result.trajectory![i]!;
          assert.is(z.length, 3 * t.length);
          assert.is(loss.length, t.length);
          assert.is(t[0], 0);
          assert.equal(rowsOf(z, 0, 3), rowsOf(z0, i, 3), "the way starts at z0");
          assert.is(loss[0], plain.initialLoss[i]);
          assert.is(t.at(-1), T1);
          assert.equal(rowsOf(z, t.length - 1, 3), rowsOf(plain.z, i, 3), "and ends at the result");
          assert.is(loss.at(-1), plain.loss[i]);
        }
        assert.equal(Array.from(times.trajectory![i]!.t), TIMES);
        const way = steps.trajectory![i]!;
        assert.is(way.t.length, plain.stats.acceptedSteps[i]! + 1);
        // A step that branches off to a time where a step ends is that step itself.
        assert.equal((await solve({ saveAt: way.t })).trajectory![i], way);
        assert.is(steps.stats.valueEvaluations[i], plain.stats.valueEvaluations[i]);
        assert.ok(times.stats.valueEvaluations[i]! > plain.stats.valueEvaluations[i]!);
      }
    });

    test(`${label}: an abort leaves the last accepted step`, async () => {
      let done = 0;
      const controller = new AbortController();
      const onProgress = (progress: { done: number }) => {
        done = progress.done;
        controller.abort();
      };
      const cut = await solve({ batchSize: 4, signal: controller.signal, onAbort: "return", onProgress });
      const whole = await solve({ saveAt: "steps" });
      assert.ok(done >= 1 && done < SAMPLES);
      const aborted = cut.status.filter((status) => status === "aborted").length;
      assert.ok(aborted > 0, `${aborted} aborted`);
      for (const i of everySample) {
        const way = whole.trajectory![i]!;
        const step = cut.stats.acceptedSteps[i]!;
        assert.equal(rowsOf(cut.z, i, 3), rowsOf(way.z, step, 3));
        assert.is(cut.stats.t[i], way.t[step]);
        if (!Number.isNaN(cut.initialLoss[i])) assert.is(cut.loss[i], way.loss[step]);
      }
    });

    test(`${label}: an empty batch returns empty`, async () => {
      const none = new Float32Array(0);
      const { z, status, trajectory } = await encode(decoder, none, { saveAt: "steps", ...flowAndSolver });
      assert.is(z.length, 0);
      assert.equal(status, []);
      assert.equal(trajectory, []);
    });
  }
}

test.run();
