import type { Field, NumberField } from "../../base/options.ts";
import { type Flag, flag } from "./flag-table.ts";
import { OPTION_TEXTS } from "./option-texts.ts";
import { numberWithin } from "./parse.ts";

// Flags made from the library's tables of options: those for numbers, words and switches need no line of their own here.

type Fields = Readonly<Record<string, Field<unknown>>>;

type ValueOf<Each> = Each extends Field<infer Value> ? Value : never;

/** Names of the options that are a number within bounds, one of several words, or true or false. */
type SettingName<Table> = {
  [Name in keyof Table]: Table[Name] extends NumberField<unknown> | Field<string> | Field<boolean>
    ? Name
    : never;
}[keyof Table];

/** Values of the options in a table of which flags are made. */
export type SettingsOf<Table> = { readonly [Name in SettingName<Table>]: ValueOf<Table[Name]> };

/** Values of the flags made from a table of options; undefined where a flag is left out. */
export type GivenSettings<Table> = {
  readonly [Name in SettingName<Table>]?: ValueOf<Table[Name]> | undefined;
};

/** Returns the help text of an option of the library's function `call`. */
export function textOf(call: string, option: string): string {
  return textsOf(call)[option] ?? "";
}

/** Returns the help texts of the options of the library's function `call`, by option. */
export function textsOf(call: string): Readonly<Record<string, string>> {
  return OPTION_TEXTS[call] ?? {};
}

/**
 * Returns the placeholder of an option's value in the help: `<name>` for one of several words, `<n>` for an integer, `<share>`
 * for a number from 0 to 1, `<number>` for any other, `<value>` for anything else.
 */
export function usageOf({ bounds, choices }: Field<unknown>): string {
  if (choices) return "<name>";
  if (!bounds) return "<value>";
  if (bounds.integer) return "<n>";
  const { above, min = above, below, max = below } = bounds;
  return min === 0 && max !== undefined && max <= 1 ? "<share>" : "<number>";
}

/** True for a number, a word or a switch, which a flag of the program can set. */
export function isSetting({ bounds, choices, standard }: Field<unknown>): boolean {
  return bounds !== undefined || choices !== undefined || typeof standard === "boolean";
}

/** Makes a flag for each option of the library's function `call` that is a number, a word or a switch. */
export function settingFlags(call: string, fields: Fields): Record<string, Flag> {
  const flags = settingsIn(fields).map(([name, field]) => {
    const { bounds, choices, standard } = field;
    const text = textOf(call, name);
    if (!bounds && !choices) return [name, flag("", text)] as const;
    return [name, flag(usageOf(field), text, { ...readingOf(field), standard })] as const;
  });
  return Object.fromEntries(flags);
}

/**
 * Makes the flag of one option of the library that is a number or a word. The help shows the option's default, which the
 * flag itself lacks: it stays undefined unless it is given.
 *
 * @param text help text
 * @param gives paths of the library's options that the flag sets, as for `flag`
 */
export function settingFlag<Value extends number | string>(
  field: Field<Value | undefined>,
  text: string,
  gives: readonly string[],
): Flag<Value, false> {
  const { standard } = field;
  const shown = standard === undefined ? text : `${text} (default: ${standard})`;
  return flag(usageOf(field), shown, { ...readingOf(field), gives }) as Flag<Value, false>;
}

/** Returns how the flag of a word or a number reads its text: as one of the words, or as a number within the bounds. */
function readingOf({ choices, bounds }: Field<unknown>) {
  return choices ? { choices } : { parse: numberWithin(bounds!) };
}

/** Selects the values of flags made from a table of options from a command's options, with defaults filled in. */
export function settingsOf<Table extends Fields>(fields: Table, given: object): SettingsOf<Table> {
  const values = settingsIn(fields).map(([name, { standard }]) => [
    name,
    (given as Readonly<Record<string, unknown>>)[name] ?? standard,
  ]);
  return Object.fromEntries(values) as SettingsOf<Table>;
}

function settingsIn(fields: Fields): [name: string, field: Field<unknown>][] {
  return Object.entries(fields).filter(([, field]) => isSetting(field));
}
