// run: both, revectorize
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Activation, activationParameters } from "../../src/graph/activation.ts";
import { binaryCrossEntropy, squaredError } from "../../src/index.ts";
import { FUNCTION_CODES, LOSS_CODES } from "../../src/kernels/layout.ts";
import { bareKernels, builds } from "../support/builds.ts";
import {
  activate,
  activationsWith,
  derivative,
  elementLoss,
  secondDerivative,
} from "../support/reference.ts";

// Arguments that a decoder meets when a step was far too long: every activation and loss against float64.

const MAGNITUDES = [
  ...[0, 1.5e-45, 1e-39, 1.2e-38, 1e-30, 1e-7, 1, 9, 13.2, 20],
  ...[87, 87.4, 87.7, 88, 89, 104, 1e3, 1e10, 1.8e19, 1.9e19, 1e20, 3e38, Number.POSITIVE_INFINITY],
];
const ARGUMENTS = Float32Array.from([...MAGNITUDES, ...MAGNITUDES.map((x) => -x)]);

// Not the sine, whose phase is infinite.
const ACTIVATIONS = activationsWith([0, 0.3, 3e38]).filter(({ name }) => name !== "sine");

/** As kernels take it: float32. */
const parameterOf = (activation: Activation) => Math.fround(activationParameters(activation)[0] ?? 0);

/**
 * Where exp(x) is under the normal floats the kernels take 0 for it, an error below exp(-87.3) = 1.2e-38. ELU
 * multiplies that by α, SiLU and GELU by up to x², which is 176 where GELU's density ends. Beside that, as for
 * moderate arguments, 1 in a million, and what GELU and SiLU lose where terms cancel.
 */
function boundOf(activation: Activation, expected: number): number {
  const under = { elu: 1.2e-38 * parameterOf(activation), silu: 5e-7, gelu: 5e-7 }[activation.name as "elu"];
  return 1e-6 * Math.abs(expected) + (under ?? 2e-37);
}

for (const build of builds) {
  async function activated(activation: Activation, inputs: Float32Array) {
    const { kernels, arena } = await bareKernels(build);
    const size = inputs.length;
    const { layout } = arena.allocate((piece) => ({
      values: piece(4 * size + 16),
      slopes: piece(4 * size + 16),
      curvatures: piece(4 * size + 16),
    }));
    arena.f32(layout.values, size).set(inputs);
    const { values, slopes, curvatures } = layout;
    const code = FUNCTION_CODES[activation.name];
    kernels.activationForward(code, parameterOf(activation), values, slopes, curvatures, size);
    return [values, slopes, curvatures].map((pointer) => arena.f32(pointer, size).slice());
  }

  test(`${build.name}: activations and both derivatives agree with float64 for any finite argument`, async () => {
    for (const activation of ACTIVATIONS) {
      const results = await activated(activation, ARGUMENTS);
      const given = { ...activation, alpha: parameterOf(activation), slope: parameterOf(activation) };
      for (const [order, of] of [activate, derivative, secondDerivative].entries()) {
        for (const [i, x] of ARGUMENTS.entries()) {
          if (!Number.isFinite(x)) continue;
          const got = results[order]![i]!;
          const expected = of(given as Activation, x);
          const isRight =
            got === Math.fround(expected) || Math.abs(got - expected) <= boundOf(activation, expected);
          const label = `${activation.name}${"'".repeat(order)}(${x})`;
          assert.ok(isRight, `${label}: ${got}, not ${expected}`);
        }
      }
    }
  });

  test(`${build.name}: far out SiLU and GELU are at rest, exactly`, async () => {
    const far = Float32Array.of(-3e38, 3e38, -1e3, 1e3);
    for (const name of ["silu", "gelu"] as const) {
      const [values, slopes, curvatures] = await activated({ name }, far);
      assert.equal(
        Array.from(values!, (x) => x + 0),
        Array.from(far, (x) => Math.max(x, 0)),
        name,
      );
      assert.equal(
        Array.from(slopes!, (x) => x + 0),
        [0, 1, 0, 1],
        name,
      );
      assert.equal(
        Array.from(curvatures!, (x) => x + 0),
        [0, 0, 0, 0],
        name,
      );
    }
  });

  test(`${build.name}: infinite arguments give a limit or NaN, and NaN gives NaN`, async () => {
    const inputs = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0);
    const limits: Record<string, readonly number[]> = {
      relu: [Infinity, 0],
      tanh: [1, -1],
      sigmoid: [1, 0],
      // NaN is ∞ · 0, as in float64.
      silu: [Infinity, Number.NaN],
      gelu: [Infinity, Number.NaN],
      softplus: [Infinity, 0],
    };
    for (const activation of ACTIVATIONS) {
      const { name } = activation;
      const [values] = await activated(activation, inputs);
      const [above, below, ofNaN] = values!;
      const parameter = parameterOf(activation);
      const expected = limits[name] ?? [Infinity, name === "elu" ? -parameter : -Infinity * parameter];
      assert.equal([above, below! + 0], [expected[0], expected[1]! + 0], `${name} ${parameter}`);
      assert.ok(Number.isNaN(ofNaN), name);
    }
  });

  test(`${build.name}: a sine is as exact as it says, always within [-1, 1], and NaN where Math.sin is`, async () => {
    const sizes = [1, 100, 1e4, 3e4, 1e5, 4e6, 1.3e7, 1e9, 1e10, 1e20, 3e38];
    const near = sizes.flatMap((size) => Array.from({ length: 97 }, (_, i) => size * (1 - i / 211)));
    const finite = Float32Array.from([
      ...near,
      ...near.map((x) => -x),
      1.5e-45,
      -1.5e-45,
      1e-39,
      1e-30,
      0,
      -0,
    ]);
    const [values, slopes, curvatures] = await activated({ name: "sine", frequency: 1 }, finite);
    for (const [i, x] of finite.entries()) {
      const bound = Math.abs(x) <= 1e4 ? 2e-7 : Math.abs(x) <= 1e5 ? 1e-6 : 2;
      assert.ok(Math.abs(values![i]! - Math.sin(x)) <= bound, `sin(${x}): ${values![i]}`);
      assert.ok(Math.abs(slopes![i]! - Math.cos(x)) <= bound, `cos(${x}): ${slopes![i]}`);
      assert.ok(
        Math.abs(values![i]!) <= 1 && Math.abs(slopes![i]!) <= 1,
        `${x}: ${values![i]}, ${slopes![i]}`,
      );
      assert.is(curvatures![i], -values![i]!);
    }
    // The last one's phase, 30 · 3e38, is infinite in float32.
    const infinite = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3e38);
    for (const result of await activated({ name: "sine", frequency: 30 }, infinite)) {
      assert.equal(Array.from(result, Number.isNaN), [true, true, true, true]);
    }
  });

  test(`${build.name}: losses of huge outputs agree with float64, and are infinite where that is no float32`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => ({
      outputs: piece(80),
      targets: piece(80),
      weights: piece(80),
      gradients: piece(80),
    }));
    const finite = MAGNITUDES.slice(0, -1);
    for (const loss of [binaryCrossEntropy({ reduction: "sum" }), squaredError({ reduction: "sum" })]) {
      const code = LOSS_CODES[loss.name];
      for (const given of [...finite, ...finite.map((x) => -x)]) {
        const output = Math.fround(given);
        for (const target of [0, 0.25, 1]) {
          // Alone in the tail, in a lane of its own, and with weights.
          for (const [size, weighted] of [
            [1, 0],
            [4, 0],
            [1, 1],
            [4, 1],
          ] as const) {
            arena.f32(layout.outputs, size).fill(output);
            arena.f32(layout.targets, size).fill(target);
            arena.f32(layout.weights, size).fill(1);
            const weights = weighted ? layout.weights : 0;
            const value = kernels.lossForward(code, layout.outputs, layout.targets, weights, size);
            kernels.lossBackward(code, layout.outputs, layout.targets, weights, 1, layout.gradients, size);
            const expected = elementLoss(loss, output, target);
            const label = `${loss.name} of ${output} and ${target}, ${size}, ${weighted}`;
            const isRight =
              Math.fround(expected.value) === Infinity
                ? value === Infinity
                : Math.abs(value / size - expected.value) <= 1e-6 * expected.value + 1e-37;
            assert.ok(isRight, `${label}: ${value / size}, not ${expected.value}`);
            // σ and the target cancel to a rounding of 1.
            const slope = arena.f32(layout.gradients, size)[size - 1]!;
            const isSlope =
              slope === Math.fround(expected.slope) ||
              Math.abs(slope - expected.slope) <= 1e-6 * Math.abs(expected.slope) + 1e-7;
            assert.ok(isSlope, `${label}: gradient ${slope}, not ${expected.slope}`);
          }
        }
      }
    }
  });
}

test.run();
