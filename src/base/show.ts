// Texts of values from outside, for messages: on a line, short, and without secrets.

/** Most characters of a text that a message shows. */
const LONGEST_TEXT = 60;
/** Most characters of a path in a message; of a longer one the end is shown, which says more. */
const LONGEST_PATH = 300;

/** Characters that would change how a line is read: controls, direction marks, invisible characters, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Escapes a text from outside for a line of a message: unprintable characters become \u…, and a long text is cut.
 *
 * @param most so many characters at most
 * @param isQuoted between double quotes, which are then escaped
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

/** Writes the code units of a character as \uXXXX; the common ones as JSON writes them. */
function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Formats a path or URL for a message, without a URL's secrets. */
export function showPath(path: string | URL): string {
  return escapeText(withoutSecrets(String(path)), LONGEST_PATH);
}

/** Formats a location for a message, in quotes and without secrets, as short as other values. */
export function showLocation(location: string): string {
  return show(withoutSecrets(location));
}

/**
 * Pattern of a URL's beginning, after characters that may have been copied with it; for http also with slashes that are
 * missing, reversed or preceded by spaces. URLs of other schemes are not read, but may occur in logged messages.
 */
const SCHEME = /^[\s\p{Cc}"'<]*(?:https?:[\s\\/]*|(?!file:)[a-z][a-z\d+.-]*:\/\/)/iu;
/** Pattern of user and password in a URL. A password may contain an unescaped slash; only digits after the colon are a port. */
const USER = /^(?:[^\\/?#]*@|[^\\/?#:@[]+:(?!\d*(?:[\\/?#]|$)).*@)/su;

/** Removes the password and the query, which may hold a token, from a URL. */
export function withoutSecrets(location: string): string {
  const [scheme] = SCHEME.exec(location) ?? [];
  if (scheme === undefined) return location;
  const rest = location.slice(scheme.length).replace(USER, "");
  return scheme + rest.replace(/\?[^#]+/, "?…");
}

/** Formats a name from outside for a message, such as a solver's; a text gets no quotes. */
export function showName(name: unknown): string {
  return typeof name === "string" ? escapeText(name) : show(name);
}

/**
 * Formats a value from outside for a message: on one line, in at most some 80 characters, with -0, NaN and strings told
 * apart. It never throws, whatever code the value runs.
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

/**
 * Returns the name of a value's class by its prototype's constructor: an own property `constructor` may come from a file.
 */
function className(value: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    if (typeof name === "string" && name !== "Object" && /^[\w$]{1,40}$/.test(name)) return name;
  } catch {
    // A getter or a proxy has thrown.
  }
  return "object";
}

/** Most items of a list in a message. */
const MOST_LISTED = 12;
/** Most characters of a list in a message, unless its first item is longer. */
const LONGEST_LIST = 400;

/** Joins items for a message: as many as stay readable, then the number of the others. */
export function showList(items: readonly string[], longest = LONGEST_LIST): string {
  const shown: string[] = [];
  for (const item of items.slice(0, MOST_LISTED)) {
    if (shown.length > 0 && shown.join(", ").length + item.length > longest) break;
    shown.push(item);
  }
  const rest = items.length - shown.length;
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Describes a number within bounds, for messages: `a finite number > 0 and <= 1`. */
export function showBounds(bounds: Bounds): string {
  const limits = showLimits(bounds);
  return (bounds.integer ? "an integer" : "a finite number") + (limits && ` ${limits}`);
}

/** Formats the bounds of a number for messages: `> 0 and <= 1`; "" without bounds. */
export function showLimits({ above, min, max, below }: Bounds): string {
  const limits = { ">": above, ">=": min, "<=": max, "<": below };
  return Object.entries(limits)
    .flatMap(([sign, limit]) => (limit === undefined ? [] : [`${sign} ${limit}`]))
    .join(" and ");
}

/** Joins alternatives for a message: `a, b or c`. */
export function alternatives(items: readonly string[]): string {
  return [items.slice(0, -1).join(", "), ...items.slice(-1)].filter(Boolean).join(" or ");
}

/** Returns advice for a value given in place of its member, such as a result in place of its z; "" otherwise. */
export function memberHint(value: unknown, member: string): string {
  try {
    const has = typeof value === "object" && value !== null && member in value;
    return has ? `; give its member .${member}` : "";
  } catch {
    return ""; // A proxy has thrown.
  }
}

/** Returns advice for a function given in place of its result; "" otherwise. */
export function callHint(value: unknown): string {
  return typeof value === "function" ? " (are the brackets of the call missing?)" : "";
}

/** Bounds of a number: `min` and `max` are allowed values, `above` and `below` are not. */
export interface Bounds {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/** Most axes of a shape in a message. */
const MOST_AXES_SHOWN = 8;

/** Formats a shape for messages: `[150, 20]`, cut after a few axes. */
export function showShape(shape: readonly unknown[]): string {
  const axes = shape.slice(0, MOST_AXES_SHOWN).map(show);
  return `[${[...axes, ...(shape.length > MOST_AXES_SHOWN ? ["..."] : [])].join(", ")}]`;
}
