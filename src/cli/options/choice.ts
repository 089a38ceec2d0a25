import type { Command } from "commander";
import type { Field } from "../../base/options.ts";
import { type Bounds, showLimits } from "../../base/show.ts";
import { LatentflowError } from "../../index.ts";
import { MAX_COUNT } from "../../solver/base.ts";
import { addFlags, type Flag, flag } from "./flag-table.ts";
import { messageInFlags } from "./message.ts";
import { refuseOptions, wrongUsage } from "./options.ts";
import { kebabCase, parseNumber } from "./parse.ts";

/**
 * Choice among values of the library, such as solvers: a command's user names one, and gives its options, which not every
 * member has.
 */
export interface Choice<T extends object> {
  /** Option that names the member: `solver`. */
  readonly name: string;
  /** Description of the choice, for the help. */
  readonly text: string;
  /** Members that can be chosen, the default first. */
  readonly members: Readonly<Record<string, Member<T>>>;
  /** Flag names by option, for options whose name another choice uses, too. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Parsers by option, for values that are neither numbers nor words. */
  readonly parsers?: Readonly<Record<string, (text: string) => unknown>>;
}

/** Value of a choice, with its options. */
export interface Member<T> {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  readonly help: Readonly<Record<string, readonly [value: string, text: string]>>;
  /** Makes the value from the options that were given, or throws a LatentflowError. */
  readonly make: (given: Readonly<Record<string, unknown>>) => T;
}

/** A name and options. */
export interface Description {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** Value that the user has chosen. */
export interface Chosen<T> {
  readonly value: T;
  /** Name and all options of the value, for reports. */
  readonly description: Description;
  /** Makes the value with another value of one option, if it has that option. */
  readonly withOption: (name: string, value: unknown) => T;
}

/** Makes a member of a choice from one function of the library and the table of its options. */
export function member<T>(
  make: (options: never) => T,
  fields: Member<T>["fields"],
  help: Member<T>["help"],
): Member<T> {
  return { make: (given) => make(given as never), fields, help };
}

/** Makes the members of a choice from a table of the library's, which has a maker and a table of options for each name. */
export function membersOf<T>(
  table: {
    readonly [name: string]: { readonly make: (options: never) => T; readonly fields: Member<T>["fields"] };
  },
  help: Member<T>["help"],
): Choice<T & object>["members"] {
  const entries = Object.entries(table).map(([name, { make, fields }]) => [name, member(make, fields, help)]);
  return Object.fromEntries(entries);
}

/** Options of all members, each with the members that have it. */
export function optionsOf<T extends object>({ members }: Choice<T>) {
  const pairs = Object.entries(members).flatMap((member) =>
    Object.keys(member[1].fields).map((option) => [option, member] as const),
  );
  return groupBy(pairs);
}

/** Values of each key, in order. */
function groupBy<T>(pairs: readonly (readonly [key: string, value: T])[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [key, value] of pairs) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}

/** Name of the program's option for a member's option. */
export function nameOf<T extends object>({ flags }: Choice<T>, option: string): string {
  return flags?.[option] ?? option;
}

/** Adds to a command the option that names the member, and the members' own. */
export function addChoice<T extends object>(command: Command, choice: Choice<T>): void {
  const names = Object.keys(choice.members);
  const flags: Record<string, Flag> = {
    [choice.name]: flag("<name>", choice.text, { choices: names, standard: names[0] }),
  };
  for (const [option, owners] of optionsOf(choice)) {
    const [, { fields, help }] = owners[0]!;
    const { choices } = fields[option]!;
    const reading = choices ? { choices } : { parse: choice.parsers?.[option] ?? parseNumber };
    flags[nameOf(choice, option)] = flag(`<${help[option]![0]}>`, helpOf(option, owners), {
      ...reading,
      gives: [`${choice.name}.${option}`],
    });
  }
  addFlags(command, flags);
}

/** Help of an option: its text, range and defaults: `end of the flow (> 0; amd: 10000; rk4: to be given)`. */
function helpOf<T>(option: string, owners: readonly (readonly [name: string, Member<T>])[]): string {
  const byValue = (read: (each: Member<T>) => string) =>
    groupBy(owners.map(([name, each]) => [read(each), name] as const));
  const said = (groups: Map<string, string[]>) =>
    groups.size === 1 ? [...groups.keys()][0]! : showGroups(groups);
  const text = said(byValue(({ help }) => help[option]![1]));
  const range = said(byValue(({ fields }) => showRange(fields[option]!.bounds)));
  const defaults = byValue(({ fields }) => String(fields[option]!.standard ?? "to be given"));
  return `${text} (${range && `${range}; `}${showGroups(defaults)})`;
}

/** Formats groups of kinds: `amd: 10000; euler, rk4: to be given`. */
function showGroups(groups: Map<string, string[]>): string {
  return [...groups].map(([value, names]) => `${names.join(", ")}: ${value}`).join("; ");
}

/** Formats the bounds of a number for the help, without an upper bound beyond any practical count. */
function showRange({ max, ...bounds }: Bounds = {}): string {
  return showLimits({ ...bounds, ...(max !== undefined && max < MAX_COUNT && { max }) });
}

/** Refuses, as wrong usage, options of a choice that has no effect in this command line. */
export function refuseChoice<T extends object>(command: Command, choice: Choice<T>, reason: string): void {
  const options = [...optionsOf(choice).keys()].map((option) => nameOf(choice, option));
  refuseOptions(command, [choice.name, ...options], reason);
}

/**
 * Makes the value that a command's options choose. Options that the member lacks, required ones that are missing, and values
 * out of range are wrong usage.
 */
export function chosen<T extends object>(command: Command, choice: Choice<T>): Chosen<T> {
  const options = command.opts<Readonly<Record<string, unknown>>>();
  const name = String(options[choice.name]);
  const { fields, make } = choice.members[name]!;

  const given: Record<string, unknown> = {};
  for (const option of optionsOf(choice).keys()) {
    const value = options[nameOf(choice, option)];
    const flag = `--${kebabCase(nameOf(choice, option))}`;
    if (value !== undefined) {
      if (!(option in fields)) wrongUsage(command, `${flag} is no option of --${choice.name} ${name}`);
      given[option] = value;
    } else if (option in fields && !("standard" in fields[option]!)) {
      wrongUsage(command, `--${choice.name} ${name} needs ${flag}`);
    }
  }
  try {
    const value = make(given);
    // Where a default depends on another option, the value itself has it.
    const all: Readonly<Record<string, unknown>> = { ...given, ...value };
    const own = Object.entries(fields).map(([option, { standard }]) => [option, all[option] ?? standard]);
    return {
      value,
      description: { name, ...Object.fromEntries(own) },
      withOption: (option, changed) => (option in fields ? make({ ...given, [option]: changed }) : value),
    };
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    return wrongUsage(command, messageInFlags(error, { flagOf: (paths) => flagIn(choice, paths) }));
  }
}

/** Returns the flag of a member's option. */
function flagIn<T extends object>(choice: Choice<T>, paths: readonly string[]): string | undefined {
  const name = paths.find((path) => optionsOf(choice).has(path));
  return name && `--${kebabCase(nameOf(choice, name))}`;
}
