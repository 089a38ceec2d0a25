// run: slow
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { showCount } from "../../reproduce/page.ts";
import type { Adjoint } from "../../src/adjoint/base.ts";
import { direct } from "../../src/adjoint/direct.ts";
import { full } from "../../src/adjoint/full.ts";
import {
  type AmdOptions,
  amd,
  createDecoder,
  type Decoder,
  encode,
  expDecay,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
} from "../../src/index.ts";
import { flowTraits } from "../../src/solver/flow.ts";
import { errorByDifferences, gradientOf } from "../support/adjoint.ts";
import { algorithm1, type Printed } from "../support/algorithm-1.ts";
import { plain } from "../support/builds.ts";
import { objectiveOf, relativeDistance } from "../support/reference.ts";
import { loadVectors, type ValueVectors, vectorLoss } from "../support/reference-vectors.ts";

// Where the paper's print slips: the rows of site/paper/slips.md name these tests.

const { backend } = plain;
const page = readFileSync(new URL("../../site/paper/slips.md", import.meta.url), "utf8");
/** Its figures are those that are computed here. */
const says = (text: string) => assert.ok(page.includes(text), `site/paper/slips.md does not say: ${text}`);
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const sumOfSquares = squaredError({ reduction: "sum" });

// Equations 5, 9 and 10 in float64: two latents, three outputs, D(z) = tanh(W z + b), the sum of squares. The numbers are
// float32's, so that the package's decoder is the same one.

type Vector = readonly number[];
const y: Vector = [0.8, -0.8, 0.7].map(Math.fround);
const theta: Vector = [0.5, 0.4, 0.8, -0.4, 0.7, 0.9, 1, -0.4, 0.6].map(Math.fround);

function outputs(z: Vector, p: Vector): number[] {
  return y.map((_, i) => Math.tanh(p[2 * i]! * z[0]! + p[2 * i + 1]! * z[1]! + p[6 + i]!));
}

function loss(z: Vector, p: Vector): number {
  return outputs(z, p).reduce((sum, o, i) => sum + (o - y[i]!) ** 2, 0);
}

/** By central differences, of anything of several numbers. */
function gradient(of: (x: Vector) => number, x: Vector): number[] {
  const h = 1e-5;
  const moved = (k: number, by: number) => x.map((value, i) => (i === k ? value + by : value));
  return x.map((_, k) => (of(moved(k, h)) - of(moved(k, -h))) / (2 * h));
}

const gradientAt = (z: Vector, p: Vector): number[] => {
  const o = outputs(z, p);
  const inner = o.map((value, i) => 2 * (value - y[i]!) * (1 - value ** 2));
  return [0, 1].map((k) => inner.reduce((sum, value, i) => sum + value * p[2 * i + k]!, 0));
};

const alpha = (t: number, tau: number) => Math.exp((-2 * t) / tau);
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const axpy = (z: Vector, by: number, p: Vector) => z.map((value, k) => value + by * p[k]!);

const TAU = 2;
const SLICES = 400;

/** dz/dt = -α ∇l from 0 by the midpoint rule: z at every half slice. */
function flow(p: Vector): number[][] {
  const h = TAU / (2 * SLICES);
  const way: number[][] = [[0, 0]];
  for (let i = 0; i < 2 * SLICES; i++) {
    const [z, t] = [way.at(-1)!, i * h];
    const middle = axpy(z, (-h / 2) * alpha(t, TAU), gradientAt(z, p));
    way.push(axpy(z, -h * alpha(t + h / 2, TAU), gradientAt(middle, p)));
  }
  return way;
}

/** As the page shows `others`. */
const SIGNS = ["+α ∇²l a | +∫", "-α ∇²l a | -∫", "-α ∇²l a | +∫"];

/** The signs in da/dt = ± α ∇²_z l a and d_θ L = ∂_θ l ± ∫ α aᵀ ∂_θ∇_z l dt, where a(τ) = ∇_z l. */
type Signs = readonly [hessian: 1 | -1, integral: 1 | -1];
const meant: Signs = [1, -1];
const others: readonly Signs[] = [
  [1, 1],
  [-1, -1],
  [-1, 1],
];

/** d_θ L by an adjoint of these signs that starts from a(τ) = ∇_z l, or from -∇_z l where `start` is -1. */
function byTheAdjoint([hessianSign, integralSign]: Signs, start: 1 | -1 = 1): number[] {
  const way = flow(theta);
  const h = TAU / SLICES;
  let a: number[] = gradientAt(way.at(-1)!, theta).map((value) => start * value);
  let total = gradient((p) => loss(way.at(-1)!, p), theta);
  const change = (t: number, z: Vector, v: Vector) =>
    gradient((x) => dot(gradientAt(x, theta), v), z).map((value) => hessianSign * alpha(t, TAU) * value);
  for (let i = SLICES; i > 0; i--) {
    const [end, middle, t] = [way[2 * i]!, way[2 * i - 1]!, i * h];
    const half = axpy(a, -h / 2, change(t, end, a));
    total = axpy(
      total,
      integralSign * h * alpha(t - h / 2, TAU),
      gradient((p) => dot(gradientAt(middle, p), half), theta),
    );
    a = axpy(a, -h, change(t - h / 2, middle, half));
  }
  return total;
}

/**
 * `full()` with these signs. It asks for ∇²_z l · w, w = -α a, and adds ∂_θ(wᵀ∇_z l) for the same w: turning w turns the
 * sign of the integral, and turning the product that of da/dt.
 */
function fullWith([hessianSign, integralSign]: Signs): Adjoint {
  const [turnProduct, turnIntegral] = [hessianSign * meant[0], integralSign * meant[1]];
  const { addGradient, ...rest } = full();
  return {
    ...rest,
    addGradient(objective, encoded) {
      const turned = Object.create(objective, {
        tangent: {
          async value(rows: Int32Array, direction: Float64Array) {
            const products = await objective.tangent(
              rows,
              direction.map((w) => turnIntegral * w),
            );
            return products.map((value) => turnIntegral * turnProduct * value);
          },
        },
      });
      return addGradient(turned, encoded);
    },
  };
}

function decoderOf(layers: number[], output: "tanh" | "identity", parameters: Vector): Decoder {
  const decoder = createDecoder({ layers, activation: "tanh", outputActivation: output, seed: 0 });
  assert.is(decoder.parameterCount, parameters.length);
  decoder.parameters.set(parameters);
  return decoder;
}

test("equations 9 and 10: only da/dt = +α∇²l a with -∫ is the derivative, and full() has these signs", async () => {
  const expected = gradient((p) => loss(flow(p).at(-1)!, p), theta);
  const off = (signs: Signs) => relativeDistance(byTheAdjoint(signs), expected);
  assert.ok(off(meant) < 1e-4, `${off(meant)}`);
  for (const signs of others) assert.ok(off(signs) > 1.5, `${signs}: ${off(signs)}`);
  const wrong = others.map(off);
  // λ(τ) = -∇l, dλ/dt = -α λᵀ ∇²l and -∫ α λᵀ ∂_θ∇l dt, as they are printed.
  const printed = byTheAdjoint([-1, -1], -1);
  assert.ok(relativeDistance(printed, byTheAdjoint(others[2]!)) < 1e-12);
  says(`| ${percent(relativeDistance(printed, expected))} of the derivative by differences |`);
  says(`| +α ∇²l a | -∫ | ${(100 * off(meant)).toFixed(4)} % |`);
  for (const [i, signs] of SIGNS.entries()) says(`| ${signs} | ${percent(wrong[i]!)} |`);
  const solver = rk4({ grid: linearGrid({ t1: TAU, slices: 100 }) });
  const way = { flow: gradientFlow({ alpha: expDecay({ rate: 2 }) }), solver };
  const decoder = decoderOf([2, 3], "tanh", theta);
  const ours = await gradientOf(backend, decoder, sumOfSquares, Float32Array.from(y), way, full());
  const error = relativeDistance(ours.gradient, expected);
  assert.ok(error < 1e-4, `${error}`);
});

/** The row of the page's table for these signs. */
const rowOf = (signs: string) =>
  page
    .split("\n")
    .find((line) => line.startsWith(`| ${signs} |`))!
    .split("|");

/** The least that each wrong pair is off by on these decoders, as `others` has them. */
const OFF = { "tiny-bce-elu": [0.79, 1.37, 1.53], "tiny-mse-tanh": [1.49, 1e9, 1e9] };

test("equations 9 and 10: the wrong signs on the test vectors' decoders", async () => {
  for (const [name, least] of Object.entries(OFF)) {
    type Vectors = ValueVectors & { fixed_grid: { tau: number; slices: number; base: number } };
    const { vectors, decoder, y } = await loadVectors<Vectors>(name);
    const { tau: t1, slices, base } = vectors.fixed_grid;
    const loss = vectorLoss(vectors);
    const solver = rk4({ grid: logGrid({ t1, slices, base }) });
    const way = { flow: gradientFlow({ alpha: expDecay({ rate: 2 }) }), solver };
    const by = async (adjoint: Adjoint) =>
      (await gradientOf(backend, decoder, loss, y, way, adjoint)).gradient;
    const derivative = await by(direct());
    const error = await errorByDifferences(derivative, decoder, loss, y, way);
    assert.ok(error < 1e-3, `${name}: ${error}`);
    const off = async (signs: Signs) => relativeDistance(await by(fullWith(signs)), derivative);
    assert.ok((await off(meant)) < 2e-3, `${name}: ${await off(meant)}`);
    const column = page
      .match(/^\| da\/dt .*$/m)![0]
      .split("|")
      .findIndex((cell) => cell.includes(name));
    const said = (signs: string) => rowOf(signs)[column]!.trim();
    assert.is(said("+α ∇²l a | -∫"), `${Number((100 * (await off(meant))).toPrecision(1))} %`);
    // The smallest of the printed pair, the last.
    if (name === "tiny-bce-elu") says(`| ${percent(await off(others[2]!))} and more, by decoder |`);
    for (const [i, signs] of others.entries()) {
      const found = await off(signs);
      assert.ok(found > least[i]!, `${name}, ${signs}: ${found}`);
      if (found < 1e3) assert.is(said(SIGNS[i]!), percent(found));
      // It grows without bounds.
      else assert.is(said(SIGNS[i]!), `${((100 * found) / 1e24).toFixed(0)}·10²⁴ %`);
    }
  }
});

test("equation 5: with +∇l the acceleration is off by twice the gradient, and the loss rises", () => {
  const flow = nesterovFlow();
  assert.is(flow.epsilon, 1e-5);
  const h = 1e-3;
  const printed = (t: number, state: Float64Array, g: Float64Array, into: Float64Array) => {
    flowTraits(flow).derivative(flow, t, 1, state, g, into);
    for (let k = 0; k < 2; k++) into[2 + k]! += 2 * g[k]!;
  };
  const asMeant = (t: number, state: Float64Array, g: Float64Array, into: Float64Array) =>
    flowTraits(flow).derivative(flow, t, 1, state, g, into);
  const run = (rates: typeof asMeant) => {
    const way = [Float64Array.of(0, 0, 0, 0)];
    for (let i = 0; i < 1000; i++) {
      // The midpoint rule; the state is z and then v.
      const state = way.at(-1)!;
      const [first, second] = [new Float64Array(4), new Float64Array(4)];
      const gradientOf = (s: Float64Array) => Float64Array.from(gradientAt([s[0]!, s[1]!], theta));
      rates(i * h + h, state, gradientOf(state), first);
      const middle = state.map((value, k) => value + (h / 2) * first[k]!);
      rates(i * h + h + h / 2, middle, gradientOf(middle), second);
      way.push(state.map((value, k) => value + h * second[k]!));
    }
    return way;
  };
  /** z̈ + 3/t ż + ∇l by differences of z alone, beside |∇l|. */
  const residual = (way: Float64Array[]) => {
    const i = 700;
    const t = i * h + h;
    const z = (j: number) => [way[j]![0]!, way[j]![1]!];
    const g = gradientAt(z(i), theta);
    const sum = g.map((value, k) => {
      const acceleration = (z(i + 1)[k]! - 2 * z(i)[k]! + z(i - 1)[k]!) / h ** 2;
      return (
        acceleration + flowTraits(flow).damping(flow, t) * ((z(i + 1)[k]! - z(i - 1)[k]!) / (2 * h)) + value
      );
    });
    return Math.sqrt(dot(sum, sum) / dot(g, g));
  };
  const [right, wrong] = [run(asMeant), run(printed)];
  const lossOf = (way: Float64Array[]) => loss([way.at(-1)![0]!, way.at(-1)![1]!], theta);
  assert.ok(residual(right) < 0.01, `${residual(right)}`);
  assert.ok(Math.abs(residual(wrong) - 2) < 0.01, `${residual(wrong)}`);
  assert.ok(lossOf(right) < 0.9 * loss([0, 0], theta));
  assert.ok(lossOf(wrong) > loss([0, 0], theta));
  const [start, up, down] = [loss([0, 0], theta), lossOf(wrong), lossOf(right)].map((each) =>
    each.toFixed(3),
  );
  says(`The loss rises from ${start} to ${up} by t = 1, where with - it falls to ${down} |`);
});

test("equation 2: the integral alone leaves z0 out", async () => {
  // D(z) = tanh(2z + 1) - tanh(2z - 1) is highest at 0, and as high as y at ±0.588.
  const decoder = decoderOf([1, 2, 1], "identity", [2, 2, 1, -1, 1, -1, 0]);
  const solver = rk4({ grid: linearGrid({ t1: 100, slices: 1000 }) });
  const start = Float32Array.of(0.5, 0);
  const target = new Float32Array(2).fill(0.8);
  const options = { loss: squaredError(), backend };
  const { z, loss } = await encode(decoder, target, { ...options, flow: gradientFlow(), solver, z0: start });
  const integral = z.map((value, i) => value - start[i]!);
  const { loss: printed } = await encode(decoder, target, {
    ...options,
    solver: lbfgs({ maxSteps: 0 }),
    z0: integral,
  });
  assert.ok(loss[0]! < 1e-8 && printed[0]! > 0.4, `${loss}, ${printed}`);
  assert.is(integral[1], z[1]);
  says(
    `From z0 = 0.5 the test's flow ends at ${z[0]!.toFixed(3)}, where its loss is 0; ` +
      `the integral alone is ${integral[0]!.toFixed(3)}, with a loss of ${printed[0]!.toFixed(3)} |`,
  );
});

// Algorithm 1 of one sample: D(z) = (5 z₁, z₁ + z₂) under the sum of squares, so curved that a step of 1 is too long.

const steep = decoderOf([2, 2], "identity", [5, 0, 1, 1, 0, 0]);
const target = Float32Array.of(1, 2);
const steepAt = (z: Vector) => objectiveOf(steep, sumOfSquares, z, target);
const run = (options: AmdOptions, printed?: Printed) =>
  algorithm1(steepAt, 2, amd({ t1: 10, maxSteps: 100, ...options }), printed);
const LONG = { stepInit: 1 };
const SHORT = { stepInit: 0.01, stepMax: 0.01 };

test("algorithm 1: as it is meant it lowers the loss at every step, as amd() does", async () => {
  for (const options of [LONG, SHORT]) {
    const { losses, steps, z } = run(options);
    for (const [i, loss] of losses.slice(1).entries()) assert.ok(loss < losses[i]!, `step ${i}: ${loss}`);
    const solver = amd({ t1: 10, maxSteps: 100, ...options });
    const ours = await encode(steep, target, { solver, loss: sumOfSquares, backend });
    assert.is(ours.stats.acceptedSteps[0], steps.length);
    assert.ok(relativeDistance(ours.z, z) < 1e-4, `${ours.z}, not ${z}`);
  }
});

test("algorithm 1: the printed condition of the outer loop takes no step", () => {
  for (const options of [LONG, SHORT]) {
    for (const rest of [{}, { innerCondition: true, compounding: true, threshold: true }]) {
      assert.equal(run(options, { outerCondition: true, ...rest }).steps, []);
    }
  }
});

test("algorithm 1: the printed condition of the inner loop raises the loss, or takes no step", () => {
  for (const rest of [{}, { compounding: true, threshold: true }]) {
    const { losses } = run(LONG, { innerCondition: true, ...rest });
    for (const [i, loss] of losses.slice(1).entries()) assert.ok(loss > losses[i]!, `step ${i}: ${loss}`);
    assert.ok(losses.length > 3 && losses[3]! > 1e6 * losses[0]!, `${losses}`);
    if (!("compounding" in rest)) {
      const [first, second, third] = losses;
      const then = `${showCount(second!)} and then to ${(third! / 1e6).toFixed(0)} million`;
      says(`steps that start too long raise the loss from ${showCount(first!)} to ${then};`);
    }
    // A step that lowers the loss is shortened until it no longer moves z.
    const stuck = run(SHORT, { innerCondition: true, ...rest });
    assert.ok(
      stuck.steps.every((step) => step < 1e-15),
      `${stuck.steps}`,
    );
    assert.is(stuck.losses.at(-1), stuck.losses[0]);
  }
});

test("algorithm 1: a compounding β^r passes over the longest step that lowers the loss", () => {
  const { value, gradient } = steepAt([0, 0]);
  const lowers = (m: number) => steepAt(gradient.map((g) => -(0.75 ** m) * g)).value < value;
  const longest = [...Array(30).keys()].find(lowers)!;
  assert.ok(Math.abs(run(LONG).steps[0]! / 0.75 ** longest - 1) < 1e-12);
  const printed = run(LONG, { compounding: true }).steps[0]!;
  assert.ok(printed < 0.5 * 0.75 ** longest, `${printed}`);
  says(
    `| the first step is ${printed.toFixed(3)}, and ${(0.75 ** longest).toFixed(3)} lowers the loss, too |`,
  );
});

test("algorithm 1: a threshold of 0.01 ends at the first look", async () => {
  const { decoder, y, vectors } = await loadVectors("mlp20");
  const endingBy = (tolerance: number) =>
    encode(decoder, y, { solver: amd({ tolerance }), loss: vectorLoss(vectors), backend });
  const [early, late] = [await endingBy(0.01), await endingBy(1e-5)];
  const mean = (losses: Float32Array) => losses.reduce((total, loss) => total + loss) / losses.length;
  for (const t of early.stats.t) assert.ok(t < 0.02 * 1e4 + 10, `${t}`);
  const ratio = mean(early.loss) / mean(late.loss);
  assert.ok(ratio > 1.02, `${ratio}`);
  says(
    `all of ${early.loss.length} digits end at the first look, with a loss ${(100 * (ratio - 1)).toFixed(1)} % higher.`,
  );
  // As a threshold for the loss it would never be reached.
  for (const loss of late.loss) assert.ok(loss > 0.03, `${loss}`);
});

test("table 1: its percentages fit no set of at most 70,000 images", () => {
  const rows = [
    [480, 0.24, 2],
    [1920, 0.98, 2],
    [5760, 2.9, 1],
  ] as const;
  const percentOf = (count: number, images: number) => (100 * count) / images;
  for (const [count, printed] of rows) {
    // A larger set makes it less, and this is still too much.
    assert.ok(percentOf(count, 70_000) > 2.7 * printed, `${count}: ${percentOf(count, 70_000)} %`);
    const ours = percentOf(count, 50_000);
    says(`${Number(ours.toPrecision(3))} %`);
    const factor = ours / printed;
    assert.ok(factor > 3.9 && factor <= 4.01, `${count}: ${factor} times`);
  }
  // One number fits all three, but no set has as many.
  for (const [count, printed, digits] of rows) {
    assert.is(percentOf(count, 196_000).toFixed(digits), `${printed}`);
  }
});

test("site/paper/slips.md names the tests of this file, each of them", () => {
  const tests = readFileSync(new URL(import.meta.url), "utf8");
  const names = [...tests.matchAll(/^test\("(.+?)", /gm)].map(([, name]) => name!);
  const named = [...page.matchAll(/\| "(.+?)" \|$/gm)].map(([, name]) => name!);
  assert.equal([...new Set(named)].sort(), names.slice(0, -1).sort());
});

test.run();
