import { builtinModule } from "./builtin-module.ts";

// Formats values of callers for messages: on one line, short, and without secrets.

/** Maximum number of characters that a message shows of a text. */
const LONGEST_TEXT = 60;
/** Maximum number of characters that a message shows of a path; a longer one is cut at its end. */
const LONGEST_PATH = 300;

/** Characters that would change how a line is displayed: controls, direction marks, invisible characters, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Escapes a caller's text for one line of a message: unprintable characters become \u…, and a long text is cut and ends with
 * `...`.
 *
 * @param most maximum number of characters of the result. Default 60
 * @param isQuoted true if the text will stand between double quotes, which are then escaped in it. Default false
 */
export function escapeText(text: string, most = LONGEST_TEXT, isQuoted = false): string {
  let all = "";
  let cut = "";
  for (const character of text.slice(0, most + 1)) {
    if (UNPRINTABLE.test(character)) all += escapeCharacter(character);
    else all += isQuoted && /["\\]/.test(character) ? `\\${character}` : character;
    if (all.length > most) return `${cut}...`;
    if (all.length <= most - 3) cut = all;
  }
  return all;
}

/** Returns the code units of a character as \uXXXX escapes; \n and \t for a line feed and a tab. */
function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Formats a path or URL for a message, without the password, query and fragment of a URL. */
export function showPath(path: string | URL): string {
  return escapeText(withoutSecrets(String(path)), LONGEST_PATH);
}

/** Formats a path or URL for a message: in quotes, cut like other values, without a URL's password, query and fragment. */
export function showLocation(location: string): string {
  return show(withoutSecrets(location));
}

/**
 * Pattern of the beginning of a URL, after characters that may have been copied with it; for http and https also with
 * slashes missing, reversed or preceded by spaces. Other schemes are not read, but may occur in logged messages.
 */
const SCHEME = /^[\s\p{Cc}"'<]*(?:https?:[\s\\/]*|(?!file:)[a-z][a-z\d+.-]*:\/\/)/iu;
/** Pattern of user and password in a URL. A password may contain an unescaped slash; only digits after the colon are a port. */
const USER = /^(?:[^\\/?#]*@|[^\\/?#:@[]+:(?!\d*(?:[\\/?#]|$)).*@)/su;

/**
 * Returns a URL without user and password, and without query and fragment, which may hold a token; a path unchanged. In a page
 * a location without a scheme is a URL, too.
 */
export function withoutSecrets(location: string): string {
  const [scheme] = SCHEME.exec(location) ?? [];
  if (scheme === undefined && builtinModule("node:fs")) return location;
  const address = scheme === undefined ? location : scheme + location.slice(scheme.length).replace(USER, "");
  return address.replace(/([?#]).+/s, "$1…");
}

/**
 * Returns a runtime's message about a location without the secrets of URLs in it. The runtime may have resolved or escaped the
 * location.
 */
export function wordsWithoutSecrets(words: string, location: string): string {
  return words
    .replaceAll(location, () => withoutSecrets(location))
    .replace(/[a-z][a-z\d+.-]*:\/\/\S+/gi, (url) => withoutSecrets(url));
}

/** Formats a name given by a caller, such as a solver's, for a message: a string is escaped, without quotes. */
export function showName(name: unknown): string {
  return typeof name === "string" ? escapeText(name) : show(name);
}

/**
 * Formats any value of a caller for a message: on one line, in at most about 80 characters; -0, NaN and strings are
 * distinguishable.
 */
export function show(value: unknown): string {
  if (typeof value === "string") return `"${escapeText(value, LONGEST_TEXT, true)}"`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value === "symbol") return "a symbol";
  const name = className(value);
  return `${/^[AEIOU]/i.test(name) && !/^Uint/.test(name) ? "an" : "a"} ${name}`;
}

/** Returns the name of a value's class, from its prototype's constructor: an own property `constructor` may come from a file. */
function className(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  const isName = typeof name === "string" && name !== "Object" && /^[\w$]{1,40}$/.test(name);
  return isName ? name : "object";
}

/** Maximum number of list items that a message shows. */
const MOST_LISTED = 12;
/** Maximum number of characters that a message shows of a list; the first item is shown even if it is longer. */
const LONGEST_LIST = 400;

/** Joins items with commas for a message: as many as fit in `longest` characters, then the number of the rest. */
export function showList(items: readonly string[], longest = LONGEST_LIST): string {
  const shown: string[] = [];
  for (const item of items.slice(0, MOST_LISTED)) {
    if (shown.length > 0 && shown.join(", ").length + item.length > longest) break;
    shown.push(item);
  }
  const rest = items.length - shown.length;
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Describes the allowed values of a number for a message: `a finite number > 0 and <= 1`. */
export function showBounds(bounds: Bounds): string {
  const limits = showLimits(bounds);
  return (bounds.integer ? "an integer" : "a finite number") + (limits && ` ${limits}`);
}

/** Formats the bounds of a number for a message: `> 0 and <= 1`; "" without bounds. */
export function showLimits({ above, min, max, below }: Bounds): string {
  const limits = { ">": above, ">=": min, "<=": max, "<": below };
  return Object.entries(limits)
    .flatMap(([sign, limit]) => (limit === undefined ? [] : [`${sign} ${limit}`]))
    .join(" and ");
}

/** Joins alternatives for a message: `a, b or c`; "" without any. */
export function alternatives(items: readonly string[]): string {
  return [items.slice(0, -1).join(", "), ...items.slice(-1)].filter(Boolean).join(" or ");
}

/**
 * Returns advice, for a message, to pass the member `member` of `value`, such as the `z` of a result; "" if there is no such
 * member.
 */
export function memberHint(value: unknown, member: string): string {
  const has = typeof value === "object" && value !== null && member in value;
  return has ? `; give its member .${member}` : "";
}

/** Returns advice, for a message, if a function was passed instead of its result; "" for other values. */
export function callHint(value: unknown): string {
  return typeof value === "function" ? " (are the brackets of the call missing?)" : "";
}

/** Bounds of a number: `min` and `max` are allowed values, `above` and `below` are not. `integer` requires a safe integer. */
export interface Bounds {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/** Maximum number of axes of a shape that a message shows. */
const MOST_AXES_SHOWN = 8;

/** Formats a shape for a message: `[150, 20]`, cut after eight axes. */
export function showShape(shape: readonly unknown[]): string {
  const axes = shape.slice(0, MOST_AXES_SHOWN).map(show);
  return `[${[...axes, ...(shape.length > MOST_AXES_SHOWN ? ["..."] : [])].join(", ")}]`;
}
