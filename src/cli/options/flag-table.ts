import { type Command, Option } from "commander";
import { kebabCase } from "./parse.ts";

// Tables of command-line options: each option is declared once, from which the type of the parsed options is derived.

/** Optional properties of a command-line option. */
interface Traits {
  /**
   * Parser of the option's text, which returns its value. For an option that may be repeated, the parser also gets the value so
   * far. Default: the text is the value.
   */
  readonly parse?: (text: string, before?: never) => unknown;
  /** Allowed values. */
  readonly choices?: readonly string[];
  /** Default value of the option. `standardText` replaces it in the help. */
  readonly standard?: unknown;
  readonly standardText?: string;
  /** True if the option must be given. */
  readonly required?: true;
  /**
   * Paths of the library's options that this command-line option sets, in addition to the path that equals its own name; error
   * messages name the command-line option instead. Examples: `y`, `validation.y`, or `loadOnnx.output` for the option of one
   * function.
   */
  readonly gives?: readonly string[];
  /** Name of an option that this one cannot be combined with. */
  readonly conflicts?: string;
}

/**
 * A command-line option with a value of type T. `Always` is true if it is required or has a default, so that its parsed
 * value is never undefined.
 */
export interface Flag<T = unknown, Always extends boolean = boolean> {
  /**
   * Placeholder of the option's value in the help: `<n>`; `[file]` if it may be omitted; `<files...>` for several; empty for a
   * switch.
   */
  readonly usage: string;
  readonly text: string;
  readonly traits: Traits;
  /** Never set; it only carries the type parameters. */
  readonly type?: { readonly value: T; readonly always: Always };
}

/** Command-line options by name, in camel case. */
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<Usage, T> = T extends { readonly parse: (...args: never) => infer Value }
  ? Value
  : T extends { readonly choices: readonly (infer Value)[] }
    ? Value
    : Usage extends ""
      ? true
      : Usage extends `[${string}`
        ? string | true
        : Usage extends `${string}...>`
          ? readonly string[]
          : string;

type IsAlways<T> = T extends { readonly required: true } | { readonly standard: unknown } ? true : false;

/** Names of the options in a table whose parsed value is never undefined. */
type AlwaysIn<Table extends Flags> = {
  [Name in keyof Table]: Table[Name] extends Flag<unknown, true> ? Name : never;
}[keyof Table];

type TypeOf<Each> = Each extends Flag<infer Value, boolean> ? Value : never;

/** Type of the parsed options of a table. */
export type OptionsOf<Table extends Flags> = {
  readonly [Name in AlwaysIn<Table>]: TypeOf<Table[Name]>;
} & {
  readonly [Name in Exclude<keyof Table, AlwaysIn<Table>>]?: TypeOf<Table[Name]> | undefined;
};

/**
 * Declares a command-line option.
 *
 * @param usage placeholder of the option's value in the help, such as `<n>`; empty for a switch
 * @param text description for the help
 */
export function flag<const Usage extends string, const T extends Traits = object>(
  usage: Usage,
  text: string,
  traits?: T,
): Flag<ValueOf<Usage, T>, IsAlways<T>> {
  return { usage, text, traits: traits ?? {} };
}

/** Properties of each option that `addFlags` has added. */
const traitsOf = new WeakMap<Option, Traits>();

/**
 * Adds a table of options to a command.
 *
 * @param heading heading of a new group in the help; without it, the options join the current group
 */
export function addFlags(command: Command, flags: Flags, heading?: string): Command {
  if (heading !== undefined) command.optionsGroup(heading);
  for (const [name, { usage, text, traits }] of Object.entries(flags)) {
    const { parse, choices, standard, standardText, required, conflicts } = traits;
    const option = new Option(`--${kebabCase(name)} ${usage}`.trim(), required ? `${text} (required)` : text);
    if (choices) option.choices(choices);
    if (parse) option.argParser(parse as (text: string) => unknown);
    if (conflicts !== undefined) option.conflicts(conflicts);
    traitsOf.set(option, traits);
    command.addOption(option.default(standard, standardText));
  }
  return command;
}

/** Returns a command-line option as it is written, such as `--batch-size`. */
export function flagOf(option: Option): string {
  return `--${kebabCase(option.attributeName())}`;
}

/** Returns the command-line options that set the library's option at a path, first the one with the library option's name. */
export function settersOf(command: Command, path: string): Option[] {
  const isNamesake = (option: Option) => option.attributeName() === path;
  const others = command.options.filter((option) => traitsOf.get(option)?.gives?.includes(path));
  return [...command.options.filter(isNamesake), ...others.filter((option) => !isNamesake(option))];
}

/**
 * Returns the command-line option that sets the library's option at a path such as `validation.weights` or, if none does,
 * at a parent of the path; undefined if none does.
 */
export function setterOf(command: Command, path: string): Option | undefined {
  for (let prefix = path; prefix !== ""; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
    const options = settersOf(command, prefix);
    const isGiven = (option: Option) => command.getOptionValueSource(option.attributeName()) === "cli";
    if (options.length > 0) return options.find(isGiven) ?? options[0];
  }
  return undefined;
}

/**
 * True if the option must be given. commander's own check is not used: it would report a missing option before a misspelt
 * one, and only one of several.
 */
export function isRequired(option: Option): boolean {
  return traitsOf.get(option)?.required ?? false;
}
