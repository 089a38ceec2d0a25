// The part of Python's literals that numpy writes into the headers of .npy files.

/** A Python value. A tuple is told from a list, since numpy does. */
export type PythonValue = string | number | boolean | null | readonly PythonValue[] | Tuple | Dictionary;

/** A tuple: `(1, 2)`. */
export class Tuple {
  constructor(readonly items: readonly PythonValue[]) {}
}

/** A dictionary's entries in their order, as often as they occur. */
export class Dictionary {
  constructor(readonly entries: readonly (readonly [key: PythonValue, value: PythonValue])[]) {}
}

/** Why a text is no literal, and where. */
export class NoLiteral extends Error {}

/** Far deeper than any header goes. */
const DEEPEST = 16;

const escapes: ReadonlyMap<string, string> = new Map([
  ...[...`\\'"`].map((character) => [character, character] as const),
  ...Object.entries({ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\n": "" }),
]);

/** The digits after an escape that names a character by its number. */
const numbered: ReadonlyMap<string, RegExp> = new Map([
  ["x", /[\da-f]{2}/iy],
  ["u", /[\da-f]{4}/iy],
  ["U", /[\da-f]{8}/iy],
]);

/**
 * The value of a Python literal: strings, integers (also with Python 2's L at the end), True, False, None, tuples,
 * lists and dictionaries, and white space around them.
 *
 * @throws NoLiteral on anything else
 */
export function parsePythonLiteral(text: string): PythonValue {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): PythonValue {
    if (depth > DEEPEST) throw this.#expected(`at most ${DEEPEST} brackets one in another`);
    this.#skipSpace();
    const character = this.text[this.#at] ?? "";
    if (character === "'" || character === '"') return this.#string(character);
    if (character === "{") return this.#dictionary(depth);
    if (character === "[") return this.#items("]", depth).items;
    if (character === "(") {
      const { items, comma } = this.#items(")", depth);
      // (1) is 1, (1,) is a tuple.
      return items.length === 1 && !comma ? items[0]! : new Tuple(items);
    }
    const word = this.#match(/-?\d+[lL]?(?!\w)|(?:True|False|None)(?!\w)/y);
    if (word === undefined) throw this.#expected("a value");
    if (word === "None") return null;
    if (word === "True" || word === "False") return word === "True";
    return Number.parseFloat(word);
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.text.length) throw this.#expected("the end");
  }

  #items(close: string, depth: number): { items: PythonValue[]; comma: boolean } {
    const items: PythonValue[] = [];
    const comma = this.#separated(close, () => items.push(this.value(depth + 1)));
    return { items, comma };
  }

  #dictionary(depth: number): Dictionary {
    const entries: [PythonValue, PythonValue][] = [];
    this.#separated("}", () => {
      const key = this.value(depth + 1);
      if (!this.#take(":")) throw this.#expected(":");
      entries.push([key, this.value(depth + 1)]);
    });
    return new Dictionary(entries);
  }

  /** Reads from an opening bracket to the closing one, with commas between; true if there is one at the end. */
  #separated(close: string, readOne: () => void): boolean {
    this.#at++;
    let comma = false;
    for (let first = true; !this.#take(close); first = false) {
      if (!first && !comma) throw this.#expected(`, or ${close}`);
      readOne();
      comma = this.#take(",");
    }
    return comma;
  }

  #string(quote: string): string {
    let value = "";
    this.#at++;
    for (;;) {
      value += this.#match(/[^'"\\\n]*/y);
      const character = this.text[this.#at++];
      if (character === quote) return value;
      if (character === "\\") value += this.#escape();
      else if (character === "'" || character === '"') value += character;
      else throw this.#expected(`${quote} at a string's end`);
    }
  }

  #escape(): string {
    const letter = this.text[this.#at++] ?? "";
    const digits = numbered.get(letter);
    const code = Number.parseInt(digits ? (this.#match(digits) ?? "") : "", 16);
    const character = digits && code <= 0x10ffff ? String.fromCodePoint(code) : escapes.get(letter);
    if (character === undefined) throw this.#expected("an escape that Python knows");
    return character;
  }

  #skipSpace(): void {
    this.#match(/[ \t\r\n\f]*/y);
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** What matches a sticky pattern here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #expected(what: string): NoLiteral {
    return new NoLiteral(`expected ${what} at character ${Math.min(this.#at, this.text.length)}`);
  }
}
