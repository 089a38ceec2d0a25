import { test } from "uvu";
import * as assert from "uvu/assert";
import { nesterovFlow } from "../src/index.ts";

// Where the paper's print slips, docs/paper/slips.md: what is meant agrees with differences, what is printed does not. In
// float64, on a decoder of two latents and three outputs, D(z) = tanh(W z + b), under squared error.

type Vector = readonly number[];
const y: Vector = [0.6, -0.3, 0.2];
const theta: Vector = [0.9, -0.4, 0.3, 0.8, -0.5, 0.7, 0.1, -0.2, 0.05];

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

/** d_θ L = ∂_θ l + integralSign · ∫ α aᵀ ∂_θ∇_z l, with da/dt = hessianSign · α ∇²_z l a and a(τ) = ∇_z l. */
function byTheAdjoint(hessianSign: 1 | -1, integralSign: 1 | -1): number[] {
  const way = flow(theta);
  const h = TAU / SLICES;
  let a: number[] = gradientAt(way.at(-1)!, theta);
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

test("equations 9 and 10: of the two signs only da/dt = α∇²l a and -∫ give the derivative", () => {
  const expected = gradient((p) => loss(flow(p).at(-1)!, p), theta);
  const off = (signs: readonly [1 | -1, 1 | -1]) => {
    const got = byTheAdjoint(...signs);
    return Math.sqrt(dot(axpy(got, -1, expected), axpy(got, -1, expected)) / dot(expected, expected));
  };
  assert.ok(off([1, -1]) < 1e-3, `${off([1, -1])}`);
  for (const signs of [
    [-1, -1],
    [1, 1],
    [-1, 1],
  ] as const) {
    // One of them is the printed one.
    assert.ok(off(signs) > 0.1, `${signs}: ${off(signs)}`);
  }
  // And the gradient at z held fixed is another: the flow has not come to rest.
  const fixed = gradient((p) => loss(flow(theta).at(-1)!, p), theta);
  assert.ok(
    Math.sqrt(dot(axpy(fixed, -1, expected), axpy(fixed, -1, expected)) / dot(expected, expected)) > 0.05,
  );
});

test("equation 5: with -∇l in dv/dt the system is equation 4, with the printed +∇l it is not", () => {
  const { derivative, epsilon } = nesterovFlow();
  assert.is(epsilon, 1e-5);
  const h = 1e-3;
  const printed = (t: number, state: Float64Array, g: Float64Array, into: Float64Array) => {
    derivative(t, 1, state, g, into);
    for (let k = 0; k < 2; k++) into[2 + k]! += 2 * g[k]!;
  };
  const meant = (t: number, state: Float64Array, g: Float64Array, into: Float64Array) =>
    derivative(t, 1, state, g, into);
  const run = (rates: typeof meant) => {
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
      return acceleration + (3 / (t + epsilon)) * ((z(i + 1)[k]! - z(i - 1)[k]!) / (2 * h)) + value;
    });
    return Math.sqrt(dot(sum, sum) / dot(g, g));
  };
  const [right, wrong] = [run(meant), run(printed)];
  const lossOf = (way: Float64Array[]) => loss([way.at(-1)![0]!, way.at(-1)![1]!], theta);
  assert.ok(residual(right) < 0.01, `${residual(right)}`);
  assert.ok(residual(wrong) > 1, `${residual(wrong)}`);
  assert.ok(lossOf(right) < 0.9 * loss([0, 0], theta));
  assert.ok(lossOf(wrong) > loss([0, 0], theta));
});

test("the table's percentages are not those of its counts in 50,000 images", () => {
  for (const [count, printed] of [
    [480, 0.24],
    [1920, 0.98],
    [5760, 2.9],
  ] as const) {
    const percent = (100 * count) / 50_000;
    assert.ok(Math.abs(percent / printed - 1) > 1, `${count}: ${percent} %`);
  }
});

test.run();
