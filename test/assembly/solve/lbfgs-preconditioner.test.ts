// run: both, revectorize
// Tests assembly/solve/cholesky.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateGaussNewton,
  jacobianStride,
  NO_MATRICES,
} from "../../../src/backend/wasm/gauss-newton-memory.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { curvatureUse, preconditionerOf } from "../../../src/backend/wasm/preconditioner.ts";
import { makeLowRank } from "../../../src/backend/wasm/randomised-low-rank.ts";
import { allocateWorkspace } from "../../../src/backend/wasm/workspace.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  gaussian,
  gaussianMixture,
  type Prior,
  squaredError,
} from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { componentsOf } from "../../../src/terms/prior-components.ts";
import { bareKernels, builds } from "../../support/builds.ts";
import { bindObjective } from "../../support/objective.ts";
import { allPriors } from "../../support/prior-reference.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";
import { derivative, gaussNewtonOf, logitsOf, relativeDistance } from "../../support/reference.ts";

// What all samples of a decoder share: its Jacobian at the decoder's own start, and the factors of its own A + λτI.

const DAMPINGS = [0.003, 0.01, 0.1, 1, 10, 100];
const packedSize = (d: number) => (d * (d + 1)) / 2;

/** The lower triangle of LLᵀ, of L packed by rows. */
function productOf(factor: ArrayLike<number>, d: number): number[] {
  const at = (i: number, j: number) => (j > i ? 0 : factor[packedSize(i) + j]!);
  const product: number[] = [];
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k <= j; k++) sum += at(i, k) * at(j, k);
      product.push(sum);
    }
  }
  return product;
}

for (const build of builds) {
  test(`${build.name}: a factor multiplies to A + λτI, of the lower triangle alone, at any stride`, async () => {
    for (const d of [1, 3, 5, 17, 50]) {
      for (const stride of [4 * d, 4 * d + 48]) {
        const { kernels, arena } = await bareKernels(build);
        const { matrix, factor } = arena.allocate((piece) => ({
          matrix: piece(stride * d),
          factor: piece(8 * packedSize(d)),
        })).layout;
        const root = randomArray(d, d * d);
        const lower: number[] = [];
        let trace = 0;
        for (let i = 0; i < d; i++) {
          const row = arena.f32(matrix + i * stride, d).fill(Number.NaN);
          for (let j = 0; j <= i; j++) {
            for (let k = 0, sum = 0; k < d; k++) {
              sum += root[i * d + k]! * root[j * d + k]!;
              row[j] = sum;
            }
            lower.push(row[j]!);
          }
          trace += row[i]!;
        }
        DAMPINGS.forEach((lambda, which) => {
          const tau = kernels.sharedFactorInto(matrix, stride, d, which, factor);
          assert.ok(Math.abs(tau / (trace / d) - 1) < 1e-14, `τ ${tau}`);
          const expected = lower.slice();
          for (let i = 0; i < d; i++) expected[packedSize(i) + i]! += lambda * tau;
          const product = productOf(arena.f64(factor, packedSize(d)), d);
          assert.ok(relativeDistance(product, expected) < 1e-13, `size ${d}, λ ${lambda}`);
        });
      }
    }
  });

  test(`${build.name}: what is 0, not finite or not positive has no factor`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { matrix, factor } = arena.allocate((piece) => ({ matrix: piece(36), factor: piece(48) })).layout;
    const tau = (...lower: [number, number, number, number, number, number]) => {
      const [a, b, c, e, f, g] = lower;
      arena.f32(matrix, 9).set([a, 0, 0, b, c, 0, e, f, g]);
      return kernels.sharedFactorInto(matrix, 12, 3, 0, factor);
    };
    assert.is(tau(1, 0, 2, 0, 0, 3), 2);
    assert.is(tau(0, 0, 0, 0, 0, 0), 0);
    assert.is(tau(1, 0, Number.NaN, 0, 0, 3), 0);
    assert.is(tau(1, 0, Number.POSITIVE_INFINITY, 0, 0, 3), 0);
    assert.is(tau(1, Number.NaN, 1, 0, 0, 3), 0);
    // Indefinite by more than λτ makes up for.
    assert.is(tau(1, 3, 1, 0, 0, 1), 0);
    assert.is(tau(-1, 0, -1, 0, 0, -1), 0);
  });

  test(`${build.name}: the Jacobian at the decoder's start, whole or in blocks, and A's factors`, async () => {
    for (const layers of [
      [1, 1],
      [3, 5],
      [5, 3, 17],
      [17, 9, 33],
      [53, 20, 30],
      [97, 9, 20],
    ]) {
      for (const [loss, outputActivation] of [
        [binaryCrossEntropy(), "sigmoid"],
        [squaredError({ reduction: "sum" }), "tanh"],
      ] as const) {
        const start = outputActivation === "tanh" ? randomArray(4, layers[0]!) : undefined;
        const decoder = createDecoder({ layers, activation: "softplus", outputActivation, seed: 2, start });
        for (const { bias } of layersOf(decoder)) bias.set(randomArray(3, bias.length));
        const [d, n] = [decoder.latentSize, decoder.outputSize];
        const compiled = await compileKernels(build.name === "debug" ? undefined : build.name === "relaxed");
        const packed = await packDecoder(
          decoder,
          build.name === "debug" ? { ...compiled, module: build.module } : compiled,
        );
        const { arena } = packed;
        const { preconditioner: shared } = await preconditionerOf(
          packed,
          { loss, prior: undefined },
          makeLowRank,
        );
        const label = `${layers.join("-")} ${loss.name}`;
        // J of the outputs before their activation.
        const linear = logitsOf(decoder);
        const target = new Float32Array(n);
        const { jacobian, output } = gaussNewtonOf(
          linear,
          squaredError(),
          start ?? new Float64Array(d),
          target,
        );
        const stride = jacobianStride(packed);
        const rows = Array.from({ length: d }, (_, k) => arena.f32(shared!.jacobian + k * stride, n).slice());
        rows.forEach((row, k) => {
          assert.ok(
            relativeDistance(
              row,
              jacobian.map((j) => j[k]!),
            ) < 1e-5,
            `${label}: row ${k}`,
          );
        });
        const slope = (x: number) => derivative(layersOf(decoder).at(-1)!.activation, x);
        const w = output.map((x) => (outputActivation === "sigmoid" ? slope(x) : 2 * slope(x) ** 2) / n);
        const a: number[] = [];
        for (let i = 0; i < d; i++) {
          for (let j = 0; j <= i; j++)
            a.push(jacobian.reduce((sum, row, o) => sum + row[i]! * w[o]! * row[j]!, 0));
        }
        const tau = Array.from({ length: d }, (_, i) => a[packedSize(i) + i]!).reduce((x, y) => x + y) / d;
        assert.ok(Math.abs(shared!.damping / tau - 1) < 1e-5, `${label}: τ`);
        DAMPINGS.forEach((lambda, which) => {
          const size = packedSize(d);
          const product = productOf(arena.f64(shared!.factors + 8 * size * which, size), d);
          const expected = a.slice();
          for (let i = 0; i < d; i++) expected[packedSize(i) + i]! += lambda * tau;
          assert.ok(relativeDistance(product, expected) < 2e-5, `${label}: λ ${lambda}`);
        });
        checkBlocks(packed, rows, label);
      }
    }
  });
}

test("A of all samples is the one of a sample at the decoder's start, with every prior", async () => {
  const d = 5;
  for (const start of [undefined, randomArray(11, d, -2, 2)]) {
    const decoder = createDecoder({
      layers: [d, 8, 9],
      activation: "tanh",
      outputActivation: "sigmoid",
      loss: "bce",
      seed: 6,
      start,
    });
    const z = Float64Array.from(start ?? new Float32Array(d));
    for (const { backend } of builds) {
      for (const { name, prior } of [{ name: "none", prior: undefined }, ...allPriors(d)]) {
        const y = randomArray(7, 9, 0, 1);
        const objective = await bindObjective(backend, decoder, decoder.loss!, y, undefined, 1, [], prior);
        const { matrix } = (await objective.curvature!.shared())!.own!;
        const rows = allRows(1);
        await objective.value(rows, z);
        const own = await objective.curvature!.matrices(rows, "own");
        const lower = Array.from({ length: d }, (_, i) => [...own.subarray(i * d, i * d + i + 1)]).flat();
        assert.ok(relativeDistance(matrix, lower) < 1e-6, name);
        objective.dispose();
      }
    }
  }
});

/** The rows of the Jacobian have the same bits whatever the blocks they are made in. */
function checkBlocks(
  packed: Awaited<ReturnType<typeof packDecoder>>,
  rows: Float32Array[],
  label: string,
): void {
  const { arena, kernels, graph, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const stride = jacobianStride(packed);
  const into = arena.allocate((piece) => piece(d * stride));
  const workspace = allocateWorkspace(packed, 1, "squaredError");
  const work = allocateGaussNewton(packed, { ...NO_MATRICES, jacobian: into.layout });
  assert.is(work.tangentsAtOnce, Math.min(d, 48));
  arena.f32(workspace.latents.pointer, d).set(decoder.start ?? new Float32Array(d));
  arena.i32(workspace.rows, 1).fill(0);
  kernels.decode(graph, workspace.pointer, 1, false);
  for (const size of [1, 3, work.tangentsAtOnce]) {
    arena.f32(into.layout, (d * stride) / 4).fill(Number.NaN);
    // From the last block to the first: none depends on another.
    for (let first = Math.floor((d - 1) / size) * size; first >= 0; first -= size) {
      const count = Math.min(size, d - first);
      kernels.objectiveJacobian(graph, workspace.pointer, work.work, 0, into.layout, first, count);
    }
    rows.forEach((row, k) => {
      assert.equal(arena.f32(into.layout + k * stride, n), row, `${label}: blocks of ${size}, row ${k}`);
    });
  }
  for (const block of [work, workspace, into]) block.free();
}

test("how curvature is used depends on the decoder, the loss and whether there are weights", () => {
  const use = (layers: number[], more: object = {}) => {
    const {
      loss = squaredError(),
      weights,
      prior,
      output = "sigmoid",
      sampleCount = 1,
    } = more as {
      loss?: ReturnType<typeof squaredError>;
      weights?: Float32Array;
      prior?: Prior;
      output?: "sigmoid" | "identity";
      sampleCount?: number;
    };
    const decoder = createDecoder({ layers, outputActivation: output });
    const problem = problemOf(decoder, loss, new Float32Array(0), {
      sampleCount,
      weights,
      prior: prior && componentsOf(prior, decoder.latentSize),
    });
    const { hasCurvature, matrix, refreshesAtStart, lastRefresh } = curvatureUse(problem);
    return `${hasCurvature ? matrix : "no curvature"} ${refreshesAtStart ? "start, " : ""}${lastRefresh}`;
  };
  const weights = new Float32Array(1);
  assert.is(use([4, 9, 20]), "shared 8");
  assert.is(use([4, 9, 20], { weights }), "shared 8");
  assert.is(use([4, 9, 20], { output: "identity" }), "shared 0");
  assert.is(use([4, 9, 20], { output: "identity", weights }), "shared 1");
  assert.is(use([4, 9, 20], { loss: binaryCrossEntropy() }), "shared 8");
  // A prior of one normal distribution has the same curvature everywhere, one of several has not; with weights it has a share
  // that the decoder's own matrix does not know.
  const several = gaussianMixture({ means: [randomArray(1, 4), randomArray(2, 4)], stds: 1 });
  for (const [prior, without] of [
    [gaussian(), "shared 0"],
    [several, "shared 8"],
  ] as const) {
    assert.is(use([4, 9, 20], { output: "identity", prior }), without);
    assert.is(use([4, 9, 20], { prior }), "shared 8");
    assert.is(use([4, 9, 20], { prior, weights }), "shared start, 8");
  }
  const functions = { value: () => 0, gradient: () => 0 };
  assert.is(use([4, 9, 20], { loss: customLoss({ ...functions, curvature: () => 1 }) }), "shared start, 8");
  assert.is(use([4, 9, 20], { loss: customLoss(functions) }), "no curvature 0");
  // n·d(d + 1)/2 of at most four times the parameters: 210·n and 4·(6·20 + 6 + 7·n).
  assert.is(use([20, 6, 2]), "shared 8");
  assert.is(use([20, 6, 3]), "shared 0");
  // Above 64 latents A is used in low-rank form, if a step with 16 vectors takes less than a pass: 6·16·d multiplications.
  assert.is(use([64, 1, 2]), "shared 0");
  assert.is(use([65, 1, 2]), "none 0");
  assert.is(use([65, 40, 85]), "none 0");
  assert.is(use([65, 40, 96]), "lowRank 0");
  assert.is(use([513, 100, 100]), "lowRank 0");
  // Unless W is refreshed and A factorised for four passes.
  assert.is(use([65, 450, 450, 20]), "shared 8");
  assert.is(use([512, 4096, 4096, 2]), "lowRank 0");
  // Of a custom loss the curvature depends on the data.
  const custom = customLoss({ ...functions, curvature: () => 1 });
  assert.is(use([65, 40, 96], { loss: custom }), "shared 0");
  assert.is(use([513, 100, 100], { loss: custom }), "none 0");
});

test.run();
