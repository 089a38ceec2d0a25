// A state's coding after the # of a page's address: a field of the address for each field of the state.

/** Writing and reading of a field. */
export interface Coding<T> {
  /** Undefined for a value that has no place in an address. */
  write(value: T): string | undefined;
  /** Undefined if the text is none that was written. */
  read(text: string): T | undefined;
}

/** Codings of all fields of a state. */
export type Codings<State> = { readonly [Field in keyof State]-?: Coding<NonNullable<State[Field]>> };

/** The fields of a state that have a value, as they stand after the # of an address. */
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
 * The state that an address has. A field that is missing has its first value.
 *
 * @param hash the address from its #
 * @param state the first state, which gets the address's values
 * @returns undefined if there is none, as in a link to a heading, or if any part of it is broken or there twice: half of a
 *   state would be another one than was sent
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

/** Coding of one of some names. */
export function oneOf<T extends string>(names: readonly T[]): Coding<T> {
  return { write: (name) => name, read: (text) => names.find((name) => name === text) };
}

/** Coding of numbers from `least` to `most` in steps that a decimal shows exactly. */
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

/** Base64 for addresses: RFC 4648, section 5, without padding. */
export function toText(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Bytes of such a text; undefined if it is none. */
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
