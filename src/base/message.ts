// Error messages name options as in JavaScript; the program names its flags in their place. A message is therefore made of words:
// text, and marks of the pieces that have a role.

/**
 * Piece of a message with a role, so that the program can replace or omit it, and programs can read it from the error.
 */
export interface Mark {
  /**
   * Role of the piece:
   * - `subject`: the option refused
   * - `got`, `expected`: the value passed, and the values allowed
   * - `advice`: what to do
   * - `option`: another option, which the message advises
   * - `clause`: advice that only applies to callers that can set the option
   */
  readonly kind: "subject" | "got" | "expected" | "advice" | "option" | "clause";
  /** Words that the library prints for the piece. */
  readonly text: Words;
  /** Name of the option that the piece is about. */
  readonly option?: string | undefined;
  /** Advised value of the option. */
  readonly value?: unknown;
}

/** Text of a message, or several pieces of one. */
export type Words = string | readonly (string | Mark)[];

/** Template tag that joins text and words. */
// @__NO_SIDE_EFFECTS__
export function words(texts: readonly string[], ...inserted: readonly (Words | number)[]): Words {
  return texts
    .flatMap((text, i) => [...piecesOf(inserted[i - 1] ?? ""), text])
    .filter((piece) => piece !== "");
}

/** Returns the pieces of words: texts and marks, in order. */
export function piecesOf(words: Words | number): readonly (string | Mark)[] {
  return typeof words === "object" ? words : [`${words}`];
}

/** Returns words as the library prints them. */
export function plainText(words: Words): string {
  return piecesOf(words)
    .map((piece) => (typeof piece === "string" ? piece : plainText(piece.text)))
    .join("");
}

/** Returns the first mark of a kind in words, not in those within other marks; undefined if there is none. */
export function markIn(words: Words, kind: Mark["kind"]): Mark | undefined {
  return (piecesOf(words) as readonly Mark[]).find((piece) => piece.kind === kind);
}

/**
 * Marks the name of the option or argument that a message refuses (see `Mark`). Words that are no plain text have a mark of
 * their own, and are returned unchanged.
 *
 * @param name "" for what contains the options: the option at work, or the argument that has them all
 * @param text words that the library prints; "" where the message has other words for the option. Default: the name
 */
// @__NO_SIDE_EFFECTS__
export function subject(name: Words, text = name): Words {
  return typeof name !== "string" ? name : [{ kind: "subject", text, option: name }];
}

/**
 * Marks the name of an option that a message mentions (see `Mark`); the program prints the option's flag instead.
 *
 * @param value value that the message advises
 * @param text words that the library prints. Default: the name, and the value if there is one
 */
export function option(name: string, value?: unknown, text?: string): Words {
  const own = value === undefined ? name : `${name}: ${JSON.stringify(value)}`;
  return [{ kind: "option", text: text ?? own, option: name, value }];
}

/** Marks the name of an option that a message mentions (see `Mark`); the library prints `the option NAME`. */
export function theOption(name: string): Words {
  return option(name, undefined, `the option ${name}`);
}

/** Marks advice about an option (see `Mark`), so that the program can omit it in commands without a flag for the option. */
export function clause(option: string, text: Words): Words {
  return [{ kind: "clause", text, option }];
}

/** Marks the refused value, as messages show it (see `Mark`). */
export function gotten(text: Words): Words {
  return [{ kind: "got", text }];
}

/** Marks the description of the allowed values in a message (see `Mark`). */
export function wanted(text: Words): Words {
  return [{ kind: "expected", text }];
}

/** Marks advice (see `Mark`). */
export function advised(text: Words): Words {
  return [{ kind: "advice", text }];
}

/** Joins words with a text between each two. */
export function joined(list: readonly Words[], between: string): Words {
  return list.flatMap((each, i) => (i === 0 ? piecesOf(each) : [between, ...piecesOf(each)]));
}

/**
 * Returns words about a file's content without the marks of a refusal, since names in a file are not options of the call; keeps
 * marks of what the call's options can do.
 */
export function ofFile(words: Words): Words {
  return piecesOf(words).flatMap((piece) => {
    const isKept = typeof piece === "string" || piece.kind === "option" || piece.kind === "clause";
    return isKept ? [piece] : ofFile(piece.text);
  });
}
