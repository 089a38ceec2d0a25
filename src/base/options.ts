import { calling } from "./calling.ts";
import { checkChoice, checkFlag, checkNumber, checkOptions, checkSignal } from "./check.ts";
import { refused } from "./refuse.ts";
import { type Bounds, show } from "./show.ts";

// A table with a field for each option of a function: its check and its default. The flags of the command line are made from the
// same tables.

/** Definition of an option: how its value is checked, and its default. */
export interface Field<Value> {
  /**
   * Returns the checked value, converted if need be; throws an `invalid_argument` error that names the option if it is
   * invalid.
   */
  readonly check: (name: string, value: unknown) => Value;
  /** Default of the option; absent for a required option. */
  readonly standard?: Value;
  /** Allowed words of an option that is one of several; undefined for options of other types. */
  readonly choices?: readonly string[];
  /** Bounds of a numeric option; undefined for options of other types. */
  readonly bounds?: Bounds;
}

/** Fields (check and default) of all options of an interface; the compiler reports missing and excess fields. */
export type FieldsOf<Options> = {
  readonly [Name in keyof Options]-?: Field<
    undefined extends Options[Name] ? Exclude<Options[Name], undefined> | undefined : Options[Name]
  >;
};

/** Checked values of the options that `Fields` defines. */
export type ValuesOf<Fields> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never;
};

/** Definition of a numeric option within bounds, from which a flag of the command line can be made. */
export interface NumberField<Value = number> extends Field<Value> {
  readonly bounds: Bounds;
}

/** Makes the field (check and default) of a number within bounds. Without the default `standard` the option is required. */
// @__NO_SIDE_EFFECTS__
export function number(bounds: Bounds, standard?: number): NumberField {
  const check = (name: string, value: unknown) => checkNumber(name, value, bounds);
  return { check, bounds, ...(standard !== undefined && { standard }) };
}

/**
 * Makes the field (check and default) of an integer from `min` to `max`; without `max`, of any integer ≥ `min`. Without the
 * default `standard` the option is required.
 */
// @__NO_SIDE_EFFECTS__
export function count(min: number, standard?: number, max?: number): NumberField {
  return number({ min, integer: true, ...(max !== undefined && { max }) }, standard);
}

/** Makes the field (check and default) of an option that is one of the words `choices`; the first is the default. */
// @__NO_SIDE_EFFECTS__
export function choice<const Word extends string>(...choices: readonly Word[]): Field<Word> {
  const check = (name: string, value: unknown) => checkChoice(name, value, choices);
  return { check, choices, standard: choices[0]! };
}

/** Makes the field (check and default) of an option that is true or false, by default `standard`. */
// @__NO_SIDE_EFFECTS__
export function flag(standard: boolean): Field<boolean> {
  return { check: checkFlag, standard };
}

/** Makes the field (check and default) of an option that is a callback function, by default undefined. */
// @__NO_SIDE_EFFECTS__
export function callback<Callback>(): Field<Callback | undefined> {
  return optional({
    check: (name, value) => {
      if (typeof value === "function") return value as Callback;
      throw refused(name, "is", show(value), "a function");
    },
  });
}

/** Makes the field (check and default) of an option that is an AbortSignal, by default undefined. */
// @__NO_SIDE_EFFECTS__
export function signal<Signal>(): Field<Signal | undefined> {
  return optional({
    check: (_, value) => {
      checkSignal(value as AbortSignal);
      return value as Signal;
    },
  });
}

/**
 * Makes the field of an option that is undefined by default and is not checked by its field, but later, together with other
 * options or the decoder.
 */
// @__NO_SIDE_EFFECTS__
export function later<Value>(): Field<Value> {
  return { check: (_name, value) => value as Value, standard: undefined as Value };
}

/** Returns a copy of the field `field` with the default undefined. */
export function optional<Value>(field: NumberField<Value>): NumberField<Value | undefined>;
export function optional<Value>(field: Field<Value>): Field<Value | undefined>;
// @__NO_SIDE_EFFECTS__
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  return { ...field, standard: undefined };
}

/**
 * Checks all options and returns their values with defaults filled in; an option that is undefined counts as left out.
 *
 * @param fields definition of every option
 * @param why reasons why certain options do not exist, by name, for users who look for them
 * @throws LatentflowError `invalid_argument` on an unknown option or a wrong value
 */
export function completeOptions<Fields extends { readonly [name: string]: Field<unknown> }>(
  given: { readonly [Name in keyof Fields]?: unknown } | undefined,
  fields: Fields,
  why?: Readonly<Record<string, string>>,
): ValuesOf<Fields> {
  checkOptions(given as object | undefined, fields, why);
  const values = Object.entries<Field<unknown>>(fields).map(([name, field]) => {
    const value = given?.[name];
    const isDefault = value === undefined && "standard" in field;
    return [name, isDefault ? field.standard : field.check(name, value)];
  });
  return Object.fromEntries(values) as ValuesOf<Fields>;
}

/**
 * Makes the plain value (an object of a name and options) that the public function called `name` returns, frozen.
 *
 * @throws LatentflowError `invalid_argument`, which names the function
 */
export function plainValue<
  const Name extends string,
  Fields extends { readonly [name: string]: Field<unknown> },
>(
  name: Name,
  options: { readonly [Key in keyof Fields]?: unknown } | undefined,
  fields: Fields,
): Readonly<{ name: Name } & ValuesOf<Fields>> {
  return calling(name, () => Object.freeze({ name, ...completeOptions(options, fields) }));
}
