import type { PointwiseFunction, PointwiseName } from "../../src/graph/pointwise.ts";
import { type Derivatives, normalDistribution } from "./reference.ts";

type OfName<Name> = Extract<PointwiseFunction, { readonly name: Name }>;

const FUNCTIONS: { readonly [Name in PointwiseName]: (x: number, of: OfName<Name>) => Derivatives } = {
  linear: (x, { scale, shift }) => [scale * x + shift, scale, 0],
  clip: (x, { min, max }) => [Math.min(Math.max(x, min), max), x > min && x < max ? 1 : 0, 0],
  power: (x, { exponent: p }) => [
    x ** p,
    p * x ** (p - 1),
    p * (p - 1) === 0 ? 0 : p * (p - 1) * x ** (p - 2),
  ],
  exp: (x) => [Math.exp(x), Math.exp(x), Math.exp(x)],
  log: (x) => [Math.log(x), 1 / x, -1 / x ** 2],
  sqrt: (x) => [Math.sqrt(x), 0.5 / Math.sqrt(x), -0.25 * x ** -1.5],
  rootOfSquares: (x) => (x === 0 ? [0, 0, 0] : [Math.sqrt(x), 0.5 / Math.sqrt(x), -0.25 * x ** -1.5]),
  reciprocal: (x) => [1 / x, -1 / x ** 2, 2 / x ** 3],
  isPositive: (x) => [x > 0 ? 1 : 0, 0, 0],
  isNotNegative: (x) => [x >= 0 ? 1 : 0, 0, 0],
  abs: (x) => [Math.abs(x), Math.sign(x), 0],
  erf(x) {
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x);
    return [2 * normalDistribution(x * Math.SQRT2) - 1, slope, -2 * x * slope];
  },
  mish(x) {
    const sigmoid = 1 / (1 + Math.exp(-x));
    const t = Math.tanh(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
    const rise = sigmoid * (1 - t * t);
    return [x * t, t + x * rise, rise * (2 + x * (1 - sigmoid - 2 * t * sigmoid))];
  },
  hardSwish(x) {
    if (x <= -3) return [0, 0, 0];
    return x >= 3 ? [x, 1, 0] : [(x * (x + 3)) / 6, x / 3 + 0.5, 1 / 3];
  },
  hardSigmoid(x, { slope, offset }) {
    const line = slope * x + offset;
    return [Math.min(Math.max(line, 0), 1), line > 0 && line < 1 ? slope : 0, 0];
  },
};

export function pointwise(of: PointwiseFunction, x: number): Derivatives {
  return (FUNCTIONS[of.name] as (x: number, of: PointwiseFunction) => Derivatives)(x, of);
}
