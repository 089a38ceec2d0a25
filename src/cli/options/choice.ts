import type { Command } from "commander";
import type { Field } from "../../base/options.ts";
import { LatentflowError } from "../../index.ts";
import { addFlags, type Flag, flag } from "./flag-table.ts";
import { textsOf, usageOf } from "./library-flags.ts";
import { inFlags } from "./message-in-flags.ts";
import { kebabCase, parseNumber } from "./parse.ts";
import { refuseOptions, wrongUsage } from "./running.ts";

/**
 * A choice among values of the library, such as solvers, made on the command line: one option names the member, other
 * options set its fields. Not every member has every option.
 */
export interface Choice<T extends object> {
  /** Option that names the member, without dashes, such as `solver`. */
  readonly name: string;
  /** Description of the option that names the member, for the help. */
  readonly text: string;
  /** Members to choose from, by name. The first is the default. */
  readonly members: Readonly<Record<string, Member<T>>>;
  /**
   * Names, without dashes, of the command-line options that set options of the members, by the member's option. Lists only
   * options for which the two names differ, because another choice has an option of the same name.
   */
  readonly flags?: Readonly<Record<string, string>>;
  /**
   * Parsers of the command-line values of members' options, by option, for values that are neither a number nor one of a list
   * of words.
   */
  readonly parsers?: Readonly<Record<string, (text: string) => unknown>>;
}

/** A member of a choice, such as one solver: its options and how to make its value from them. */
export interface Member<T> {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  /** Help text of each option. */
  readonly texts: Readonly<Record<string, string>>;
  /**
   * Makes the value from the given options.
   *
   * @throws LatentflowError for invalid options
   */
  readonly make: (given: Readonly<Record<string, unknown>>) => T;
}

/** Name and options of a chosen value, for reports. */
export interface Description {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** The value that the command line chooses, such as a solver. */
export interface Chosen<T> {
  readonly value: T;
  /** Name of `value`, such as `lbfgs`, and all of its options, defaults included, for reports. */
  readonly description: Description;
}

/**
 * Makes a member of a choice from a function of the library, such as a solver's, and the table of its options.
 *
 * @param call name of the function, whose options' docstrings are the help
 */
export function member<T>(call: string, make: (options: never) => T, fields: Member<T>["fields"]): Member<T> {
  return { make: (given) => make(given as never), fields, texts: textsOf(call) };
}

/**
 * Makes the members of a choice from one of the library's tables, which has a function and a table of options for each
 * name.
 */
export function membersOf<T>(table: {
  readonly [name: string]: { readonly make: (options: never) => T; readonly fields: Member<T>["fields"] };
}): Choice<T & object>["members"] {
  const entries = Object.entries(table).map(([name, { make, fields }]) => [name, member(name, make, fields)]);
  return Object.fromEntries(entries);
}

/** Returns all options of a choice's members, each with the members that have it. */
export function optionsOf<T extends object>({ members }: Choice<T>) {
  const pairs = Object.entries(members).flatMap((member) =>
    Object.keys(member[1].fields).map((option) => [option, member] as const),
  );
  return groupBy(pairs);
}

/** Groups pairs by key: returns the values of each key, in order. */
function groupBy<T>(pairs: readonly (readonly [key: string, value: T])[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [key, value] of pairs) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}

/** Returns the name, without dashes, of the command-line option that sets the option `option` of a choice's members. */
export function nameOf<T extends object>({ flags }: Choice<T>, option: string): string {
  return flags?.[option] ?? option;
}

/** Adds the options of a choice to a command: the one that names the member, and those of all members. */
export function addChoice<T extends object>(command: Command, choice: Choice<T>): void {
  const names = Object.keys(choice.members);
  const flags: Record<string, Flag> = {
    [choice.name]: flag("<name>", choice.text, { choices: names, standard: names[0] }),
  };
  for (const [option, owners] of optionsOf(choice)) {
    const field = owners[0]![1].fields[option]!;
    const { choices } = field;
    const reading = choices ? { choices } : { parse: choice.parsers?.[option] ?? parseNumber };
    flags[nameOf(choice, option)] = flag(usageOf(field), helpOf(option, owners), {
      ...reading,
      gives: [`${choice.name}.${option}`],
    });
  }
  addFlags(command, flags);
}

/** Returns the help of a member's option, with its defaults: `end time of the flow, > 0 (amd: 10000; rk4: required)`. */
function helpOf<T>(option: string, owners: readonly (readonly [name: string, Member<T>])[]): string {
  const byValue = (read: (each: Member<T>) => string) =>
    groupBy(owners.map(([name, each]) => [read(each), name] as const));
  const texts = byValue((each) => each.texts[option] ?? "");
  const text = texts.size === 1 ? [...texts.keys()][0]! : showGroups(texts, " | ");
  const defaults = byValue(({ fields }) => String(fields[option]!.standard ?? "required"));
  return `${text} (${showGroups(defaults)})`;
}

/** Formats names of members grouped by a text, such as their default: `amd: 10000; euler, rk4: required`. */
function showGroups(groups: Map<string, string[]>, separator = "; "): string {
  return [...groups].map(([value, names]) => `${names.join(", ")}: ${value}`).join(separator);
}

/** Exits with an error of usage if an option of a choice is given that has no effect with the other options. */
export function refuseChoice<T extends object>(command: Command, choice: Choice<T>, reason: string): void {
  const options = [...optionsOf(choice).keys()].map((option) => nameOf(choice, option));
  refuseOptions(command, [choice.name, ...options], reason);
}

/**
 * Makes the value that a command's options choose. Exits with an error of usage if an option does not belong to the
 * chosen member, is missing, or is out of range.
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
    // A default that depends on another option is read from the value itself.
    const all: Readonly<Record<string, unknown>> = { ...given, ...value };
    const own = Object.entries(fields).map(([option, { standard }]) => [option, all[option] ?? standard]);
    return { value, description: { name, ...Object.fromEntries(own) } };
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    return wrongUsage(command, inFlags(error, command, choice.name));
  }
}
