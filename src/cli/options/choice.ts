import { type Command, Option } from "commander";
import { LatentflowError } from "../../index.ts";
import { splitMessage } from "./message.ts";
import { refuseOptions, wrongUsage } from "./options.ts";
import { kebabCase, parseNumber } from "./parse.ts";

/** A value of the library that a command's user chooses by name, with options that not every member has. */
export interface Choice<T extends object> {
  /** The option that names the member: `solver`. */
  readonly name: string;
  /** What is chosen, for the help. */
  readonly text: string;
  /** What can be chosen, the default first. */
  readonly members: Readonly<Record<string, Member<T>>>;
  /** What the members' options mean, each once. */
  readonly options: Readonly<Record<string, ChoiceOption>>;
}

/** One of those values, with the names of its options. */
export interface Member<T, Name extends string = string> {
  /** Its options with their defaults; undefined where there is none, so that the user must give one. */
  readonly defaults: Readonly<Record<Name, unknown>>;
  /** Makes it of the options that were given, or throws a LatentflowError. */
  readonly make: (given: Readonly<Record<string, unknown>>) => T;
}

/** An option of some of the members. */
export interface ChoiceOption {
  /** What its value is, for the help: `time`. */
  readonly value: string;
  readonly text: string;
  /** The command's name for it, where that is not its own: other choices may have one of the same name. */
  readonly as?: string;
  /** The words it takes. Without them it is a number, or what `parse` makes of it. */
  readonly words?: readonly string[];
  readonly parse?: (text: string) => unknown;
}

/** What options mean, of all that the members have: the compiler names one that is missing, or that none of them has. */
export type OptionsOf<Members> = Readonly<Record<NameOf<Members[keyof Members]>, ChoiceOption>>;
type NameOf<M> = M extends Member<unknown, infer Name> ? Name : never;

/** A name and options. */
export interface Description {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** What the user has chosen. */
export interface Chosen<T> {
  readonly value: T;
  /** Its name and all of its options, for reports. */
  readonly description: Description;
  /** The same value but for one option, where it has that option. */
  readonly withOption: (name: string, value: unknown) => T;
}

/**
 * A member that one function of the library makes, which checks the values that it is given.
 *
 * @param defaults an object with the defaults among its properties: what the function returns will do
 */
export function member<O, T>(
  make: (options: O) => T,
  defaults: { readonly [Name in OptionOf<O>]: unknown },
): Member<T, OptionOf<O>> {
  return { make: (given) => make(given as O), defaults: { ...defaults } };
}

/** The names of a function's options, where it has any. */
type OptionOf<O> = keyof NonNullable<O> & string;

/** Adds to a command the option that names the member, and the members' own. */
export function addChoice<T extends object>(command: Command, choice: Choice<T>): void {
  const names = Object.keys(choice.members);
  command.addOption(
    new Option(`--${kebabCase(choice.name)} <name>`, choice.text).choices(names).default(names[0]),
  );
  for (const [name, { value, text, words, as, parse }] of Object.entries(choice.options)) {
    const option = new Option(`--${kebabCase(as ?? name)} <${value}>`, `${text} (${owners(choice, name)})`);
    command.addOption(words ? option.choices(words) : option.argParser(parse ?? parseNumber));
  }
}

/** Whose option it is and what it is by default: `amd: 10000; euler, rk4: to be given`. */
function owners<T extends object>({ members }: Choice<T>, option: string): string {
  const byDefault = new Map<unknown, string[]>();
  for (const [name, { defaults }] of Object.entries(members)) {
    if (!(option in defaults)) continue;
    byDefault.set(defaults[option], [...(byDefault.get(defaults[option]) ?? []), name]);
  }
  return [...byDefault].map(([value, names]) => `${names.join(", ")}: ${value ?? "to be given"}`).join("; ");
}

/** Refuses the options of a choice that does not count, if they are given: that is wrong usage. */
export function refuseChoice<T extends object>(command: Command, choice: Choice<T>, reason: string): void {
  const options = Object.entries(choice.options).map(([name, { as = name }]) => as);
  refuseOptions(command, [choice.name, ...options], reason);
}

/**
 * The value that the command's options choose. An option that it does not have, one that it needs and is not
 * given, and a value that it refuses are wrong usage.
 */
export function chosen<T extends object>(command: Command, choice: Choice<T>): Chosen<T> {
  const options = command.opts<Readonly<Record<string, unknown>>>();
  const name = String(options[choice.name]);
  const { defaults, make } = choice.members[name]!;

  const given: Record<string, unknown> = {};
  for (const [option, { as = option }] of Object.entries(choice.options)) {
    const flag = `--${kebabCase(as)}`;
    if (options[as] !== undefined) {
      if (!(option in defaults)) wrongUsage(command, `${flag} is no option of --${choice.name} ${name}`);
      given[option] = options[as];
    } else if (option in defaults && defaults[option] === undefined) {
      wrongUsage(command, `--${choice.name} ${name} needs ${flag}`);
    }
  }
  try {
    const value = make(given);
    // Where a default depends on another option, the value itself knows it.
    const all = { ...defaults, ...given, ...value };
    const own = Object.keys(choice.options).filter((option) => option in defaults);
    return {
      value,
      description: { name, ...Object.fromEntries(own.map((option) => [option, all[option]])) },
      withOption: (option, changed) => (option in defaults ? make({ ...given, [option]: changed }) : value),
    };
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    return wrongUsage(command, withOwnFlag(choice, error.message));
  }
}

/** A maker's message, with the flag for the option that it names. */
function withOwnFlag<T extends object>({ options }: Choice<T>, message: string): string {
  const parts = splitMessage(message);
  const option = parts && options[parts.word];
  return option ? `--${kebabCase(option.as ?? parts.word)}${parts.rest}` : message;
}
