import type { Words } from "../base/message.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Extension, Signal } from "./extension.ts";

/**
 * Measurement operator A, which maps a sample x to a measurement A·x: an immutable value made by `blur`, `downsample`,
 * `decolorize`, `crop`, `matrix`, `sparse`, `projections`, `layers` and `stack`.
 */
export interface Operator {
  /** Name of the function that made the operator, such as `"blur"`. */
  readonly name: string;
}

/** Adds an operator's operations to a decoder's graph; returns the value that they make of `signal`. */
type Apply = (into: Extension, signal: Signal) => Signal;

/** What each operator adds; only these are accepted. */
const applications = new WeakMap<object, Apply>();

/** Makes an operator. */
export function operator(name: string, apply: Apply): Operator {
  const made = Object.freeze({ name });
  applications.set(made, apply);
  return made;
}

/**
 * Returns the function that adds an operator's operations.
 *
 * @throws LatentflowError `invalid_argument` if the value is no operator
 */
export function applicationOf(name: Words, value: unknown): Apply {
  const apply = typeof value === "object" && value !== null ? applications.get(value) : undefined;
  if (apply) return apply;
  const hint = typeof value === "function" ? "; call it, as decolorize()" : "";
  throw refused(name, "is", show(value), "an operator, such as blur({ sigma: 1 })", hint);
}
