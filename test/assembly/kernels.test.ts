// run: both, revectorize
// Tests assembly/simd.ts, assembly/ops/panels.ts, assembly/ops/product.ts, assembly/ops/rows.ts,
// assembly/ops/tiles.ts, assembly/memory/workspace.ts, assembly/terms/loss.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateGaussNewton, NO_MATRICES } from "../../src/backend/wasm/gauss-newton-memory.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { allocateWorkspace } from "../../src/backend/wasm/workspace.ts";
import { type Activation, activationParameters } from "../../src/graph/activation.ts";
import { type PointwiseFunction, pointwiseParameters } from "../../src/graph/pointwise.ts";
import { createDecoder } from "../../src/index.ts";
import {
  FUNCTION_CODES,
  Graph,
  KERNEL_CODES,
  LOSS_CODES,
  Operation,
  paddedSize,
  Workspace,
} from "../../src/kernels/layout.ts";
import { recogniseKernels } from "../../src/kernels/load.ts";
import { bareKernels, builds, wideBuilds } from "../support/builds.ts";
import { standardLosses } from "../support/losses.ts";
import { pointwise } from "../support/pointwise.ts";
import { randomArray } from "../support/random.ts";
import {
  activate,
  activationsWith,
  derivative,
  elementLoss,
  lossOf,
  relativeDistance,
  secondDerivative,
} from "../support/reference.ts";

// The kernels called directly, each build, against float64. Sizes with every kind of tail.
const SIZES = [1, 3, 5, 8, 17, 64, 75];
const ROW_COUNTS = [1, 2, 3, 4, 5, 6, 7, 9, 12, 17];

const POINTWISE: readonly PointwiseFunction[] = [
  { name: "linear", scale: -1.5, shift: 0.25 },
  { name: "clip", min: -0.5, max: 2 },
  ...[2, 3, -2, 0.5, 1.7, -0.3, 1].map((exponent) => ({ name: "power", exponent }) as const),
  { name: "hardSigmoid", slope: 0.2, offset: 0.5 },
  ...(["exp", "log", "sqrt", "reciprocal", "abs", "erf", "mish", "hardSwish", "rootOfSquares"] as const).map(
    (name) => ({
      name,
    }),
  ),
  ...(["isPositive", "isNotNegative"] as const).map((name) => ({ name })),
];

const ACTIVATIONS = activationsWith([0, 0.3, 30]);

const parameterOf = (activation: Activation) => activationParameters(activation)[0] ?? 0;

/**
 * To 1 in 2 million wherever float32 has the number; the smallest are clamped at exp(-87). Two kinds are known to
 * an absolute bound only: a sine, by its phase rounded to float32, and differences that cross zero (GELU, SiLU).
 */
function activationBound(activation: Activation, expected: number, order: number): number {
  if (activation.name === "sine") return 2e-5 * activation.frequency ** order;
  const absolute = activation.name === "gelu" || activation.name === "silu" ? 5e-7 : 2e-37;
  return 5e-7 * Math.abs(expected) + absolute;
}

for (const build of [...builds, ...wideBuilds]) {
  test(`${build.name}: products agree with float64 for all row counts, widths and depths`, async () => {
    const { kernels, arena } = await bareKernels(build);
    for (const depth of SIZES) {
      for (const columns of SIZES) {
        // Some more than are asked for, which must be left alone.
        const rows = Math.max(...ROW_COUNTS) + 5;
        const width = paddedSize(columns);
        const { layout } = arena.allocate((piece) => ({
          matrix: piece(4 * columns * depth),
          panels: piece(4 * width * depth),
          bias: piece(4 * width),
          sources: piece(4 * rows),
          destinations: piece(4 * rows),
          x: piece(4 * depth * rows),
          y: piece(4 * width * rows),
        }));
        const matrix = randomArray(1, columns * depth);
        const x = randomArray(2, depth * rows);
        const bias = randomArray(3, columns);
        arena.f32(layout.matrix, matrix.length).set(matrix);
        arena.f32(layout.x, x.length).set(x);
        arena.f32(layout.bias, width).fill(0);
        arena.f32(layout.bias, columns).set(bias);
        kernels.packPanels(layout.matrix, columns, depth, 4 * depth, 4, layout.panels);
        for (const count of ROW_COUNTS) {
          // Rows in reverse, so that a pointer mistaken for a stride is seen.
          for (let r = 0; r < rows; r++) {
            arena.i32(layout.sources, rows)[r] = layout.x + 4 * depth * Math.max(count - 1 - r, 0);
            arena.i32(layout.destinations, rows)[r] = layout.y + 4 * width * r;
          }
          arena.f32(layout.y, width * rows).fill(Number.NaN);
          const { sources, destinations, panels } = layout;
          kernels.multiply(count, sources, destinations, panels, layout.bias, depth, width / 8);
          const beyond = arena.f32(layout.y + 4 * width * count, width * (rows - count));
          assert.ok(beyond.every(Number.isNaN), `rows beyond ${count} are written`);
          for (let r = 0; r < count; r++) {
            const row = x.subarray((count - 1 - r) * depth, (count - r) * depth);
            const y = arena.f32(layout.y + 4 * width * r, width);
            bias.forEach((b, c) => {
              const products = Array.from(row, (value, k) => value * matrix[c * depth + k]!);
              const expected = products.reduce((sum, product) => sum + product, b);
              const magnitude = products.reduce((sum, product) => sum + Math.abs(product), Math.abs(b));
              // Half an ulp for each product and each sum, the bound of any order of summation.
              const bound = (depth + 1) * 2 ** -24 * magnitude;
              const label = `rows ${count}, depth ${depth}, columns ${columns}`;
              assert.ok(Math.abs(y[c]! - expected) <= bound, `${label}: ${y[c]}, not ${expected}`);
            });
            assert.ok(
              y.subarray(columns).every((value) => value === 0),
              "the padding is 0",
            );
          }
        }
      }
    }
  });
}

for (const build of builds) {
  test(`${build.name}: panels hold 8 columns side by side, of a matrix by rows or by columns`, async () => {
    const { kernels, arena } = await bareKernels(build);
    for (const depth of SIZES) {
      for (const columns of SIZES) {
        const size = paddedSize(columns) * depth;
        const { layout } = arena.allocate((piece) => ({
          matrix: piece(4 * columns * depth),
          panels: piece(4 * size),
        }));
        const matrix = randomArray(6, columns * depth);
        arena.f32(layout.matrix, matrix.length).set(matrix);
        for (const [column, row] of [
          [depth, 1],
          [1, columns],
        ] as const) {
          const panels = arena.f32(layout.panels, size).fill(Number.NaN);
          kernels.packPanels(layout.matrix, columns, depth, 4 * column, 4 * row, layout.panels);
          const expected = Array.from({ length: size }, (_, i) => {
            const c = 8 * Math.floor(i / (8 * depth)) + (i % 8);
            const k = Math.floor(i / 8) % depth;
            return c < columns ? matrix[c * column + k * row] : 0;
          });
          assert.equal(Array.from(panels), expected, `depth ${depth}, columns ${columns}, stride ${column}`);
        }
      }
    }
  });

  test(`${build.name}: activations and their derivatives agree with float64`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const x = Float32Array.from([
      ...[0, -0, 1e-7, -1e-7, 1e-3, -1e-3, 0.5, -0.5, 1, -1, 5, -5, 20, -20, 80, -80, 200, -200],
      ...randomArray(4, 47, -6, 6),
    ]);
    const { layout } = arena.allocate((piece) => ({
      values: piece(4 * x.length + 32),
      slopes: piece(4 * x.length + 32),
      curvatures: piece(4 * x.length + 32),
      gradients: piece(4 * x.length + 32),
    }));
    for (const activation of ACTIVATIONS) {
      for (const curvatures of [0, layout.curvatures]) {
        const code = FUNCTION_CODES[activation.name];
        const { values, slopes, gradients } = layout;
        arena.f32(values, x.length).set(x);
        arena.f32(gradients, x.length).fill(1);
        kernels.activationForward(code, parameterOf(activation), values, slopes, curvatures, x.length);
        kernels.activationBackward(slopes, gradients, x.length);
        const near = (got: number, expected: number, order: number, label: string) => {
          const bound = activationBound(activation, expected, order);
          assert.ok(Math.abs(got - expected) <= bound, `${label}: ${got}, not ${expected}`);
        };
        for (const [i, input] of x.entries()) {
          const label = `${activation.name}(${input})`;
          near(arena.f32(values, x.length)[i]!, activate(activation, input), 0, label);
          near(arena.f32(gradients, x.length)[i]!, derivative(activation, input), 1, `${label}'`);
          if (!curvatures) continue;
          near(arena.f32(curvatures, x.length)[i]!, secondDerivative(activation, input), 2, `${label}''`);
        }
      }
    }
  });

  test(`${build.name}: other functions and their derivatives agree with float64`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const everywhere = [0, 1e-7, -1e-7, 1e-3, -1e-3, 0.3, -0.3, 1, -1, 5, -5, 20, -20, 80, -80];
    const { layout } = arena.allocate((piece) => ({
      values: piece(512),
      slopes: piece(512),
      curvatures: piece(512),
    }));
    const { values, slopes, curvatures } = layout;
    const isForPositive = (of: PointwiseFunction) =>
      ["log", "sqrt", "rootOfSquares", "reciprocal", "power"].includes(of.name);
    for (const of of POINTWISE) {
      const x = Float32Array.from(
        [...everywhere, ...randomArray(6, 31, -6, 6)].map((value) => {
          // Where the function has an edge or no value, nobody can tell which side float32 is on.
          return isForPositive(of) ? Math.abs(value) + 1e-3 : value;
        }),
      );
      const [a = 0, b = 0] = pointwiseParameters(of);
      arena.f32(values, x.length).set(x);
      kernels.pointwiseForward(FUNCTION_CODES[of.name], a, b, values, slopes, curvatures, x.length);
      for (const [i, input] of x.entries()) {
        const expected = pointwise(of, input);
        [values, slopes, curvatures].forEach((pointer, order) => {
          const got = arena.f32(pointer, x.length)[i]!;
          const right = expected[order]!;
          // exp stays finite, and what is below the normal numbers is 0.
          if (Math.abs(right) > 1e37 || Math.abs(right) < 1e-37) return;
          const bound = 1e-5 * Math.abs(right) + (of.name === "erf" || of.name === "mish" ? 1e-6 : 3e-7);
          assert.ok(
            Math.abs(got - right) <= bound,
            `${of.name}(${input}), derivative ${order}: ${got}, not ${right}`,
          );
        });
      }
    }
    // Powers of numbers below 0, the ends of what log takes, NaN.
    const at = (of: PointwiseFunction, inputs: number[]) => {
      const [a = 0, b = 0] = pointwiseParameters(of);
      arena.f32(values, 4).set(inputs);
      kernels.pointwiseForward(FUNCTION_CODES[of.name], a, b, values, slopes, 0, 4);
      return Array.from(arena.f32(values, 4));
    };
    assert.equal(at({ name: "power", exponent: 3 }, [-2, 0, 2, NaN]), [-8, 0, 8, NaN]);
    assert.equal(at({ name: "power", exponent: -1 }, [-2, 4, 2, NaN]), [-0.5, 0.25, 0.5, NaN]);
    assert.equal(at({ name: "power", exponent: 0.5 }, [-2, 0, NaN, NaN]), [NaN, 0, NaN, NaN]);
    assert.equal(at({ name: "log" }, [-1, 0, NaN, Infinity]), [NaN, -Infinity, NaN, Infinity]);
    assert.equal(at({ name: "isPositive" }, [-0, 1e-45, NaN, -Infinity]), [0, 1, 0, 0]);
    assert.equal(at({ name: "isNotNegative" }, [-0, -1e-45, NaN, Infinity]), [1, 0, 0, 1]);
    for (const of of POINTWISE.filter(({ name }) => !name.startsWith("is"))) {
      assert.ok(
        at(of, [1, NaN, 1, NaN]).every((value, i) => Number.isNaN(value) === (i % 2 === 1)),
        of.name,
      );
    }
  });

  test(`${build.name}: activations let NaN through`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => ({ values: piece(16), slopes: piece(16) }));
    for (const activation of ACTIVATIONS) {
      arena.f32(layout.values, 4).set([1, Number.NaN, -1, Number.NaN]);
      const code = FUNCTION_CODES[activation.name];
      kernels.activationForward(code, parameterOf(activation), layout.values, layout.slopes, 0, 4);
      assert.equal(Array.from(arena.f32(layout.values, 4), Number.isNaN), [false, true, false, true]);
    }
  });

  test(`${build.name}: what the kernels do not know ends the call, and is computed as nothing else`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => ({ values: piece(16), slopes: piece(16), more: piece(16) }));
    const { values, slopes, more } = layout;
    const unknownIn = (codes: object) => [-1, 1 + Math.max(...Object.values(codes))];
    for (const code of unknownIn(FUNCTION_CODES)) {
      assert.throws(() => kernels.activationForward(code, 0, values, slopes, 0, 4), /unreachable/);
    }
    for (const code of unknownIn(LOSS_CODES)) {
      assert.throws(() => kernels.lossForward(code, values, slopes, 0, 4), /unreachable/);
      assert.throws(() => kernels.lossBackward(code, values, slopes, 0, 1, more, 4), /unreachable/);
    }
  });

  test(`${build.name}: a loss that no pass knows ends the call`, async () => {
    const decoder = createDecoder({ layers: [2, 3], seed: 1 });
    const packed = await packDecoder(decoder, recogniseKernels(build.module));
    const { arena, kernels, graph } = packed;
    const workspace = allocateWorkspace(packed, 1, "squaredError", { withTangents: true });
    const { pointer, rows, weights, targets, outputs } = workspace;
    const { work } = allocateGaussNewton(packed, { ...NO_MATRICES, own: true });
    for (const zero of [rows, weights]) arena.i32(zero, 1).fill(0);
    arena.i32(targets, 1).fill(outputs.pointer);
    const passes: Readonly<Record<string, () => unknown>> = {
      value: () => kernels.objectiveValue(graph, pointer, 1),
      gradient: () => kernels.objectiveGradient(graph, pointer, 1),
      tangents: () => kernels.objectiveLossTangents(graph, pointer, 1),
      "Gauss-Newton": () => kernels.objectiveGaussNewton(graph, pointer, work, 0),
    };
    for (const pass of Object.values(passes)) pass();
    Workspace.set(arena.view(), pointer, { loss: 1 + Math.max(...Object.values(LOSS_CODES)) });
    for (const [name, pass] of Object.entries(passes)) assert.throws(pass, /unreachable/, name);
    decoder.dispose();
  });

  test(`${build.name}: a kind of operation that no pass knows ends the call`, async () => {
    const decoder = createDecoder({ layers: [2, 3], seed: 1 });
    const packed = await packDecoder(decoder, recogniseKernels(build.module));
    const { arena, kernels, graph } = packed;
    const workspace = allocateWorkspace(packed, 1, "squaredError", { withTangents: true });
    const work = allocateGaussNewton(packed, { ...NO_MATRICES, own: true });
    arena.i32(workspace.rows, 1).fill(0);
    const view = arena.view();
    const pointer = view.getUint32(Graph.get(view, graph, "operations"), true);
    Operation.set(view, pointer, { kind: 1 + Math.max(...Object.values(KERNEL_CODES)) });
    const at = workspace.pointer;
    for (const [name, call] of Object.entries({
      pack: () => kernels.pack(graph, workspace.latents.pointer, 1, 0, 1),
      decode: () => kernels.decode(graph, at, 1, false),
      backward: () => kernels.objectiveBackward(graph, at, 1),
      tangent: () => kernels.objectiveTangentForward(graph, at, 1),
      "tangent backward": () => kernels.objectiveTangentBackward(graph, at, 1),
      jacobian: () => kernels.objectiveGaussNewton(graph, at, work.work, 0),
      "parameter gradient": () => kernels.objectiveParameterGradient(graph, at, work.work, 1, false, 0, 1),
      "mixed gradient": () => kernels.objectiveParameterGradient(graph, at, work.work, 1, true, 0, 1),
    })) {
      assert.throws(call, /unreachable/, name);
    }
    decoder.dispose();
  });

  test(`${build.name}: losses and their gradients agree with float64, weighted or not`, async () => {
    const { kernels, arena } = await bareKernels(build);
    for (const size of [...SIZES, 784]) {
      const { layout } = arena.allocate((piece) => ({
        outputs: piece(4 * paddedSize(size)),
        targets: piece(4 * paddedSize(size)),
        weights: piece(4 * paddedSize(size)),
        gradients: piece(4 * paddedSize(size)),
      }));
      // What lies behind a row's end must not matter.
      for (const pointer of Object.values(layout)) arena.f32(pointer, paddedSize(size)).fill(Number.NaN);
      const outputs = randomArray(5, size, -12, 12);
      const targets = randomArray(6, size, 0, 1);
      const weights = randomArray(7, size, -0.5, 1).map((w) => Math.max(w, 0));
      weights[0] = 0.25;
      arena.f32(layout.outputs, size).set(outputs);
      arena.f32(layout.targets, size).set(targets);
      arena.f32(layout.weights, size).set(weights);
      for (const loss of standardLosses("sum")) {
        for (const w of [undefined, weights]) {
          const expected = lossOf(loss, Array.from(outputs), targets, w);
          const code = LOSS_CODES[loss.name];
          const pointer = w ? layout.weights : 0;
          const value = kernels.lossForward(code, layout.outputs, layout.targets, pointer, size);
          const label = `${loss.name}, size ${size}, ${w ? "weighted" : "unweighted"}`;
          assert.ok(Math.abs(value - expected.value) <= 5e-7 * expected.value, `${label}: ${value}`);
          kernels.lossBackward(code, layout.outputs, layout.targets, pointer, 1, layout.gradients, size);
          const error = relativeDistance(arena.f32(layout.gradients, size), expected.gradient);
          assert.ok(error < 5e-7, `${label}: gradient off by ${error}`);
        }
      }
    }
  });

  test(`${build.name}: a cross entropy close to its floor keeps its digits`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => ({ outputs: piece(400), targets: piece(400) }));
    arena.f32(layout.outputs, 100).set(Float32Array.from({ length: 100 }, (_, i) => (i % 2 ? 15 : -18)));
    arena.f32(layout.targets, 100).set(Float32Array.from({ length: 100 }, (_, i) => i % 2));
    const expected = 50 * (Math.log1p(Math.exp(-15)) + Math.log1p(Math.exp(-18)));
    const value = kernels.lossForward(LOSS_CODES.binaryCrossEntropy, layout.outputs, layout.targets, 0, 100);
    assert.ok(Math.abs(value - expected) < 1e-6 * expected, `${value}, not ${expected}`);
  });

  test(`${build.name}: sums over many elements neither overflow nor round away what each has`, async () => {
    const { kernels, arena } = await bareKernels(build);
    for (const size of [784, 20_000]) {
      const bytes = 4 * paddedSize(size);
      const { layout } = arena.allocate((piece) => ({
        outputs: piece(bytes),
        targets: piece(bytes),
        weights: piece(bytes),
      }));
      arena.f32(layout.weights, size).fill(1);
      // Each 1 + exp(-|o|) is 2 at 0; the sum of equal numbers rounds in one direction all along.
      for (const output of [0, 1e-3, -1e-3, 0.3, 1.7]) {
        for (const target of [0, 0.7]) {
          arena.f32(layout.outputs, size).fill(output);
          arena.f32(layout.targets, size).fill(target);
          for (const loss of standardLosses()) {
            const element = elementLoss(loss, Math.fround(output), Math.fround(target)).value;
            for (const weights of [0, layout.weights]) {
              const { outputs, targets } = layout;
              const mean = kernels.lossForward(LOSS_CODES[loss.name], outputs, targets, weights, size) / size;
              // Of 16 terms in float32, and an element's own rounding.
              const label = `${loss.name} of ${size}: ${mean}, not ${element}`;
              assert.ok(Math.abs(mean - element) <= 5e-7 * element, label);
            }
          }
        }
      }
    }
  });

  test(`${build.name}: elements of weight 0 have no influence, whatever they are`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const size = 13;
    const { layout } = arena.allocate((piece) => ({
      outputs: piece(64),
      targets: piece(64),
      weights: piece(64),
      gradients: piece(64),
    }));
    arena.f32(layout.weights, size).set(Array.from({ length: size }, (_, i) => (i % 3 ? 1 : 0)));
    for (const code of standardLosses().map(({ name }) => LOSS_CODES[name])) {
      const results = [0, Number.NaN, Number.POSITIVE_INFINITY, -1e30].map((junk) => {
        for (const pointer of [layout.outputs, layout.targets]) {
          arena.f32(pointer, size).set(Array.from({ length: size }, (_, i) => (i % 3 ? i / size : junk)));
        }
        const value = kernels.lossForward(code, layout.outputs, layout.targets, layout.weights, size);
        const { outputs, targets, weights, gradients } = layout;
        kernels.lossBackward(code, outputs, targets, weights, 0.5, gradients, size);
        return [value, ...arena.f32(gradients, size)];
      });
      for (const result of results) assert.equal(result, results[0]);
      assert.ok(results[0]!.every(Number.isFinite));
    }
  });

  test(`${build.name}: an element counts as much as its weight, however small that is`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const size = 13;
    const { layout } = arena.allocate((piece) => ({
      outputs: piece(64),
      targets: piece(64),
      weights: piece(64),
      gradients: piece(64),
    }));
    arena.f32(layout.outputs, size).set(randomArray(5, size, -3, 3));
    arena.f32(layout.targets, size).set(randomArray(6, size, 0, 1));
    const { outputs, targets, weights, gradients } = layout;
    for (const code of standardLosses().map(({ name }) => LOSS_CODES[name])) {
      const [usual, small] = [1, 2 ** -60].map((factor) => {
        // A power of two rounds nothing.
        arena.f32(weights, size).set(randomArray(7, size, 0.5, 1).map((weight) => weight * factor));
        const value = kernels.lossForward(code, outputs, targets, weights, size);
        kernels.lossBackward(code, outputs, targets, weights, 1, gradients, size);
        return [value, ...arena.f32(gradients, size)].map((number) => number / factor);
      });
      assert.equal(small, usual);
    }
  });
}

test.run();
