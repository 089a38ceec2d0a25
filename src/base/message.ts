// Messages of errors name options as JavaScript does, and the program names its flags. A message is text in which the
// names are marked; an error prints the text of the marks, and the program prints flags in their place.

/** A marked piece of a message. */
export interface Mark {
  /**
   * - `head`: the function that was called, or the option that holds the one meant
   * - `subject`: the option that is refused
   * - `got`, `expected`: what came, and what was expected
   * - `option`: another option, which the message advises
   * - `clause`: advice for callers that can set the option
   */
  readonly kind: "head" | "subject" | "got" | "expected" | "option" | "clause";
  /** Text as the library prints it; it may have marks, too. */
  readonly text: string;
  /** Option that is meant: of a head the one that holds others; undefined for a function. */
  readonly option?: string | undefined;
  /** Value that is advised, or a head's file as messages show it. */
  readonly value?: unknown;
}

// Text from outside is escaped where a message shows it, and so has neither.
const OPEN = "\u0001";
const CLOSE = "\u0002";

function mark(piece: Mark): string {
  return OPEN + JSON.stringify(piece) + CLOSE;
}

/** Marks the name of a function, with the file that it was given if there is one. */
// @__NO_SIDE_EFFECTS__
export function callOf(name: string, file?: string): string {
  return mark({ kind: "head", text: file === undefined ? name : `${name}(${file})`, value: file });
}

/** Marks the name of a function, unless it is marked already. */
function headOf(where: string): string {
  return where.includes(OPEN) ? where : callOf(where);
}

/** Marks the option, or argument, that a message refuses. @param text text that the library prints */
export function subject(name: string, text = name): string {
  return mark({ kind: "subject", text, option: name });
}

/** Marks the name of an option that holds the option meant, as `validation` does. */
export function scopeOf(option: string): string {
  return mark({ kind: "head", text: option, option });
}

/**
 * Marks an option within a message.
 *
 * @param value value that the message advises
 * @param text text that the library prints. Default: the name, and the value if there is one
 */
export function option(name: string, value?: unknown, text?: string): string {
  const shown = typeof value === "string" ? `"${value}"` : value;
  return mark({
    kind: "option",
    text: text ?? (value === undefined ? name : `${name}: ${shown}`),
    option: name,
    value,
  });
}

/** Marks an option within a message, which the library prints as `the option NAME`. */
export function theOption(name: string): string {
  return option(name, undefined, `the option ${name}`);
}

/** Marks advice for callers that can set an option: the program leaves it out of commands without the option's flag. */
export function clause(option: string, text: string): string {
  return mark({ kind: "clause", text, option });
}

/**
 * Makes the message that refuses an option.
 *
 * @param where function that was called, its name or marked
 * @param name option, or argument
 * @param verb word between the option and `got`
 * @param advice what to do, with the punctuation before it
 */
export function refusalOf(
  where: string,
  name: string,
  verb: "is" | "has",
  got: string,
  expected: string,
  advice = "",
): string {
  const ending = `${mark({ kind: "got", text: got })}, expected ${mark({ kind: "expected", text: expected })}`;
  return `${headOf(where)}: ${subject(name)} ${verb} ${ending}${advice}`;
}

/** Splits a message into plain texts and marks. */
export function piecesOf(message: string): (string | Mark)[] {
  return message.split(OPEN).flatMap((piece, i) => {
    if (i === 0) return [piece];
    const end = piece.indexOf(CLOSE);
    const mark = end < 0 ? undefined : readMark(piece.slice(0, end));
    return mark ? [mark, piece.slice(end + 1)] : [OPEN + piece];
  });
}

/** Parses a mark; undefined for a text that is none, since messages of other origin may contain anything. */
function readMark(json: string): Mark | undefined {
  try {
    const mark = JSON.parse(json) as Partial<Mark> | null;
    return typeof mark?.text === "string" ? (mark as Mark) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Turns the marks of a message about a file's content into text, since names there are no options; marks of the function
 * called and of advice stay.
 */
export function ofFile(message: string): string {
  const isKept = ({ kind, option }: Mark) =>
    kind === "head" ? option === undefined : /^(option|clause)$/.test(kind);
  return piecesOf(message)
    .map((piece) => (typeof piece === "string" ? piece : isKept(piece) ? mark(piece) : plainText(piece.text)))
    .join("");
}

/** Returns a message as the library prints it, without marks. */
export function plainText(message: string): string {
  return piecesOf(message)
    .map((piece) => (typeof piece === "string" ? piece : plainText(piece.text)))
    .join("");
}
