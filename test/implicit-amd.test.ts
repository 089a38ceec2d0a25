import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels } from "../src/backend/wasm/load.ts";
import { packDecoder } from "../src/backend/wasm/packed.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type EncodeResult,
  encode,
  gradientFlow,
  type ImplicitAmdOptions,
  implicitAmd,
  loadDecoder,
  nesterovFlow,
  squaredError,
} from "../src/index.ts";
import type { Objective } from "../src/objective.ts";
import { isAmd } from "../src/solver/amd.ts";
import { Solution, type Solver } from "../src/solver/base.ts";
import { isImplicitAmd } from "../src/solver/implicit-amd.ts";
import { rmsprop, train } from "../src/train/index.ts";
import { builds } from "./support/builds.ts";
import { deadDecoder } from "./support/dead-decoder.ts";
import { demoDigits } from "./support/demo-digits.ts";
import { newtonMinimum } from "./support/newton.ts";
import { bindObjective } from "./support/objective.ts";
import { randomArray } from "./support/random.ts";
import { norm, objectiveOf } from "./support/reference.ts";
import { refused, rejected } from "./support/refusal.ts";
import { sampleOf } from "./support/sample-result.ts";
import { loadVectors, vectorLoss } from "./support/vectors.ts";

const decoder = createDecoder({ layers: [5, 17, 33, 50], seed: 3, outputActivation: "sigmoid" });
const [d, n] = [5, 50];
const SAMPLES = 67;
const y = randomArray(1, SAMPLES * n, 0, 1);
const weights = randomArray(2, SAMPLES * n, -0.3, 1).map((w) => Math.max(w, 0));
const z0 = randomArray(3, SAMPLES * d, -6, 6);
const losses = [binaryCrossEntropy(), squaredError({ reduction: "sum" })];
const everySample = Array.from({ length: SAMPLES }, (_, i) => i);
// Short-lived matrices, so that many are made.
const solver = implicitAmd({ matrixSteps: 3, tolerance: 1e-5 });

function rowsOf(values: Float32Array, indices: readonly number[], size: number): Float32Array {
  const rows = new Float32Array(indices.length * size);
  for (const [i, index] of indices.entries()) {
    rows.set(values.subarray(index * size, (index + 1) * size), i * size);
  }
  return rows;
}

for (const { name, backend } of builds) {
  for (const loss of losses) {
    const options = { loss, solver, backend };
    const encodeSamples = (indices: readonly number[], batchSize?: number) =>
      encode(decoder, rowsOf(y, indices, n), {
        ...options,
        weights: rowsOf(weights, indices, n),
        z0: rowsOf(z0, indices, d),
        ...(batchSize !== undefined && { batchSize }),
      });

    test(`${name}: ${loss.name}: alone or among others, in any place, at any batchSize`, async () => {
      const all = await encodeSamples(everySample);
      assert.ok(new Set(all.stats.acceptedSteps).size > 5, "rows change hands");
      assert.ok(new Set(all.stats.matrixEvaluations).size > 2);
      for (const batchSize of [1, 2, 5, 13, 1000]) {
        const result = await encodeSamples(everySample, batchSize);
        for (const i of everySample)
          assert.equal(sampleOf(result, i), sampleOf(all, i), `batchSize ${batchSize}`);
      }
      for (const i of [0, 31, 66]) {
        assert.equal(sampleOf(await encodeSamples([i]), 0), sampleOf(all, i), `sample ${i} alone`);
      }
      const reversed = await encodeSamples([...everySample].reverse(), 9);
      for (const i of everySample)
        assert.equal(sampleOf(reversed, SAMPLES - 1 - i), sampleOf(all, i), "reversed");
    });

    test(`${name}: ${loss.name}: the solver in TypeScript and the fused one agree bit for bit`, async () => {
      for (const solver of [
        implicitAmd({ matrixSteps: 3 }),
        implicitAmd({ explicitSteps: 0, stepInit: 100, slope: 0.9, maxSteps: 60 }),
        implicitAmd({ tolerance: 0, maxBacktracks: 3 }),
      ]) {
        const fused = await encode(decoder, y, { ...options, solver, weights, z0 });
        const objective = await bindObjective(backend, decoder, loss, y, weights);
        const solution = new Solution(SAMPLES, d, z0);
        const control = { aborted: () => false, pause: async () => {} };
        await solver.solve(objective, gradientFlow(), solution, 0, control);
        objective.dispose();
        const general = { ...solution.toResult(), backend: fused.backend, seconds: 0 };
        for (const i of everySample) assert.equal(sampleOf(general, i), sampleOf(fused, i), `sample ${i}`);
      }
    });

    test(`${name}: ${loss.name}: the loss never rises along a run`, async () => {
      let before: Float32Array | undefined;
      for (let maxSteps = 0; maxSteps <= 30; maxSteps++) {
        const solver = implicitAmd({ maxSteps, matrixSteps: 4 });
        const { loss: after } = await encode(decoder, y, { ...options, weights, z0, solver });
        for (const [i, value] of after.entries()) {
          assert.ok(before === undefined || value <= before[i]!, `sample ${i}, step ${maxSteps}`);
        }
        before = after;
      }
    });
  }

  for (const vectors of ["tiny-bce-elu", "tiny-mse-tanh"]) {
    test(`${name}: ${vectors}: it ends in the minimum that Newton's method finds in float64`, async () => {
      const { vectors: expected, decoder: tiny, y: targets } = await loadVectors(vectors);
      const [latents, outputs] = [tiny.latentSize, tiny.outputSize];
      const weights = randomArray(4, targets.length, 0.1, 1);
      let plateaus = 0;
      for (const reduction of ["mean", "sum"] as const) {
        const loss = vectorLoss(expected, reduction);
        for (const w of [undefined, weights]) {
          const options = {
            backend,
            loss,
            solver: implicitAmd({ tolerance: 1e-9 }),
            ...(w && { weights: w }),
          };
          const result = await encode(tiny, targets, options);
          for (const [i, value] of result.loss.entries()) {
            const part = <T extends Float32Array>(values: T, size: number) =>
              values.subarray(i * size, (i + 1) * size);
            const own = w && part(w, outputs);
            const minimum = (start: Float32Array) =>
              newtonMinimum(tiny, loss, start, part(targets, outputs), own);
            const z = part(result.z, latents);
            const below = minimum(z);
            assert.ok(below.gradientNorm < 1e-8, "the reference has come to rest");
            if (Math.abs(value / below.loss - 1) > 3e-6) {
              // A loss that goes on falling towards infinity has no minimum here, only a plateau.
              const { gradient } = objectiveOf(tiny, loss, z, part(targets, outputs), own);
              assert.ok(norm(gradient) < 2e-6, `sample ${i}: ${value}, not ${below.loss}`);
              plateaus++;
              continue;
            }
            // There are several minima: with weights Newton's method finds a lower one from z0.
            const other = minimum(new Float32Array(latents));
            if (!w) assert.ok(value < other.loss * (1 + 3e-6), `sample ${i}: ${value}, not ${other.loss}`);
          }
        }
      }
      assert.ok(plateaus <= 2, `${plateaus} samples end on plateaus`);
    });
  }
}

test("digits: a lower loss than AMD's, in less than a quarter of the passes", async () => {
  const mnist = await loadDecoder(new URL("../demo/decoder.safetensors", import.meta.url));
  const digits = await demoDigits(32);
  const passes = ({ stats, loss }: EncodeResult) => {
    let sum = 0;
    for (let i = 0; i < loss.length; i++) {
      sum += stats.valueEvaluations[i]! + stats.gradientEvaluations[i]!;
      sum += mnist.latentSize * stats.matrixEvaluations[i]!;
    }
    return sum;
  };
  const implicit = await encode(mnist, digits, { solver: implicitAmd() });
  const explicit = await encode(mnist, digits);
  assert.ok(implicit.status.every((status) => status === "converged"));
  const mean = ({ loss }: EncodeResult) => loss.reduce((sum, value) => sum + value, 0) / loss.length;
  assert.ok(mean(implicit) < mean(explicit) - 2e-4, `${mean(implicit)}, AMD ${mean(explicit)}`);
  assert.ok(passes(implicit) < passes(explicit) / 4, `${passes(implicit)}, AMD ${passes(explicit)}`);
  // More steps would gain next to nothing.
  const long = await encode(mnist, digits, { solver: implicitAmd({ tolerance: 1e-9 }) });
  assert.ok(mean(implicit) < mean(long) + 3e-4, `${mean(implicit)}, in the end ${mean(long)}`);
});

test("every status can be had, and keeps the best z", async () => {
  const solve = (options: ImplicitAmdOptions) =>
    encode(decoder, y.subarray(0, n), { loss: binaryCrossEntropy(), solver: implicitAmd(options) });
  assert.equal((await solve({})).status, ["converged"]);
  assert.equal((await solve({ maxSteps: 3 })).status, ["max_steps"]);
  const none = await solve({ maxSteps: 0 });
  assert.equal([none.status[0], none.loss[0]], ["max_steps", none.initialLoss[0]]);
  const stalled = await solve({ stepInit: 1e9, maxBacktracks: 0 });
  assert.equal([stalled.status[0], stalled.loss[0]], ["stalled", stalled.initialLoss[0]]);
  // Without a tolerance it goes on to where rounding hides what is left to gain.
  const finest = await solve({ tolerance: 0 });
  assert.is(finest.status[0], "stalled");
  assert.ok(finest.loss[0]! <= (await solve({})).loss[0]!);

  const huge = createDecoder({ layers: [1, 1], outputActivation: "identity", loss: squaredError() });
  const overflowing = await encode(huge, Float32Array.of(3e38), { solver: implicitAmd() });
  assert.equal([overflowing.status[0], overflowing.z[0]], ["nonfinite", 0]);

  const atRest = await encode(deadDecoder(), Float32Array.of(0, 1), { solver: implicitAmd() });
  assert.equal([atRest.status[0], atRest.stats.valueEvaluations[0]], ["converged", 1]);
});

test("the counts add up", async () => {
  const { stats } = await encode(decoder, y, { loss: binaryCrossEntropy(), solver });
  for (const i of everySample) {
    const accepted = stats.acceptedSteps[i]!;
    assert.is(stats.gradientEvaluations[i], 1 + accepted);
    assert.is(stats.valueEvaluations[i], 1 + accepted + stats.backtracks[i]!);
    assert.is(stats.matrixEvaluations[i], accepted < 5 ? 0 : 1 + Math.floor((accepted - 5) / 3));
    assert.ok(stats.t[i]! > 0 && stats.t[i]! < Number.POSITIVE_INFINITY);
  }
});

test("saveAt keeps points and changes nothing else; between them are shorter steps", async () => {
  const options = { loss: binaryCrossEntropy(), z0, solver };
  const plain = await encode(decoder, y, options);
  const steps = await encode(decoder, y, { ...options, saveAt: "steps" });
  const times = [0, 0.5, 1, 2, 30, 1e3, 1e30];
  const chosen = await encode(decoder, y, { ...options, saveAt: times });
  for (const i of everySample) {
    const { valueEvaluations: _, ...way } = sampleOf(plain, i);
    for (const result of [steps, chosen]) {
      const { valueEvaluations: _, ...same } = sampleOf(result, i);
      assert.equal(same, way);
      const { t, z, loss } = result.trajectory![i]!;
      assert.equal(Array.from(z.subarray(0, d)), Array.from(z0.subarray(d * i, d * i + d)));
      // The reported loss is that of the point.
      for (const [k, value] of loss.entries()) {
        const at = z.subarray(d * k, d * k + d);
        const { value: expected } = objectiveOf(
          decoder,
          binaryCrossEntropy(),
          at,
          y.subarray(n * i, n * i + n),
        );
        assert.ok(Math.abs(value / expected - 1) < 1e-5, `sample ${i}, t = ${t[k]}`);
      }
    }
    assert.is(steps.trajectory![i]!.t.length, plain.stats.acceptedSteps[i]! + 1);
    const reached = times.filter((time) => time <= plain.stats.t[i]!);
    assert.equal(Array.from(chosen.trajectory![i]!.t), reached);
    // A step that branches off to where a step ends is that step.
    const { t, z } = steps.trajectory![i]!;
    const at = Array.from(chosen.trajectory![i]!.t).indexOf(t[1]!);
    if (at > 0) {
      const branched = chosen.trajectory![i]!.z.subarray(d * at, d * at + d);
      assert.equal(Array.from(branched), Array.from(z.subarray(d, 2 * d)));
    }
  }
});

test("saveAt at times within every step changes nothing else, wherever a matrix is made", async () => {
  const options = {
    loss: binaryCrossEntropy(),
    z0,
    solver: implicitAmd({ explicitSteps: 1, matrixSteps: 2 }),
  };
  const plain = await encode(decoder, y, options);
  const times = Array.from({ length: 60 }, (_, i) => 0.1 * 1.5 ** i);
  const chosen = await encode(decoder, y, { ...options, saveAt: times });
  assert.ok(Math.max(...plain.stats.matrixEvaluations) > 3);
  for (const i of everySample) {
    const { valueEvaluations: _, ...way } = sampleOf(plain, i);
    const { valueEvaluations: __, ...same } = sampleOf(chosen, i);
    assert.equal(same, way);
  }
});

test("an abort leaves the last accepted step; progress counts up", async () => {
  const options = { loss: binaryCrossEntropy(), z0, solver, batchSize: 4 };
  const whole = await encode(decoder, y, { ...options, saveAt: "steps" });
  let done = 0;
  const controller = new AbortController();
  const cut = await encode(decoder, y, {
    ...options,
    signal: controller.signal,
    onAbort: "return",
    onProgress(progress) {
      assert.ok(progress.done > done && progress.meanLoss > 0);
      done = progress.done;
      if (done >= 20) controller.abort();
    },
  });
  assert.ok(done >= 20 && done < SAMPLES);
  assert.ok(cut.status.includes("aborted"));
  for (const i of everySample) {
    const { t, z } = whole.trajectory![i]!;
    const step = cut.stats.acceptedSteps[i]!;
    assert.equal(
      Array.from(cut.z.subarray(i * d, (i + 1) * d)),
      Array.from(z.subarray(step * d, (step + 1) * d)),
    );
    assert.is(cut.stats.t[i], t[step]);
  }
});

test("a custom loss goes the same way as a built-in one, and needs its curvature", async () => {
  const functions = {
    value: (o: number, y: number) => (o - y) ** 2,
    gradient: (o: number, y: number) => 2 * (o - y),
  };
  const own = customLoss({ ...functions, curvature: () => 2 });
  const options = { solver: implicitAmd(), weights };
  const builtIn = await encode(decoder, y, { ...options, loss: squaredError() });
  const custom = await encode(decoder, y, { ...options, loss: own });
  for (const [i, value] of custom.loss.entries()) {
    assert.ok(Math.abs(value / builtIn.loss[i]! - 1) < 1e-3, `${value}, built in ${builtIn.loss[i]}`);
  }
  await rejected(
    encode(decoder, y, { ...options, loss: customLoss(functions) }),
    "invalid_argument",
    /solver implicitAmd takes second derivatives of the loss; give the customLoss a curvature/,
  );
});

test("slices do about what they were given, a matrix counting for its passes", async () => {
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const slices: { given: number; spent: number }[] = [];
  const { solveImplicitAmd } = packed.kernels;
  const kernels = {
    ...packed.kernels,
    solveImplicitAmd(...args: Parameters<typeof solveImplicitAmd>) {
      const spent = solveImplicitAmd(...args);
      slices.push({ given: args[3], spent });
      return spent;
    },
  };
  Object.assign(packed, { kernels });
  const { stats } = await encode(decoder, y, { loss: binaryCrossEntropy(), solver, batchSize: 16 });
  assert.ok(slices.length > 2);
  for (const { given, spent } of slices) assert.ok(spent < given + 2 * 16 + d, `${spent} of ${given}`);
  const total = (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0);
  const passes =
    total(stats.valueEvaluations) + total(stats.gradientEvaluations) + d * total(stats.matrixEvaluations);
  assert.is(
    slices.reduce((sum, { spent }) => sum + spent, 0),
    passes,
  );
});

test("training encodes with it, from 0 and from where the samples' last ways ended", async () => {
  const untrained = createDecoder({
    layers: [3, 17, 11],
    seed: 2,
    outputActivation: "sigmoid",
    loss: binaryCrossEntropy(),
  });
  const data = randomArray(5, 8 * 11, 0, 1).map((value, i) => (i % 11 < 4 ? Math.round(value) : 0));
  for (const warmStart of [false, true]) {
    const options = { batchSize: 4, epochs: 30, optimizer: rmsprop({ learningRate: 0.01 }), warmStart };
    const { history } = await train(untrained, data, { ...options, solver: implicitAmd() });
    const [first, last] = [history[0]!.loss, history.at(-1)!.loss];
    assert.ok(last < first / 2, `${warmStart ? "warm" : "cold"}: from ${first} to ${last}`);
  }
});

test("options out of range, other flows and backends without matrices are refused", async () => {
  for (const [options, message] of [
    [{ stepInit: 0 }, /implicitAmd: stepInit is 0, expected a finite number > 0/],
    [{ increaseFactor: 0.5 }, /increaseFactor is 0.5/],
    [{ decreaseFactor: 1 }, /decreaseFactor is 1/],
    [{ slope: 1 }, /slope is 1/],
    [{ tolerance: -1 }, /tolerance is -1/],
    [{ explicitSteps: 1.5 }, /explicitSteps is 1.5, expected an integer >= 0/],
    [{ matrixSteps: 0 }, /matrixSteps is 0, expected an integer >= 1/],
    [{ maxSteps: 2 ** 31 }, /maxSteps is 2147483648/],
    [{ maxBacktracks: -1 }, /maxBacktracks is -1/],
    [{ t1: 5 }, /unknown option "t1"/],
  ] as const) {
    refused(() => implicitAmd(options as ImplicitAmdOptions), "invalid_argument", message);
  }
  assert.is(implicitAmd({ ...{ slope: undefined as never } }).slope, 1e-4);
  await rejected(
    encode(decoder, y, { loss: binaryCrossEntropy(), flow: nesterovFlow(), solver: implicitAmd() as never }),
    "invalid_argument",
    /implicitAmd follows gradientFlow\(\) with alpha 1 only/,
  );
  await rejected(
    encode(decoder, y, {
      loss: binaryCrossEntropy(),
      solver: implicitAmd(),
      saveAt: [0, Number.POSITIVE_INFINITY],
    }),
    "invalid_argument",
    /saveAt\[1\] is Infinity, expected a finite number >= 0$/,
  );
  const bare: Objective = {
    ...{ batchSize: 1, latentSize: 1 },
    value: async () => new Float64Array(1),
    gradient: async () => new Float64Array(1),
    dispose() {},
  };
  const control = { aborted: () => false, pause: async () => {} };
  await rejected(
    implicitAmd().solve(bare, gradientFlow(), new Solution(1, 1), 0, control),
    "unsupported",
    /this backend has no Gauss-Newton matrices/,
  );
  // The fused form is for what implicitAmd has made: neither AMD's values nor a changed copy.
  for (const other of [amd(), { ...implicitAmd() }]) assert.not.ok(isImplicitAmd(other as Solver));
  assert.ok(isImplicitAmd(implicitAmd() as Solver) && !isAmd(implicitAmd() as Solver));
});

test.run();
