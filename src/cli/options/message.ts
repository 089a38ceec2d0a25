import { type LatentflowError, markedMessage } from "../../base/errors.ts";
import { type Mark, piecesOf } from "../../base/message.ts";

/** Translation of the library's option names in messages into command-line options. */
export interface Names {
  /**
   * Returns the command-line option for one of the library's, or undefined if there is none.
   *
   * @param paths names of the library's option, the most specific first: `validation.y`, `encode.y`, `y`
   */
  readonly flagOf: (paths: readonly string[]) => string | undefined;
  /**
   * Returns the command-line option that sets one of these paths itself, not a part of what contains it: `--loss` of
   * `validation.loss` and `loss`, not `--validate`. Default: that of `flagOf`.
   */
  readonly ownFlagOf?: (paths: readonly string[]) => string | undefined;
  /**
   * Returns the command-line options to advise for one of the library's, such as `--weights or --mask`; undefined for the
   * one that `flagOf` returns, the default.
   */
  readonly advisedFor?: (paths: readonly string[]) => string | undefined;
  /**
   * Returns how a message about a command-line option begins: with the option and the file that it names. Default: with the
   * option alone.
   */
  readonly subjectOf?: (flag: string) => { readonly text: string; readonly isFile: boolean };
  /**
   * Returns the beginning of a message about a file that a library function was given. Default: the file's name as the
   * library shows it.
   */
  readonly fileOf?: (file: string) => string;
}

/**
 * Formats an error's message for the command line: command-line options replace the library's, and function names are dropped.
 */
export function messageInFlags(error: LatentflowError, names: Names): string {
  return textInFlags(markedMessage(error), names);
}

/** Replaces the library's options, which are marked in a message, by command-line options. */
export function textInFlags(message: string, names: Names): string {
  return new Renderer(names).render(message);
}

class Renderer {
  private call = "";
  private scopes: string[] = [];
  private file: string | undefined;
  private text = "";
  private afterHead = false;
  private afterFile = false;

  constructor(private readonly names: Names) {}

  render(message: string): string {
    for (const piece of piecesOf(message)) {
      if (typeof piece === "string") this.addText(piece);
      else this.addMark(piece);
    }
    const scope = this.scopes.length > 0 ? this.flagOf(this.scopes.join(".")) : undefined;
    return scope === undefined || this.text.includes(scope) ? this.text : `${scope}: ${this.text}`;
  }

  private addText(piece: string): void {
    const text = this.afterHead && piece.startsWith(": ") ? piece.slice(2) : piece;
    this.afterHead = false;
    if (text === "") return;
    this.beginByFile();
    this.text += this.afterFile && text === " is " ? " has " : text;
    this.afterFile = false;
  }

  private addMark(piece: Mark): void {
    const { kind, text, option = "", value } = piece;
    const own = kind === "option" ? this.names.ownFlagOf?.(this.pathsOf(option)) : undefined;
    const flag = kind === "head" ? undefined : (own ?? this.flagOf(option));
    if (kind === "head") {
      // A command-line option, of a command that has the library read a file directly.
      if (text.startsWith("--")) this.text += text;
      else this.beginWith(piece);
    } else if (kind === "subject" && flag !== undefined && text !== "") {
      const subject = this.names.subjectOf?.(flag) ?? { text: flag, isFile: false };
      this.text += subject.text;
      this.afterFile = subject.isFile;
      this.afterHead = false;
    } else if (kind === "option" && flag !== undefined) {
      const advised = value === undefined ? this.names.advisedFor?.(this.pathsOf(option)) : undefined;
      this.addText(advised ?? withValue(flag, value));
    } else if (kind !== "clause" || flag !== undefined) {
      for (const inner of piecesOf(text)) {
        if (typeof inner === "string") this.addText(inner);
        else this.addMark(inner);
      }
    }
  }

  private beginWith({ text, option, value }: Mark): void {
    if (option === undefined) this.call = text.replace(/\(.*/s, "");
    else this.scopes.push(option);
    if (typeof value === "string") this.file = value;
    this.afterHead = true;
  }

  /**
   * Starts the text with the file that the library function was given, unless the text has already started, with an
   * option.
   */
  private beginByFile(): void {
    if (this.file !== undefined && this.text === "")
      this.text = `${this.names.fileOf?.(this.file) ?? this.file}: `;
    this.file = undefined;
  }

  private flagOf(option: string): string | undefined {
    return this.names.flagOf(this.pathsOf(option));
  }

  /** Returns the paths of one of the library's options, from the most specific to the most general. */
  private pathsOf(option: string): string[] {
    const scope = this.scopes.join(".");
    return [...(scope ? [`${scope}.${option}`] : []), `${this.call}.${option}`, option];
  }
}

/**
 * Formats a command-line option with the value that a message advises. For an object, the option is repeated for each
 * property, as in `--fixed a=1 --fixed b=2`.
 */
function withValue(flag: string, value: unknown): string {
  if (value === undefined || value === true) return flag;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${flag} ${String(value)}`;
  return Object.entries(value)
    .map(([name, each]) => `${flag} ${name}=${String(each)}`)
    .join(" ");
}
