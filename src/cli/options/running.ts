import type { Command } from "commander";
import { ENCODE_FIELDS } from "../../api/encode.ts";
import { MOST_THREADS } from "../../backend/wasm/wasm.ts";
import { type Backend, wasm } from "../../index.ts";
import { EVALUATE_FIELDS } from "../../train/evaluate-options.ts";
import { exitCodes } from "../exit-codes.ts";
import { chosenVectors, VECTOR_CHOICES } from "../vectors.ts";
import { addFlags, flag, isRequired, type OptionsOf } from "./flag-table.ts";
import { type GivenSettings, settingFlags, settingsOf } from "./library-flags.ts";
import { collectors, kebabCase, numberWithin } from "./parse.ts";

const RUNNING_FLAGS = {
  json: flag("", "print one JSON document on stdout instead of the table"),
  quiet: flag("", "show no progress on stderr"),
  plain: flag("", "use WASM without relaxed SIMD: the same result on every machine, but slower"),
  threads: flag("<n>", "number of threads; changes no result (default: all cores)", {
    parse: numberWithin({ min: 1, max: MOST_THREADS, integer: true }),
  }),
  vectors: flag(
    "<name>",
    "width of the processor's vectors in bits; auto: 256 where Node 24 or later on x64 passes a self-check, by a flag of V8, else 128; the same result",
    { choices: VECTOR_CHOICES, standard: "auto" },
  ),
};

/** Parsed options on output and on how to compute. */
export type RunningOptions = Partial<OptionsOf<typeof RUNNING_FLAGS>>;

/** Adds the options in `RunningOptions` to a command. */
export function addRunningOptions(command: Command): Command {
  return addFlags(command, RUNNING_FLAGS, "Output and running:");
}

// Without flags of their own here: `onAbort`, since the program aborts its calls itself, and `gap`, whose flag is in
// commands/evaluate.ts.
const { onAbort, ...encodeFields } = ENCODE_FIELDS;
const { gap, ...evaluateFields } = EVALUATE_FIELDS;

/** Options of `encode` and of `evaluate` of which flags are made. */
const SETTING_FIELDS = { encode: encodeFields, evaluate: evaluateFields };

/** Parsed options that are passed on to the library's `encode` or `evaluate` unchanged. */
export type EncodeSettings = GivenSettings<typeof encodeFields>;

/** Adds a flag to a command for each option that is passed on unchanged to `encode` or `evaluate`. */
export function addEncodeSettings(command: Command, call: "encode" | "evaluate" = "encode"): Command {
  return addFlags(command, settingFlags(call, SETTING_FIELDS[call]));
}

/** Selects, from parsed options, those that are passed on unchanged to `encode` or `evaluate`. */
export function encodeSettings(given: object, call: "encode" | "evaluate" = "encode"): EncodeSettings {
  return settingsOf(SETTING_FIELDS[call], given);
}

/** Exits with an error of usage if a required option is missing. */
export function checkRequired(command: Command): void {
  const missing = command.options
    .filter((option) => isRequired(option) && command.getOptionValue(option.attributeName()) === undefined)
    .map(({ flags }) => `'${flags}'`);
  if (missing.length === 0) return;
  wrongUsage(command, `required option${missing.length > 1 ? "s" : ""} ${missing.join(", ")} not specified`);
}

/**
 * Makes a command exit with an error of usage if an option is given twice, unless it collects values: commander would
 * silently drop the first one.
 */
export function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean() || option.variadic || collectors.has(option.parseArg)) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) wrongUsage(command, `${option.long} is given twice, expected once`);
      isGiven = true;
    });
  }
}

/** Exits with an error of usage, code 2. */
export function wrongUsage(command: Command, message: string): never {
  return command.error(`error: ${message}`, { exitCode: exitCodes.usage });
}

/**
 * Exits with an error of usage if one of the options is given on the command line.
 *
 * @param names options that have no effect here
 * @param reason what they do not go with, for the message
 */
export function refuseOptions(command: Command, names: readonly string[], reason: string): void {
  refuseGiven(command, names, `does not go with ${reason}`);
}

/** Exits with an error of usage if one of the options `names` was given on the command line without `needed`, such as `--encoder <file>`. */
export function refuseWithout(command: Command, needed: string, names: readonly string[]): void {
  refuseGiven(command, names, `needs ${needed}`);
}

/** Exits with an error of usage, `--NAME PROBLEM`, if one of the options `names` was given on the command line. */
export function refuseGiven(command: Command, names: readonly string[], problem: string): void {
  const given = names.find((name) => command.getOptionValueSource(name) === "cli");
  if (given !== undefined) wrongUsage(command, `--${kebabCase(given)} ${problem}`);
}

/**
 * Returns the backend for the parsed options: WASM, without relaxed SIMD for `--plain`, with vectors of the size that
 * `--vectors` chose.
 */
export function backendOf({ plain, threads }: RunningOptions): Backend {
  const module = chosenVectors()?.module;
  return wasm({ module, relaxed: plain && !module ? false : undefined, threads });
}
