import { type Command, Option } from "commander";
import { kebabCase } from "./parse.ts";

// Flags of commands are tables by the names of their options: each is declared once, and the options' types follow.

/** Traits of a flag. */
interface Traits {
  /** Parser of the value. For a flag that may be repeated it gets the value before. Default: the text is the value. */
  readonly parse?: (text: string, before?: never) => unknown;
  /** Texts that the value may be. */
  readonly choices?: readonly string[];
  /** Default of the option, and its description for the help where that is not the value itself. */
  readonly standard?: unknown;
  readonly standardText?: string;
  /** True if the flag must be given. */
  readonly required?: true;
  /**
   * Paths of the library's options that the flag sets, if they are not of its own name, so that messages name the flag in
   * their place: `y`, `validation.y`, or `loadOnnx.output` for an option of one function.
   */
  readonly gives?: readonly string[];
  /** Option that the flag cannot be given with. */
  readonly conflicts?: string;
}

/** A flag of a command, whose value is of the type T. The option is always there if `Always`. */
export interface Flag<T = unknown, Always extends boolean = boolean> {
  /** Placeholder of the value: `<n>`, `[file]` if it may be left out, `<files...>` for several; empty for a switch. */
  readonly usage: string;
  readonly text: string;
  readonly traits: Traits;
  /** Never set: keeps the types. */
  readonly type?: { readonly value: T; readonly always: Always };
}

/** Flags by the names of their options. */
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

/** Names of the flags of a table whose options are always there. */
type AlwaysIn<Table extends Flags> = {
  [Name in keyof Table]: Table[Name] extends Flag<unknown, true> ? Name : never;
}[keyof Table];

type TypeOf<Each> = Each extends Flag<infer Value, boolean> ? Value : never;

/** Options of a table of flags, as commander returns them. */
export type OptionsOf<Table extends Flags> = {
  readonly [Name in AlwaysIn<Table>]: TypeOf<Table[Name]>;
} & {
  readonly [Name in Exclude<keyof Table, AlwaysIn<Table>>]?: TypeOf<Table[Name]> | undefined;
};

/** Declares a flag. */
export function flag<const Usage extends string, const T extends Traits = object>(
  usage: Usage,
  text: string,
  traits?: T,
): Flag<ValueOf<Usage, T>, IsAlways<T>> {
  return { usage, text, traits: traits ?? {} };
}

/** Traits of the options that `addFlags` has added. */
const traitsOf = new WeakMap<Option, Traits>();

/** Adds flags to a command. @param heading of their group in the help; without one they follow the flags before */
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

/** Returns the paths of the library's options that a flag sets. */
export function pathsOf(option: Option): readonly string[] {
  return [...(traitsOf.get(option)?.gives ?? []), option.attributeName()];
}

/**
 * True for a flag that must be given. commander's own would report a missing flag before a misspelt one, and only one of
 * several.
 */
export function isRequired(option: Option): boolean {
  return traitsOf.get(option)?.required ?? false;
}
