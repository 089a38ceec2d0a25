import { type Command, Option } from "commander";
import type { Field } from "../../base/options.ts";
import { type Bounds, showLimits } from "../../base/show.ts";
import { LatentflowError } from "../../index.ts";
import { MAX_COUNT } from "../../solver/base.ts";
import { messageInFlags } from "./message.ts";
import { gives, refuseOptions, wrongUsage } from "./options.ts";
import { kebabCase, parseNumber } from "./parse.ts";

/** A value of the library that a command's user chooses by name, with options that not every member has. */
export interface Choice<T extends object> {
  /** The option that names the member: `solver`. */
  readonly name: string;
  /** Description of the choice, for the help. */
  readonly text: string;
  /** Members that can be chosen, the default first. */
  readonly members: Readonly<Record<string, Member<T>>>;
  /** Names of flags by option, where another choice has an option of the same name. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Readers of values by option, of those that are neither numbers nor words. */
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

/** A member that one function of the library makes, by the table of its options. */
export function member<T>(
  make: (options: never) => T,
  fields: Member<T>["fields"],
  help: Member<T>["help"],
): Member<T> {
  return { make: (given) => make(given as never), fields, help };
}

/** Members of a choice by a table of the library's, of a maker and the table of its options for each name. */
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
export function optionsOf<T extends object>({
  members,
}: Choice<T>): Map<string, [name: string, Member<T>][]> {
  const options = new Map<string, [string, Member<T>][]>();
  for (const [name, each] of Object.entries(members)) {
    for (const option of Object.keys(each.fields)) {
      options.set(option, [...(options.get(option) ?? []), [name, each]]);
    }
  }
  return options;
}

/** Name of the program's option for a member's option. */
export function nameOf<T extends object>({ flags }: Choice<T>, option: string): string {
  return flags?.[option] ?? option;
}

/** Adds to a command the option that names the member, and the members' own. */
export function addChoice<T extends object>(command: Command, choice: Choice<T>): void {
  const names = Object.keys(choice.members);
  command.addOption(
    new Option(`--${kebabCase(choice.name)} <name>`, choice.text).choices(names).default(names[0]),
  );
  for (const [option, owners] of optionsOf(choice)) {
    const [, { fields, help }] = owners[0]!;
    const flags = `--${kebabCase(nameOf(choice, option))} <${help[option]![0]}>`;
    const added = gives(new Option(flags, helpOf(option, owners)), `${choice.name}.${option}`);
    const { choices } = fields[option]!;
    command.addOption(
      choices ? added.choices(choices) : added.argParser(choice.parsers?.[option] ?? parseNumber),
    );
  }
}

/** Help of an option: its text, range and defaults: `end of the flow (> 0; amd: 10000; rk4: to be given)`. */
function helpOf<T>(option: string, owners: readonly (readonly [name: string, Member<T>])[]): string {
  const text = byValue(owners, ({ help }) => help[option]![1]);
  const limits = byValue(owners, ({ fields }) => showRange(fields[option]!.bounds));
  const defaults = byValue(owners, ({ fields }) => String(fields[option]!.standard ?? "to be given"));
  const said = (groups: Map<string, string[]>) =>
    groups.size === 1 ? [...groups.keys()][0]! : showGroups(groups);
  const range = said(limits);
  return `${said(text)} (${range && `${range}; `}${showGroups(defaults)})`;
}

/** Names of the kinds that have an option, grouped by what `read` returns for each. */
function byValue<T>(
  owners: readonly (readonly [name: string, Member<T>])[],
  read: (each: Member<T>) => string,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, each] of owners) {
    groups.set(read(each), [...(groups.get(read(each)) ?? []), name]);
  }
  return groups;
}

/** `amd: 10000; euler, rk4: to be given` */
function showGroups(groups: Map<string, string[]>): string {
  return [...groups].map(([value, names]) => `${names.join(", ")}: ${value}`).join("; ");
}

/** Bounds of a number for the help, without a largest count that no computer reaches. */
function showRange({ max, ...bounds }: Bounds = {}): string {
  return showLimits({ ...bounds, ...(max !== undefined && max < MAX_COUNT && { max }) });
}

/** Refuses the options of a choice that does not count, if they are given: that is wrong usage. */
export function refuseChoice<T extends object>(command: Command, choice: Choice<T>, reason: string): void {
  const options = [...optionsOf(choice).keys()].map((option) => nameOf(choice, option));
  refuseOptions(command, [choice.name, ...options], reason);
}

/**
 * The value that the command's options choose. An option that it does not have, one that it needs and is not
 * given, and a value that it refuses are wrong usage.
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

/** Flag for an option of the members. */
function flagIn<T extends object>(choice: Choice<T>, paths: readonly string[]): string | undefined {
  const name = paths.find((path) => optionsOf(choice).has(path));
  return name && `--${kebabCase(nameOf(choice, name))}`;
}
