import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command, Option } from "commander";
import { type LatentflowError, markedMessage } from "../../base/errors.ts";
import { type Mark, piecesOf } from "../../base/message.ts";
import { showLocation, showPath } from "../../base/show.ts";
import {
  asksForMoreEpochs,
  type Difference,
  OtherRunError,
  showDifference,
} from "../../train/run-differences.ts";
import { showFile } from "../input/files.ts";
import { pathsOf } from "./flag-table.ts";
import { dataOptions, decoderOptions } from "./input-options.ts";
import { kebabCase } from "./parse.ts";

/** Parsed options of a command, by name. */
type Given = Readonly<Record<string, unknown>>;

/**
 * Formats an error's message for the command line: a command's options replace the library's, with the files given for them,
 * and function names are dropped.
 *
 * @param choice option, such as `solver`, if the error refuses an option of the member that it chooses
 */
export function inFlags(error: LatentflowError, command: Command, choice?: string): string {
  const message = new FlagMessage(command, choice);
  if (!(error instanceof OtherRunError)) return message.render(markedMessage(error));
  const text = error.messageIn((difference) => inFlag(difference, command));
  return message.render(text) + moreEpochs(error.differences, command.opts<Given>());
}

/** Replaces the library's options, which are marked in a message, by command-line options. */
class FlagMessage {
  private readonly given: Given;
  private call = "";
  private scopes: string[] = [];
  private file: string | undefined;
  private text = "";
  private afterHead = false;
  private afterFile = false;

  constructor(
    private readonly command: Command,
    private readonly choice: string | undefined,
  ) {
    this.given = command.opts<Given>();
  }

  render(message: string): string {
    this.addPieces(message);
    const scope = this.scopes.length > 0 ? this.flagOf(this.scopes.join(".")) : undefined;
    return scope === undefined || this.text.includes(scope) ? this.text : `${scope}: ${this.text}`;
  }

  private addPieces(message: string): void {
    for (const piece of piecesOf(message)) {
      if (typeof piece === "string") this.addText(piece);
      else this.addMark(piece);
    }
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
    if (kind === "head") {
      // A command-line option, of a command that has the library read a file directly.
      if (text.startsWith("--")) this.text += text;
      else this.beginWith(piece);
      return;
    }
    // Advice names the option itself, not one that gives what contains it: `--loss` for `validation.loss`, not `--validate`.
    const own = kind === "option" ? this.ownOptions(option) : [];
    const flag = own[0] ? flagOf(own[0]) : this.flagOf(option);
    if (kind === "subject" && flag !== undefined && text !== "") this.addSubject(flag);
    else if (kind === "option" && flag !== undefined) {
      const isGiven = own.some((each) => this.given[each.attributeName()] !== undefined);
      const isChoice = value === undefined && own.length > 0 && !isGiven;
      this.addText(isChoice ? own.map(flagOf).join(" or ") : withValue(flag, value));
    } else if (kind !== "clause" || flag !== undefined) this.addPieces(text);
  }

  /** Adds a command-line option that a message refuses, with the file of data that it names. */
  private addSubject(flag: string): void {
    const option = dataOptions.find((name) => `--${kebabCase(name)}` === flag);
    const files = option ? [this.given[option]].flat().map(String) : [];
    if (files.length === 1) this.text += showFile(flag, files[0]!);
    else this.text += option ? `${flag} (${files.length} files)` : flag;
    this.afterFile = option !== undefined;
    this.afterHead = false;
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
    const { file, given } = this;
    this.file = undefined;
    if (file === undefined || this.text !== "") return;
    const network = ["decoder", "encoder"].find((option) => showLocation(String(given[option])) === file);
    this.text = `${network ? showFile(`--${network}`, String(given[network])) : file}: `;
  }

  /** Returns the command-line option that sets one of the library's, or what contains it; undefined if none does. */
  private flagOf(option: string): string | undefined {
    const found = this.pathsOf(option).map((path) => optionFor(this.command, path));
    const first = found.find((each) => each !== undefined);
    return first && flagOf(first);
  }

  /** Returns the command-line options that set one of the library's itself. */
  private ownOptions(option: string): Option[] {
    const found = this.pathsOf(option).map((path) => optionsFor(this.command, path));
    return found.find((options) => options.length > 0) ?? [];
  }

  /** Returns the paths of one of the library's options, from the most specific to the most general. */
  private pathsOf(option: string): string[] {
    const parents = [this.scopes.join("."), this.choice, this.call].filter(Boolean);
    return [...parents.map((parent) => `${parent}.${option}`), option];
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

function flagOf(option: Option): string {
  return `--${kebabCase(option.attributeName())}`;
}

/** Returns the command-line options that set the library's option at a path, first the one with the library option's name. */
function optionsFor(command: Command, path: string): Option[] {
  const options = command.options.filter((option) => pathsOf(option).includes(path));
  const isNamesake = (option: Option) => (option.attributeName() === path ? 0 : 1);
  return options.sort((a, b) => isNamesake(a) - isNamesake(b));
}

/**
 * Returns the command-line option that sets the library's option at a path such as `validation.weights` or, if none does,
 * at a parent of the path; undefined if none does.
 */
function optionFor(command: Command, path: string): Option | undefined {
  for (let part = path; part !== ""; part = part.slice(0, Math.max(0, part.lastIndexOf(".")))) {
    const options = optionsFor(command, part);
    const isGiven = (option: Option) => command.getOptionValueSource(option.attributeName()) === "cli";
    if (options.length > 0) return options.find(isGiven) ?? options[0];
  }
  return undefined;
}

/** Describes a difference between this run and an earlier one, named by the command-line option that causes it. */
function inFlag(difference: Difference, command: Command): string {
  const { name } = difference;
  if (/^decoder(\.|$)/.test(name)) return inDecoderFlag(difference, command.opts<Given>());
  // No option sets the number of samples: `--samples` is the number of codes drawn per sample.
  const option = name === "samples" ? undefined : optionFor(command, name);
  const flag = option ? flagOf(option) : name;
  const [, input] = /^fixed\.(.+)$/.exec(name) ?? [];
  return showDifference(option && input ? `${flag} ${input}` : flag, difference);
}

/** Describes a difference between the decoders of two runs, named by the command-line option that gave the decoder. */
function inDecoderFlag(difference: Difference, given: Given): string {
  const flag = decoderOptions.find((name) => given[name] !== undefined);
  const called = difference.name.replace(/^decoder/, `--${flag}`).replace(/^(--\w+)\./, "$1: ");
  const text = showDifference(called, difference);
  // Layers that are plain numbers are shown in the syntax of `--layers`.
  return flag === "layers" && !text.includes("×") ? text.replaceAll(" → ", ",") : text;
}

/**
 * Returns advice on how to train for more epochs, if the differences between two runs suggest that this is intended; else
 * "".
 */
function moreEpochs(differences: readonly Difference[], { out, architecture }: Given): string {
  if (!asksForMoreEpochs(differences)) return "";
  const file = join(String(out), "decoder.safetensors");
  if (!existsSync(file)) {
    const { there } = differences.find(({ name }) => name === "epochs")!;
    return `. To train for more, end this run first, by --resume with --epochs ${there}, which writes ${showPath(file)}`;
  }
  const decoder = showPath(file);
  return (
    `. To train on from what came of it, give --decoder ${decoder} in place of ` +
    `${architecture === undefined ? "--layers" : "--architecture"}, another --out, and as --epochs those that are to follow`
  );
}
