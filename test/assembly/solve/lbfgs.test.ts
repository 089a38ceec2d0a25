// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { passesOf } from "../../../bench/passes.ts";
import { mean } from "../../../bench/timing.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { runHere } from "../../../src/backend/wasm/team.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  decode,
  encode,
  gradientFlow,
  type LbfgsOptions,
  lbfgs,
  loadDecoder,
  nesterovFlow,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { type AnalyticLoss, quadratic, solveAnalytic } from "../../support/analytic.ts";
import { builds } from "../../support/builds.ts";
import { deadDecoder } from "../../support/dead-decoder.ts";
import { demoDigits } from "../../support/demo-digits.ts";
import { newtonMinimum } from "../../support/newton.ts";
import { randomArray } from "../../support/random.ts";
import { objectiveOf } from "../../support/reference.ts";
import { refused, rejected } from "../../support/refusal.ts";
import { solvers } from "../../support/solvers.ts";

// Where lbfgs ends, by each of its statuses, and how well.

const n = 40;
const SAMPLES = 8;
const y = randomArray(1, SAMPLES * n, 0, 1);
const decoder = createDecoder({ layers: [5, 17, 33, n], seed: 3, outputActivation: "sigmoid" });
const bce = binaryCrossEntropy();
const everySample = Array.from({ length: SAMPLES }, (_, i) => i);

/** A decoder of one latent and as many outputs as there are biases in its last layer. */
function decoderOf(
  layers: number[],
  parameters: number[],
  activation: "relu" | "identity" = "relu",
): Decoder {
  const made = createDecoder({
    layers,
    activation,
    outputActivation: "identity",
    loss: squaredError(),
    seed: 1,
  });
  made.parameters.set(parameters);
  return made;
}

for (const activation of ["tanh", "elu"] as const) {
  test(`${activation}: with data missing and weights it ends in a minimum in float64`, async () => {
    for (const [loss, output] of [
      [bce, "sigmoid"],
      [squaredError({ reduction: "sum" }), "sigmoid"],
      [squaredError(), "identity"],
    ] as const) {
      const own = createDecoder({ layers: [4, 12, n], activation, outputActivation: output, seed: 6 });
      const weights = randomArray(7, SAMPLES * n, -1, 1).map((w) => Math.max(w, 0));
      // Of codes of its own and some noise: random data have their minima at infinity.
      const made = await decode(own, randomArray(8, SAMPLES * 4, -2, 2));
      const masked = made.map((value, i) =>
        weights[i] === 0 ? Number.NaN : Math.min(Math.max(value + 0.1 * (y[i]! - 0.5), 0), 1),
      );
      const result = await encode(own, masked, { loss, weights, solver: lbfgs({ tolerance: 1e-9 }) });
      for (const i of everySample) {
        const part = (values: Float32Array) => values.subarray(i * n, (i + 1) * n);
        const z = result.z.subarray(4 * i, 4 * i + 4);
        const minimum = newtonMinimum(own, loss, z, part(masked), part(weights));
        assert.ok(minimum.gradientNorm < 1e-8, "the reference has come to rest");
        assert.is(result.status[i], "converged");
        // In float64, in which float32 losses of small differences are off by more.
        const above = objectiveOf(own, loss, z, part(masked), part(weights)).value / minimum.loss - 1;
        // A decrease of 2⁻²³ of the loss does not show, and some such steps may be left.
        assert.ok(Math.abs(above) < 4e-6, `${loss.name}, ${output}, sample ${i}: ${above} above`);
      }
    }
  });
}

test("a decoder of one linear layer is encoded in a few steps", async () => {
  const linear = createDecoder({ layers: [6, n], outputActivation: "identity", seed: 2 });
  const weights = randomArray(3, SAMPLES * n, -0.5, 1).map((w) => Math.max(w, 0));
  for (const loss of [squaredError(), squaredError({ reduction: "sum" })]) {
    for (const more of [{}, { weights }]) {
      const { status, stats, loss: reached, z } = await encode(linear, y, { loss, ...more, solver: lbfgs() });
      for (const i of everySample) {
        assert.is(status[i], "converged");
        assert.ok(stats.acceptedSteps[i]! <= 9, `${stats.acceptedSteps[i]} steps`);
        const part = (values: Float32Array) => values.subarray(i * n, (i + 1) * n);
        const own = "weights" in more ? part(weights) : undefined;
        const minimum = newtonMinimum(linear, loss, z.subarray(6 * i, 6 * i + 6), part(y), own);
        assert.ok(reached[i]! / minimum.loss - 1 < 1e-6, `sample ${i}`);
      }
    }
  }
});

test("digits: all come to rest, in less than 45 passes on average; more would gain next to nothing", async () => {
  const mnist = await loadDecoder(new URL("../../../demo/decoder.safetensors", import.meta.url));
  const digits = await demoDigits(32);
  // It is the default.
  const result = await encode(mnist, digits);
  assert.equal((await encode(mnist, digits, { solver: lbfgs() })).z, result.z);
  assert.ok(result.status.every((status) => status === "converged"));
  const passes = mean(passesOf(result, mnist.latentSize));
  assert.ok(passes < 45, `${passes} passes`);
  const long = await encode(mnist, digits, { solver: lbfgs({ tolerance: 1e-9 }) });
  assert.ok(mean(result.loss) < mean(long.loss) + 1e-4, `${mean(result.loss)}, ${mean(long.loss)}`);

  // Started at its own result, again and again, it finds rest, and never takes it for a stall.
  const many = await demoDigits(100);
  for (const loss of [bce, squaredError()]) {
    for (const tolerance of [0, 1e-6]) {
      let z0: Float32Array = new Float32Array((many.length / 784) * 20);
      for (let time = 0; time < 4; time++) {
        const { z, status, stats } = await encode(mnist, many, { loss, z0, solver: lbfgs({ tolerance }) });
        assert.ok(
          status.every((each) => each === "converged"),
          `${loss.name}, ${tolerance}, start ${time}: ${status}`,
        );
        if (time > 1) assert.ok(Math.max(...stats.valueEvaluations) <= 12, `${stats.valueEvaluations}`);
        z0 = z;
      }
    }
  }
  // There is little left to do.
  const again = await encode(mnist, digits, { z0: result.z });
  assert.ok(again.status.every((status) => status === "converged"));
  const few = mean(passesOf(again, mnist.latentSize));
  assert.ok(few < 10, `${few} passes`);
  for (const [i, value] of again.loss.entries()) assert.ok(value <= result.loss[i]!);
  // A step is tried before it is said to be at rest.
  assert.ok(again.stats.valueEvaluations.every((count) => count >= 2));
});

test("latents, weights and losses of very different scales: converged is said in a minimum", async () => {
  // diag(1e4, 1), and the other output to be met.
  const diagonal = createDecoder({ layers: [2, 2], outputActivation: "identity" });
  diagonal.parameters.set([1e4, 0, 0, 1, 0, 0]);
  const steep = await encode(diagonal, Float32Array.of(0, 1), { loss: squaredError() });
  assert.is(steep.status[0], "converged");
  assert.ok(steep.loss[0]! < 1e-9, `${steep.loss[0]}`);

  // The same function, a latent in other units: the same minima.
  const mnist = await loadDecoder(new URL("../../../demo/decoder.safetensors", import.meta.url));
  const digits = await demoDigits(16);
  const finest = lbfgs({ tolerance: 1e-9 });
  const minima = await encode(mnist, digits, { solver: finest });
  for (const scale of [1e-4, 1e2, 1e4]) {
    const scaled = createDecoder({ layers: [20, 150, 300, 600, 784], loss: "bce" });
    scaled.parameters.set(mnist.parameters);
    const { weight } = layersOf(scaled)[0]!;
    for (let at = 7; at < weight.length; at += 20) weight[at]! *= scale;
    const { loss, status } = await encode(scaled, digits);
    assert.ok(status.every((each) => each === "converged"));
    const above = mean(loss) / mean(minima.loss) - 1;
    assert.ok(above < 1e-3, `latent times ${scale}: ${above} above`);
  }

  // One pixel that counts for more than all the others together.
  const weights = new Float32Array(784).fill(1);
  weights[400] = 1e5;
  const [usual, long] = [
    await encode(mnist, digits, { weights }),
    await encode(mnist, digits, { weights, solver: lbfgs({ tolerance: 1e-9, maxSteps: 5000 }) }),
  ];
  const above = mean(usual.loss) / mean(long.loss) - 1;
  assert.ok(above < 5e-3, `a pixel of weight 1e5: ${above} above`);

  // |o - t|, but for a rounded tip; a curvature that is right there and nowhere else would mislead.
  const tip = 1e-3;
  const smooth = customLoss({
    value: (o, t) => Math.hypot(o - t, tip),
    gradient: (o, t) => (o - t) / Math.hypot(o - t, tip),
  });
  const absolute = await encode(mnist, digits, { loss: smooth });
  const settled = await encode(mnist, digits, { loss: smooth, z0: absolute.z, solver: finest });
  const left = 1 - mean(settled.loss) / mean(absolute.loss);
  assert.ok(left < 0.02, `absolute error: ${left} left`);
});

test("every status can be had, and keeps the best z", async () => {
  const solve = (options: LbfgsOptions) => encode(decoder, y, { loss: bce, solver: lbfgs(options) });
  const converged = await solve({});
  for (const maxSteps of [0, 1, 3]) {
    const cut = await solve({ maxSteps });
    for (const i of everySample) {
      assert.equal([cut.status[i], cut.stats.acceptedSteps[i]], ["max_steps", maxSteps]);
      assert.is(cut.stats.gradientEvaluations[i], maxSteps + 1);
      assert.ok(cut.gradientNorm[i]! > converged.gradientNorm[i]!);
      if (maxSteps === 0) assert.is(cut.loss[i], cut.initialLoss[i]);
      else assert.ok(cut.loss[i]! < cut.initialLoss[i]!);
    }
  }
  const finest = await solve({ tolerance: 0 });
  assert.ok(finest.status.every((status) => status === "converged"));
  for (const i of everySample) assert.ok(finest.loss[i]! <= converged.loss[i]! * (1 + 1e-6));

  // A gradient that says the contrary of the loss.
  const wrong = customLoss({ value: (o, t) => (o - t) ** 2, gradient: (o, t) => -1e12 * (o - t) });
  const stalled = await encode(decoder, y, { loss: wrong, solver: lbfgs({ tolerance: 0 }) });
  assert.ok(stalled.status.every((status) => status === "stalled"));
  assert.equal(stalled.loss, stalled.initialLoss);

  const atRest = await encode(deadDecoder(), Float32Array.of(0, 1));
  assert.equal([atRest.status[0], atRest.stats.valueEvaluations[0]], ["converged", 1]);
  assert.equal([atRest.gradientNorm[0], atRest.stats.acceptedSteps[0]], [0, 0]);
});

for (const { name, backend } of builds) {
  test(`${name}: what is not finite, at z0, everywhere else and in the gradient`, async () => {
    const overflowing = await encode(decoderOf([1, 1], [1, 0]), Float32Array.of(3e38), { backend });
    assert.equal([overflowing.status[0], overflowing.z[0]], ["nonfinite", 0]);
    assert.equal([overflowing.stats.valueEvaluations[0], overflowing.gradientNorm[0]], [1, Number.NaN]);

    // Finite where D(z) = 0 and nowhere else.
    const needle = customLoss({
      value: (o) => (o === 0 ? 1 : Number.NaN),
      gradient: () => 1,
      curvature: () => 1,
    });
    const island = await encode(decoderOf([1, 1], [1, 0]), Float32Array.of(0), { loss: needle, backend });
    assert.equal([island.status[0], island.z[0], island.loss[0]], ["nonfinite", 0, 1]);
    assert.equal([island.stats.acceptedSteps[0], island.gradientNorm[0]], [0, 1]);

    // (1e30·z + 1e19)², whose derivative at 0 is 2e49; with points on the way it goes the general path.
    for (const more of [{}, { saveAt: "steps" as const }]) {
      const steep = await encode(decoderOf([1, 1], [1e30, 1e19]), Float32Array.of(0), { backend, ...more });
      assert.equal([steep.status[0], steep.z[0], steep.stats.valueEvaluations[0]], ["nonfinite", 0, 1]);
      assert.ok(Math.abs(steep.loss[0]! / 1e38 - 1) < 1e-6);
    }

    // A step into where it is not finite is made shorter: √ of a number that would be negative.
    const root = customLoss({
      value: (o, t) => o + t / Math.sqrt(o),
      gradient: (o, t) => 1 - t / 2 / o ** 1.5,
    });
    const edge = await encode(decoderOf([1, 1], [1, 0.5]), Float32Array.of(0.002), { loss: root, backend });
    assert.is(edge.status[0], "converged");
    assert.ok(Math.abs(edge.z[0]! + 0.5 - 0.001 ** (2 / 3)) < 1e-3, `${edge.z[0]}`);
  });

  test(`${name}: a decoder whose Jacobian at 0 is 0, or not finite, is encoded all the same`, async () => {
    // relu(z - 1), dead at 0; and z + 1e30·relu(1e30·(1 - z)), whose derivative at 0 is -1e60.
    const dead = decoderOf([1, 1, 1], [1, -1, 1, 0]);
    const infinite = decoderOf([1, 2, 1], [1, -1e30, 0, 1e30, 1, 1e30, 0]);
    for (const [own, code] of [
      [dead, 3],
      [infinite, 2],
    ] as const) {
      for (const loss of [
        squaredError(),
        customLoss({ value: (o, t) => (o - t) ** 2, gradient: (o, t) => 2 * (o - t), curvature: () => 2 }),
      ]) {
        for (const more of [{}, { saveAt: "steps" as const }]) {
          const z0 = Float32Array.of(4);
          const { z, status } = await encode(own, Float32Array.of(2), { z0, loss, backend, ...more });
          assert.is(status[0], "converged");
          assert.ok(Math.abs(z[0]! - code) < 1e-3, `${loss.name}: ${z[0]}, not ${code}`);
        }
      }
    }
  });
}

test("without matrices the first step is the best one along the gradient", async () => {
  // D(z) = Σ z over 600 latents: l = (Σ z - 3)², and the step of curvature 2·600 leads to the minimum.
  const wide = decoderOf([600, 1], [...new Array(600).fill(1), 0], "identity");
  const { z, stats, status } = await encode(wide, Float32Array.of(3), { solver: lbfgs({ maxSteps: 1 }) });
  assert.ok(z.every((value) => Math.abs(value / (3 / 600) - 1) < 1e-5));
  assert.equal([status[0], stats.backtracks[0], stats.matrixEvaluations[0]], ["max_steps", 0, 0]);
  // z0, the tangent and the step.
  assert.is(stats.valueEvaluations[0], 3);
});

for (const { name, backend } of builds) {
  test(`${name}: half of a first step that had to be made shorter is not much better`, async () => {
    // One output is wrong at z = 0, and so sure of it that the curvature there is next to none: steps by it are far too
    // long. The other one is right, until z has gone too far.
    let shortened = 0;
    for (let sureness = 10; sureness <= 18; sureness += 0.5) {
      const sure = createDecoder({ layers: [1, 2], outputActivation: "sigmoid", loss: bce });
      sure.parameters.set([-1, 0.4, sureness, -3.5]);
      const run = (z0: Float32Array | undefined, maxSteps: number) =>
        encode(sure, new Float32Array(2), { ...(z0 && { z0 }), solver: lbfgs({ maxSteps }), backend });
      const { z, loss, initialLoss, stats } = await run(undefined, 1);
      if (stats.t[0]! < 1) shortened++;
      const half = await run(
        z.map((value) => value / 2),
        0,
      );
      const [fall, fallOfHalf] = [loss, half.loss].map((losses) => initialLoss[0]! - losses[0]!);
      assert.ok(fallOfHalf! < 1.041 * fall!, `${sureness}: falls by ${fall}, half way by ${fallOfHalf}`);
    }
    assert.is(shortened, 17);
  });
}

test("a curvature that is not finite at z0 says nothing of the first step", async () => {
  // |o - y|^1.5, whose curvature is infinite at the second target, where z0 is.
  const loss = customLoss({
    value: (o, target) => Math.abs(o - target) ** 1.5,
    gradient: (o, target) => 1.5 * Math.sign(o - target) * Math.abs(o - target) ** 0.5,
    curvature: (o, target) => 0.75 * Math.abs(o - target) ** -0.5,
  });
  const wide = decoderOf(
    [600, 2],
    [...new Array(600).fill(1), ...new Array(600).fill(1e-3), 0, 0],
    "identity",
  );
  const result = await encode(wide, Float32Array.of(3, 0), { loss, solver: lbfgs({ maxSteps: 1 }) });
  assert.is(result.status[0], "max_steps");
  assert.ok(result.loss[0]! < result.initialLoss[0]!);
});

test("without matrices the unit of the loss does not matter, to the last bit and the last backtrack", async () => {
  const found = [];
  for (const unit of [2 ** -10, 1, 2 ** 10]) {
    const loss = quadratic(10 * unit, 4 * unit, 3 * unit);
    // Loose: it looks for more along the gradient before it ends.
    const solver = lbfgs({ tolerance: 1e-2 });
    const { z, objective, valueEvaluations } = await solveAnalytic([loss], gradientFlow(), solver, [1, 1, 1]);
    found.push([...z, objective[0]! / unit, valueEvaluations[0]]);
  }
  assert.equal(found[0], found[1]);
  assert.equal(found[2], found[1]);
});

test("a pair that shows next to no curvature is not kept", async () => {
  // l = -x + ½·1e-6·x² + 1e3·xy + 1.5·y²: along the first step, (1, 0), the gradient changes by (1e-6, 1e3). The loss is said to
  // fall a little less, or a longer step would be tried.
  const saddle: AnalyticLoss = {
    value: ([x, y]) => -0.9 * x! + 0.5e-6 * x! ** 2 + 1e3 * x! * y! + 1.5 * y! ** 2,
    gradient: ([x, y]) => [-1 + 1e-6 * x! + 1e3 * y!, 1e3 * x! + 3 * y!],
  };
  const { z } = await solveAnalytic([saddle], gradientFlow(), lbfgs({ maxSteps: 2 }), [0, 0]);
  // Then the second step is the negative gradient. By the pair it would be 2e6 long.
  assert.ok(Math.abs(z[0]! / 2 - 1) < 1e-5 && Math.abs(z[1]! / -1000 - 1) < 1e-5, `${z}`);
});

test("a pair that shows a little more curvature is kept", async () => {
  // As above with a curvature of 1e-4 along the first step, 1e-7 of |s||y|.
  const saddle: AnalyticLoss = {
    value: ([x, y]) => -0.9 * x! + 0.5e-4 * x! ** 2 + 1e3 * x! * y! + 1.5 * y! ** 2,
    gradient: ([x, y]) => [-1 + 1e-4 * x! + 1e3 * y!, 1e3 * x! + 3 * y!],
  };
  const { z } = await solveAnalytic([saddle], gradientFlow(), lbfgs({ maxSteps: 2 }), [0, 0]);
  assert.not.ok(Math.abs(z[0]! / 2 - 1) < 1e-2 && Math.abs(z[1]! / -1000 - 1) < 1e-2, `${z}`);
});

test("slices do about what they were given, a matrix counting for its passes", async () => {
  const hard = createDecoder({
    layers: [13, 30, 30, n],
    activation: "tanh",
    outputActivation: "sigmoid",
    seed: 5,
  });
  for (const { weight } of layersOf(hard)) weight.set(weight.map((w) => 4 * w));
  const packed = await packDecoder(hard, await compileKernels(undefined));
  const slices: { given: number; spent: number }[] = [];
  const { solverRun } = packed.kernels;
  const kernels = {
    ...packed.kernels,
    solverRun(...args: Parameters<typeof solverRun>) {
      const spent = solverRun(...args);
      slices.push({ given: args[4], spent });
      return spent;
    },
  };
  Object.assign(packed, { run: runHere(kernels) });
  const many = randomArray(2, 100 * n, 0, 1);
  const result = await encode(hard, many, {
    loss: squaredError(),
    batchSize: 4,
    backend: wasm({ threads: 1 }),
  });
  assert.ok(slices.length > 2);
  // A round is never cut: four rows forward and back, and a matrix each.
  for (const { given, spent } of slices) assert.ok(spent < given + 4 * (2 + 13), `${spent} of ${given}`);
  const spent = slices.reduce((sum, slice) => sum + slice.spent, 0);
  const passes = passesOf(result, 13).reduce((sum, count) => sum + count, 0);
  assert.ok(Math.max(...result.stats.matrixEvaluations) > 0);
  // A matrix of the decoder's Jacobian counts as a pass, four of them at most.
  assert.ok(spent >= passes && spent <= passes + 4 * 100, `${spent}, ${passes} by the samples' counts`);
});

test("a gradient of the wrong sign is stalled, not at rest: no step has ever lowered the loss", async () => {
  const value = (o: number, t: number) => (o - t) ** 2;
  // However long it is, and where the loss falls by less than float32 shows it is rest.
  for (const scale of [1 / 4, 1 / 2, 1, 2, 16, 1e12]) {
    for (const curvature of [undefined, () => 2]) {
      for (const tolerance of [0, 1e-6]) {
        const gradient = (o: number, t: number) => -2 * scale * (o - t);
        const loss = customLoss({ value, gradient, ...(curvature && { curvature }) });
        const {
          status,
          loss: losses,
          initialLoss,
          stats,
        } = await encode(decoder, y, {
          loss,
          solver: lbfgs({ tolerance }),
        });
        assert.equal(losses, initialLoss);
        const stalled = status.filter((each) => each === "stalled").length;
        assert.ok(stalled >= SAMPLES - 1, `${scale}, ${tolerance}: ${status}`);
        assert.ok(Math.max(...stats.valueEvaluations) < 150);
      }
    }
  }
  const faint = customLoss({ value, gradient: (o, t) => -1e-3 * (o - t), curvature: () => 2 });
  const { status } = await encode(decoder, y, { loss: faint, solver: lbfgs({ tolerance: 0 }) });
  assert.ok(status.every((each) => each === "converged"));
});

test("a loss that float32 cannot hold is not finite, whatever follows it", async () => {
  const loss = customLoss({ value: () => 1e300, gradient: (o, t) => o - t, curvature: () => 1 });
  for (const solver of solvers) {
    const { status } = await encode(decoder, y, { loss, solver });
    assert.ok(
      status.every((each) => each === "nonfinite"),
      `${solver.name}: ${status}`,
    );
  }
});

test("options are checked, and frozen", async () => {
  const all = lbfgs();
  assert.equal([all.tolerance, all.memory, all.maxSteps, all.slope], [1e-6, 30, 1000, 1e-4]);
  assert.ok(Object.isFrozen(all));
  for (const options of [
    { memory: 0 },
    { memory: 1001 },
    { memory: 1.5 },
    { tolerance: -1 },
    { tolerance: Number.NaN },
    { maxSteps: -1 },
    { slope: 1 },
    { steps: 3 },
  ]) {
    const [name] = Object.keys(options);
    refused(() => lbfgs(options as LbfgsOptions), "invalid_argument", new RegExp(`^lbfgs: .*${name}`));
  }
  refused(
    () => lbfgs({ slope: 1 }),
    "invalid_argument",
    /slope is 1, expected a finite number >= 0 and < 1$/,
  );
  refused(() => lbfgs([] as LbfgsOptions), "invalid_argument", /options are .*, expected a plain object/);
  const flow = nesterovFlow() as never;
  await rejected(
    encode(decoder, y, { loss: bce, flow }),
    "invalid_argument",
    /solver is lbfgs, expected euler, rk4 or dormandPrince/,
  );
});

test.run();
