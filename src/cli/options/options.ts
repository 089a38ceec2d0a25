import { type Command, InvalidArgumentError } from "commander";
import { ENCODE_FIELDS, ENCODE_HELP } from "../../api/encode.ts";
import { type Backend, type EncodeOptions, LatentflowError, wasm } from "../../index.ts";
import { exitCodes } from "../exit-codes.ts";
import { VECTOR_CHOICES } from "../vectors.ts";
import { addFlags, flag, isRequired, type OptionsOf } from "./flag-table.ts";
import { collectors, kebabCase, numberWithin, parseCount } from "./parse.ts";

const RUNNING_FLAGS = {
  json: flag("", "print one JSON document on stdout instead of the table"),
  quiet: flag("", "show no progress on stderr"),
  plain: flag("", "use WASM without relaxed SIMD: slower, and the same result on every machine"),
  threads: flag("<n>", "work on so many threads; the result is the same (default: all cores)", {
    parse: parseThreads,
  }),
  vectors: flag(
    "<name>",
    "auto: 256 bits, by a flag of V8, where Node 24 or later on x64 passes a self-check; the same result, faster",
    { choices: VECTOR_CHOICES, standard: "auto" },
  ),
};

/** Options on printing and running, as commander hands them over. */
export type RunningOptions = Partial<OptionsOf<typeof RUNNING_FLAGS>>;

/** Adds the options of `RunningOptions`. */
export function addRunningOptions(command: Command): Command {
  return addFlags(command, RUNNING_FLAGS, "Output and running:");
}

/** Parses a number of threads and checks it before the command reads its files. */
function parseThreads(text: string): number {
  const threads = parseCount(text);
  try {
    wasm({ threads });
    return threads;
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw new InvalidArgumentError(`Expected ${error.expected}.`);
  }
}

/** Options that the program passes on to `encode` unchanged. */
export type EncodeSettings = { readonly [Name in keyof typeof ENCODE_HELP]?: EncodeOptions[Name] };

/** Adds the options of `EncodeSettings`. */
export function addEncodeSettings(command: Command): Command {
  const flags = Object.entries(ENCODE_HELP).map(([name, [value, text]]) => {
    const parse = numberWithin(ENCODE_FIELDS[name as keyof typeof ENCODE_HELP].bounds ?? {});
    return [name, flag(`<${value}>`, text, { parse })];
  });
  return addFlags(command, Object.fromEntries(flags));
}

/** Options of `EncodeSettings` among a command's. */
export function encodeSettings(given: EncodeSettings): EncodeSettings {
  const names = Object.keys(ENCODE_HELP) as (keyof EncodeSettings)[];
  return Object.fromEntries(names.map((name) => [name, given[name]]));
}

/** Refuses a command line that lacks a required option. */
export function checkRequired(command: Command): void {
  const missing = command.options
    .filter((option) => isRequired(option) && command.getOptionValue(option.attributeName()) === undefined)
    .map(({ flags }) => `'${flags}'`);
  if (missing.length === 0) return;
  wrongUsage(command, `required option${missing.length > 1 ? "s" : ""} ${missing.join(", ")} not specified`);
}

/** Refuses a flag given twice, unless its values are collected: commander would drop the first value silently. */
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

/** Ends the program with an error of wrong usage. */
export function wrongUsage(command: Command, message: string): never {
  return command.error(`error: ${message}`, { exitCode: exitCodes.usage });
}

/** Refuses, as wrong usage, options that have no effect in this command line. */
export function refuseOptions(command: Command, names: readonly string[], reason: string): void {
  const given = names.find((name) => command.getOptionValueSource(name) === "cli");
  if (given !== undefined) wrongUsage(command, `--${kebabCase(given)} does not go with ${reason}`);
}

/** Backend that does the work. */
export function backendOf({ plain, threads }: RunningOptions): Backend {
  return wasm({ ...(plain && { relaxed: false }), ...(threads && { threads }) });
}
