// Error messages name options as in JavaScript; the command line names its flags in their place. A message is therefore text with
// marked pieces: an error prints the text of each mark, and the command line replaces marks of options by flags.

/**
 * Piece of an error message with its role, such as the name of an option, marked so that the command line can replace or
 * omit it.
 */
export interface Mark {
  /**
   * Role of the piece:
   * - `head`: the function called, or the option that contains the refused one
   * - `subject`: the option refused
   * - `got`, `expected`: the value passed, and the values allowed
   * - `option`: another option, which the message advises
   * - `clause`: advice that only applies to callers that can set the option
   */
  readonly kind: "head" | "subject" | "got" | "expected" | "option" | "clause";
  /** Text that the library prints for the piece; may itself contain marks. */
  readonly text: string;
  /**
   * Name of the option that the piece of a message is about. Undefined for a `head` (part of a message's beginning) that is the name
   * of the function called; a `head` may also be the option that contains the refused one.
   */
  readonly option?: string | undefined;
  /** Advised value of the option; for a `head` (name of the function called), the name of the file passed to the function. */
  readonly value?: unknown;
}

// Delimiters of marks. Text of callers is escaped in messages, and so contains neither.
const OPEN = "\u0001";
const CLOSE = "\u0002";

function mark(kind: Mark["kind"], text: string, option?: string, value?: unknown): string {
  return OPEN + JSON.stringify({ kind, text, option, value }) + CLOSE;
}

/**
 * Marks the name of the function called (see `Mark`), for the beginning of a message, with the file passed to it, if any.
 */
// @__NO_SIDE_EFFECTS__
export function callOf(name: string, file?: string): string {
  return mark("head", file === undefined ? name : `${name}(${file})`, undefined, file);
}

/** Returns the beginning of a message, which ends with a colon; plain text is taken for the name of the function called. */
export function beginningOf(where: string): string {
  return where && `${where.includes(OPEN) ? where : callOf(where)}: `;
}

/**
 * Marks the name of the option or argument that a message refuses (see `Mark`); returns the name unchanged if it contains a mark
 * already. Messages name it before any other option.
 *
 * @param name "" for the option that contains the others: the scope in which the message begins
 * @param text text that the library prints; "" where the message has other words for the option. Default: the name
 */
// @__NO_SIDE_EFFECTS__
export function subject(name: string, text = name): string {
  return name.includes(OPEN) ? name : mark("subject", text, name);
}

/**
 * Marks the name of an option that contains the refused one (see `Mark`): `validation` for `validation.everyImages`.
 *
 * @param text text that the library prints. Default: the name
 */
export function scopeOf(option: string, text = option): string {
  return mark("head", text, option);
}

/**
 * Returns the beginning of messages about what an option contains: `WHERE: OPTION`.
 *
 * @param where beginning of messages about the option itself: name of the function called, plain or marked
 * @param text text that the library prints for the option. Default: the name
 */
export function within(where: string, option: string, text?: string): string {
  return beginningOf(where) + scopeOf(option, text);
}

/**
 * Marks the name of an option that a message mentions (see `Mark`); the command line prints the option's flag instead.
 *
 * @param value value that the message advises
 * @param text text that the library prints. Default: the name, and the value if there is one
 */
export function option(name: string, value?: unknown, text?: string): string {
  return mark(
    "option",
    text ?? (value === undefined ? name : `${name}: ${JSON.stringify(value)}`),
    name,
    value,
  );
}

/** Marks the name of an option that a message mentions (see `Mark`); the library prints `the option NAME`. */
export function theOption(name: string): string {
  return option(name, undefined, `the option ${name}`);
}

/**
 * Marks advice about an option (see `Mark`), so that the command line can omit the advice in commands without a flag for the
 * option.
 */
export function clause(option: string, text: string): string {
  return mark("clause", text, option);
}

/** Marks the refused value, as messages show it (see `Mark`). */
export function gotten(text: string): string {
  return mark("got", text);
}

/** Marks the description of the allowed values in a message (see `Mark`). */
export function wanted(text: string): string {
  return mark("expected", text);
}

/** Splits an error message into plain texts and marks (see `Mark`), in order. */
export function piecesOf(message: string): (string | Mark)[] {
  return message.split(OPEN).flatMap((piece, i) => {
    if (i === 0) return [piece];
    const end = piece.indexOf(CLOSE);
    const mark = end < 0 ? undefined : readMark(piece.slice(0, end));
    return mark ? [mark, piece.slice(end + 1)] : [OPEN + piece];
  });
}

/** Returns the marks of an error message (its pieces with a role), in order. */
export function marksOf(message: string): Mark[] {
  return piecesOf(message).filter((piece) => typeof piece === "object");
}

/**
 * Parses the JSON of a mark (a piece of a message with its role). Returns undefined for any other text, since messages from
 * elsewhere may contain the delimiters of marks.
 */
function readMark(json: string): Mark | undefined {
  try {
    const mark = JSON.parse(json) as Partial<Mark> | null;
    return typeof mark?.text === "string" ? (mark as Mark) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Replaces marks (pieces of a message with their roles) in a message about a file's content by their text, since names in a file
 * are not options of the call; keeps marks of the function called and of advice.
 */
export function ofFile(message: string): string {
  const isKept = ({ kind, option }: Mark) =>
    kind === "head" ? option === undefined : /^(option|clause)$/.test(kind);
  return piecesOf(message)
    .map((piece) =>
      typeof piece === "string"
        ? piece
        : isKept(piece)
          ? mark(piece.kind, piece.text, piece.option, piece.value)
          : plainText(piece.text),
    )
    .join("");
}

/**
 * Returns the text of an error message as the library prints it, its marks (pieces of a message with their roles) replaced by
 * their text.
 */
export function plainText(message: string): string {
  return piecesOf(message)
    .map((piece) => (typeof piece === "string" ? piece : plainText(piece.text)))
    .join("");
}
