// Encodes a page's state in the part of its address after #, with one parameter for each field of the state.

/** Converts one field of a page's state to text and back. */
export interface Coding<T> {
  /** Formats a value as text; undefined if it is left out of the address. */
  write(value: T): string | undefined;
  /** Parses the text of a field; undefined if it is not valid. */
  read(text: string): T | undefined;
}

/** Conversions for all fields of a page's state. */
export type Codings<State> = { readonly [Field in keyof State]-?: Coding<NonNullable<State[Field]>> };

/**
 * Formats the defined fields of a state as the part of an address after #.
 *
 * @param version version of the format, stored as parameter `v`
 */
export function writeFields<State extends object>(
  version: string,
  codings: Codings<State>,
  state: { readonly [Field in keyof State]?: State[Field] | undefined },
): string {
  const fields = new URLSearchParams({ v: version });
  for (const name of Object.keys(codings) as (keyof State & string)[]) {
    const value = state[name];
    const text = value === undefined ? undefined : (codings[name] as Coding<unknown>).write(value);
    if (text !== undefined) fields.set(name, text);
  }
  return fields.toString();
}

/**
 * Reads a page's state from an address. Fields that are missing keep their initial values.
 *
 * @param hash part of the address from # on
 * @param state initial state, which the address's values are written into
 * @returns undefined if the address has no state, as in a link to a heading, or if any part of it is not valid or occurs
 *   twice: a partial state would differ from what was shared
 */
export function readFields<State extends object>(
  version: string,
  codings: Codings<State>,
  hash: string,
  state: State,
): State | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  if (fields.get("v") !== version || new Set(fields.keys()).size < [...fields].length) return undefined;
  fields.delete("v");
  for (const [name, text] of fields) {
    if (!Object.hasOwn(codings, name)) return undefined;
    const value = (codings[name as keyof State] as Coding<unknown>).read(text);
    if (value === undefined) return undefined;
    Object.assign(state, { [name]: value });
  }
  return state;
}

/** Makes the conversion for a field that is one of several names. */
export function oneOf<T extends string>(names: readonly T[]): Coding<T> {
  return { write: (name) => name, read: (text) => names.find((name) => name === text) };
}

/** Makes the conversion for a number from `least` to `most`, in steps that a decimal represents exactly. */
export function numberBetween(least: number, most: number, step: number): Coding<number> {
  const decimals = step < 1 ? -Math.floor(Math.log10(step)) : 0;
  return {
    write: (value) => String(Number(value.toFixed(decimals))),
    read(text) {
      const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most && Number(value.toFixed(decimals)) === value ? value : undefined;
    },
  };
}

/** Encodes bytes as base64 for URLs: RFC 4648, section 5, without padding. */
export function toText(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Decodes base64 for URLs, without padding; undefined if the text is not valid. */
export function fromText(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
  } catch {
    return undefined;
  }
}
