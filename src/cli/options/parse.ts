import { InvalidArgumentError } from "commander";
import { checkNumber } from "../../base/check.ts";
import type { LatentflowError } from "../../base/errors.ts";
import { type Bounds, showBounds } from "../../base/show.ts";
import { type ActivationLike, type ActivationName, activations } from "../../graph/activation.ts";
import { normaliseActivation } from "../../graph/normalise-activation.ts";
import { type Alpha, expDecay } from "../../index.ts";

// Parsers of options' values. An invalid text throws InvalidArgumentError, which commander reports as an error of usage;
// the message says what is expected.

/** Parses a number, which may be infinite. */
export function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) throw new InvalidArgumentError("Expected a number.");
  return number;
}

/** Returns a parser for finite numbers within bounds. */
export function numberWithin(bounds: Bounds): (text: string) => number {
  return (text) => {
    const number = parseNumber(text);
    try {
      return checkNumber("", number, bounds);
    } catch (error) {
      throw new InvalidArgumentError(`Expected ${(error as LatentflowError).expected}.`);
    }
  };
}

/** Parses two numbers from 0 to 1 separated by a comma, the smaller one first: `0,0.75`. */
export function parseShares(text: string): [smallest: number, largest: number] {
  const shares = listOf({ min: 0, max: 1 }, SHARES_EXPECTED)(text);
  if (!Array.isArray(shares) || shares.length !== 2 || shares[0]! > shares[1]!)
    throw new InvalidArgumentError(SHARES_EXPECTED);
  return [shares[0]!, shares[1]!];
}

const SHARES_EXPECTED = "Expected the smallest and the largest share, from 0 to 1: 0,0.75 say.";

/** Parses an integer ≥ 1. */
export const parseCount = numberWithin({ min: 1, integer: true });

/** Parses a seed, an integer ≥ 0. */
export const parseSeed = numberWithin({ min: 0, integer: true });

/** Parses a finite number, or several separated by commas: `0,0.5`. */
export const parseNumbers = listOf({}, "Expected a number, or several with commas between them.");

/** Parses a number > 0, or several separated by commas. */
export const parsePositives = listOf(
  { above: 0 },
  "Expected a number > 0, or several with commas between them.",
);

/** Returns a parser for a number within bounds, or several separated by commas. */
function listOf(bounds: Bounds, expected: string): (text: string) => number | number[] {
  const parse = numberWithin(bounds);
  return (text) => {
    try {
      return text.includes(",") ? text.split(",").map(parse) : parse(text);
    } catch {
      throw new InvalidArgumentError(expected);
    }
  };
}

/** Parses integers ≥ 1 separated by commas, such as a shape: `28,28`. */
export function parseCounts(text: string): number[] {
  try {
    return text.split(",").map(parseCount);
  } catch {
    throw new InvalidArgumentError("Expected integers >= 1 with commas between them.");
  }
}

/** Splits `NAME:PARAMETER`; the parameter is undefined without a colon. */
function splitParameter(text: string): [name: string, parameter: string | undefined] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Parses an activation: `elu`, or with a parameter after a colon, `leakyRelu:0.2`. */
export function parseActivation(text: string): ActivationLike {
  const [name, parameter] = splitParameter(text);
  if (parameter === undefined) return checkActivation({ name });
  const traits = Object.hasOwn(activations, name) ? activations[name as ActivationName] : undefined;
  return checkActivation({ name, [traits?.parameter?.name ?? "parameter"]: parseNumber(parameter) });
}

/** Parses one activation for all layers, or several separated by commas, one between every two layers: `elu,tanh`. */
export function parseActivations(text: string): ActivationLike | readonly ActivationLike[] {
  return text.includes(",") ? text.split(",").map(parseActivation) : parseActivation(text);
}

function checkActivation(value: object): ActivationLike {
  try {
    return normaliseActivation("", value);
  } catch {
    const names = Object.keys(activations).join(", ");
    const parameters = Object.entries(activations).flatMap(([name, { parameter }]) =>
      parameter
        ? [`${name}:${parameter.default} sets its ${parameter.name} (${showBounds(parameter.bounds)})`]
        : [],
    );
    throw new InvalidArgumentError(`Expected one of ${names}; ${parameters.join(", ")}.`);
  }
}

/** Parses the factor α of the gradient in a flow: a number, or `decay:2` for α(t) = exp(-2 t / t1). */
export function parseAlpha(text: string): Alpha {
  const [name, rate] = splitParameter(text);
  const number = Number((name === "decay" ? rate : text) || Number.NaN);
  if (name !== "decay" && Number.isFinite(number)) return number;
  if (name === "decay" && rate === undefined) return expDecay();
  if (name === "decay" && Number.isFinite(number) && number >= 0) return expDecay({ rate: number });
  throw new InvalidArgumentError("Expected a number, or decay:RATE with a rate >= 0, decay:2 say.");
}

/**
 * Value of one fixed input (given with each sample, not optimised) on the command line: `label=labels.npy` names a file,
 * `label=3` is a number.
 */
export interface FixedArgument {
  readonly name: string;
  /** Name of the input's file, or a number for all samples. */
  readonly value: string | number;
}

/** Pattern of a number. A file with such a name must be written as `./3`. */
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** Parses NAME=VALUE of an option that may be repeated, and appends it to the values parsed before. */
export function parseFixed(text: string, before: readonly FixedArgument[] = []): FixedArgument[] {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Expected NAME=FILE or NAME=NUMBER.");
  if (before.some((each) => each.name === name)) {
    throw new InvalidArgumentError(`${name} is given twice, expected each input once.`);
  }
  return [...before, { name, value: NUMBER.test(value) ? Number(value) : value }];
}

/** Shape of an input of an ONNX file on the command line, without the batch axis: `latent_sample=4,8,8`. */
export interface ShapeArgument {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Parses NAME=LENGTHS of an option that may be repeated, and appends it to the values parsed before. */
export function parseShapes(text: string, before: readonly ShapeArgument[] = []): ShapeArgument[] {
  const [, name, lengths] = /^(.+)=([^=]*)$/s.exec(text) ?? [];
  if (name === undefined || lengths === undefined)
    throw new InvalidArgumentError("Expected NAME=LENGTHS, latent_sample=4,8,8 say.");
  if (before.some((each) => each.name === name)) {
    throw new InvalidArgumentError(`${name} is given twice, expected each input once.`);
  }
  return [...before, { name, shape: parseCounts(lengths) }];
}

/** Parses a nonempty name of an option that may be repeated, and appends it to the names parsed before. */
export function parseNames(text: string, before: readonly string[] = []): string[] {
  if (text === "") throw new InvalidArgumentError("Expected a name.");
  return [...before, text];
}

/** Parsers of options that may be repeated; each appends its value to those parsed before. */
export const collectors: ReadonlySet<unknown> = new Set([parseFixed, parseNames, parseShapes]);

/** Type of a camel-case name in kebab case, as `kebabCase` returns it. */
export type KebabCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `-${Lowercase<First>}`}${KebabCase<Rest>}`
  : Name;

/** Converts an option's name from camel case to kebab case: `stepInit` to `step-init`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
