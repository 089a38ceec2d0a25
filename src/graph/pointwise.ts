import { within } from "../base/calling.ts";
import { checkNumber, checkOptions } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { type Bounds, show } from "../base/show.ts";

/**
 * Elementwise functions other than the activations of layers, with their parameters: graphs read from other files use them.
 * - `linear`: scale · x + shift
 * - `clip`: x, but at least min and at most max
 * - `power`: x to the power of exponent; NaN for x < 0 unless the exponent is an integer
 * - `exp`, constant above x = 88; `log`, `sqrt`, `reciprocal`, `abs`, `erf`
 * - `rootOfSquares`: the square root of a sum of squares, a norm; its derivatives at 0 are 0, as those of PyTorch's norm
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

/** Name of an elementwise function without parameters. */
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

/** Name of an elementwise function other than the activations of layers, such as `"exp"`. */
export type PointwiseName = PointwiseFunction["name"];

/** Elementwise function: the name of one without parameters, or an object with the name and all parameters. */
export type PointwiseLike = PlainName | PointwiseFunction;

// Bounds of a parameter: finite in float32, in which backends compute.
const NUMBER: Bounds = { min: -3e38, max: 3e38 };

/** Names of each function's parameters. Their order gives the codes in assembly/ops/pointwise-functions.ts. */
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
 * Checks a `PointwiseLike`, and returns it as an object.
 *
 * @throws LatentflowError `invalid_argument` on an unknown name or parameter, or a parameter that is missing or out of
 *   float32's range
 */
export function normalisePointwise(value: unknown): PointwiseFunction {
  const given: Record<string, unknown> =
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { name: value };
  const { name } = given;
  if (typeof name !== "string" || !Object.hasOwn(POINTWISE_PARAMETERS, name)) {
    const names = Object.keys(POINTWISE_PARAMETERS).join(", ");
    throw refused("function", "is", show(name), `one of ${names}, or an object with such a name`);
  }
  const parameters = POINTWISE_PARAMETERS[name as PointwiseName];
  const known = Object.fromEntries(["name", ...parameters].map((key) => [key, true]));
  within("function", () => checkOptions(given, known), name);
  const numbers = parameters.map((key) => [key, checkNumber(key, given[key], NUMBER)]);
  return Object.freeze({ name, ...Object.fromEntries(numbers) }) as PointwiseFunction;
}

/** Returns a function's parameters as numbers, in the order of `POINTWISE_PARAMETERS`. */
export function pointwiseParameters(of: PointwiseFunction): readonly number[] {
  return POINTWISE_PARAMETERS[of.name].map((key) => (of as unknown as Record<string, number>)[key]!);
}
