import { checkNumber, checkOptions } from "../base/check.ts";
import { invalid } from "../base/refuse.ts";
import { type Bounds, show } from "../base/show.ts";

/**
 * Functions of each number beside the activations of layers, with their parameters: what other files' graphs are made
 * of.
 * - `linear`: scale · x + shift
 * - `clip`: x, but at least min and at most max
 * - `power`: x to the power of exponent; NaN for x < 0 unless the exponent is an integer
 * - `exp`, which stays at exp(88) above; `log`, `sqrt`, `reciprocal`, `abs`, `erf`
 * - `rootOfSquares`: the square root of a sum of squares, a norm; its derivatives at 0 are 0, as PyTorch's norm has them
 * - `isPositive`: 1 for x > 0, else 0, also for NaN; `isNotNegative`: 1 for x ≥ 0, else 0; their derivatives are 0
 * - `mish`: x · tanh(log(1 + exp(x)))
 * - `hardSigmoid`: slope · x + offset, but at least 0 and at most 1
 * - `hardSwish`: x · hardSigmoid(x) with slope 1/6 and offset 1/2
 */
export type PointwiseFunction =
  | { readonly name: "linear"; readonly scale: number; readonly shift: number }
  | { readonly name: "clip"; readonly min: number; readonly max: number }
  | { readonly name: "power"; readonly exponent: number }
  | { readonly name: "hardSigmoid"; readonly slope: number; readonly offset: number }
  | { readonly name: PlainName };

/** Name of a function without parameters. */
type PlainName =
  | "exp"
  | "log"
  | "sqrt"
  | "reciprocal"
  | "abs"
  | "erf"
  | "mish"
  | "hardSwish"
  | "rootOfSquares"
  | "isPositive"
  | "isNotNegative";

export type PointwiseName = PointwiseFunction["name"];

/** Name of a function without parameters, or an object with the name and parameters of any. */
export type PointwiseLike = PlainName | PointwiseFunction;

// Finite in float32, in which backends compute.
const NUMBER: Bounds = { min: -3e38, max: 3e38 };

/** Names of each function's parameters. Their order numbers the constants of assembly/ops/pointwise-functions.ts. */
export const POINTWISE_PARAMETERS: { readonly [Name in PointwiseName]: readonly string[] } = {
  linear: ["scale", "shift"],
  clip: ["min", "max"],
  power: ["exponent"],
  hardSigmoid: ["slope", "offset"],
  exp: [],
  log: [],
  sqrt: [],
  reciprocal: [],
  abs: [],
  erf: [],
  mish: [],
  hardSwish: [],
  rootOfSquares: [],
  isPositive: [],
  isNotNegative: [],
};

/**
 * Checks a `PointwiseLike`.
 *
 * @throws LatentflowError `invalid_argument` on an unknown name or parameter, or a parameter that is missing or infinite
 */
export function normalisePointwise(where: string, value: unknown): PointwiseFunction {
  const given: Record<string, unknown> =
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { name: value };
  const { name } = given;
  if (typeof name !== "string" || !Object.hasOwn(POINTWISE_PARAMETERS, name)) {
    const names = Object.keys(POINTWISE_PARAMETERS).join(", ");
    throw invalid(
      `${where}: function is ${show(name)}, expected one of ${names}, or an object with such a name`,
    );
  }
  const parameters = POINTWISE_PARAMETERS[name as PointwiseName];
  checkOptions(
    `${where}: ${name}`,
    given,
    Object.fromEntries(["name", ...parameters].map((key) => [key, true])),
  );
  const numbers = parameters.map((key) => [key, checkNumber(where, key, given[key], NUMBER)]);
  return Object.freeze({ name, ...Object.fromEntries(numbers) }) as PointwiseFunction;
}

/** Returns a function's parameters in the order of `POINTWISE_PARAMETERS`. */
export function pointwiseParameters(of: PointwiseFunction): readonly number[] {
  return POINTWISE_PARAMETERS[of.name].map((key) => (of as unknown as Record<string, number>)[key]!);
}
