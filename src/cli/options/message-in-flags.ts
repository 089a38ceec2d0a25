import type { Command, Option } from "commander";
import { callIn, type LatentflowError, partsOf } from "../../base/errors.ts";
import { type Mark, piecesOf, type Words } from "../../base/message.ts";
import { showLocation } from "../../base/show.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { showFile } from "../input/files.ts";
import { flagOf, setterOf, settersOf } from "./flag-table.ts";
import { dataOptions } from "./input-options.ts";
import { otherRunWords } from "./other-run.ts";

/** Where the options that a message names are looked up. */
interface Context {
  readonly command: Command;
  /** Paths of what may contain an option that the message names: an option, or the function called. */
  readonly parents: readonly string[];
}

/**
 * Formats an error's message for the command line: a command's options replace the library's, with the files given for them,
 * and function names are dropped.
 *
 * @param choice option, such as `solver`, if the error refuses an option of the member that it chooses
 */
export function inFlags(error: LatentflowError, command: Command, choice?: string): string {
  const { places, words } = partsOf(error);
  const scope = places.flatMap(({ option }) => option ?? []).join(".");
  const { call, file } = callIn(places) ?? {};
  const context = { command, parents: [scope, choice ?? "", call ?? ""].filter(Boolean) };
  const pieces = merged(error instanceof OtherRunError ? otherRunWords(error, command) : words);
  const said = pieces.map((piece, i) =>
    // A file of data has a value that is refused.
    piece === " is " && isData(refusedBy(pieces[i - 1], context)) ? " has " : shown(piece, context),
  );
  const first = pieces[said.findIndex((each) => each !== "")];
  // What begins with an option needs no other beginning.
  const beginning = file !== undefined && !refusedBy(first, context) ? [shownFile(file, command)] : [];
  const others = places.filter((place) => place.call === undefined && place.option === undefined);
  const text = [...beginning, ...others.map((place) => place.text), said.join("")].join(": ");
  const isNamed = scope === "" || pieces.some((piece) => refusedBy(piece, context));
  const setter = isNamed ? undefined : setterIn(context, scope);
  return setter ? `${flagOf(setter)}: ${text}` : text;
}

/** Returns the pieces of words, with texts that follow one another as one. */
function merged(words: Words): (string | Mark)[] {
  const pieces: (string | Mark)[] = [];
  for (const piece of piecesOf(words)) {
    const last = pieces.at(-1);
    if (typeof piece === "string" && typeof last === "string") pieces[pieces.length - 1] = last + piece;
    else pieces.push(piece);
  }
  return pieces;
}

/** Formats a piece of a message for the command line. */
function shown(piece: string | Mark, context: Context): string {
  if (typeof piece === "string") return piece;
  const { kind, text, option, value } = piece;
  const plain = () =>
    merged(text)
      .map((each) => shown(each, context))
      .join("");
  if (option === undefined) return plain();
  const refused = refusedBy(piece, context);
  if (refused) return withFiles(refused, context.command);
  if (kind === "subject") return plain();
  // Advice names the option itself, not one that gives what contains it: `--loss` for `validation.loss`, not `--validate`.
  const own = kind === "option" ? ownSettersIn(context, option) : [];
  const setter = own[0] ?? setterIn(context, option);
  if (kind === "clause") return setter ? plain() : "";
  if (!setter) return plain();
  const given = context.command.opts();
  const isGiven = own.some((each) => given[each.attributeName()] !== undefined);
  const isChoice = value === undefined && own.length > 0 && !isGiven;
  return isChoice ? own.map(flagOf).join(" or ") : withValue(flagOf(setter), value);
}

/** Returns the command-line option that a piece of a message says is refused; undefined for another piece. */
function refusedBy(piece: string | Mark | undefined, context: Context): Option | undefined {
  if (typeof piece !== "object" || piece.kind !== "subject" || piece.text === "") return undefined;
  return setterIn(context, piece.option!);
}

/** True for a command-line option that takes files of data. */
function isData(option: Option | undefined): boolean {
  return option !== undefined && (dataOptions as readonly string[]).includes(option.attributeName());
}

/** Formats a command-line option with the file of data, or the number of files, that it was given. */
function withFiles(option: Option, command: Command): string {
  const flag = flagOf(option);
  if (!isData(option)) return flag;
  const files = [command.getOptionValue(option.attributeName())].flat().map(String);
  return files.length === 1 ? showFile(flag, files[0]!) : `${flag} (${files.length} files)`;
}

/** Shows a file that the library function was given, with the option of a network if that has it. */
function shownFile(file: string, command: Command): string {
  const given = command.opts();
  const network = ["decoder", "encoder"].find((option) => showLocation(String(given[option])) === file);
  return network ? showFile(`--${network}`, String(given[network])) : file;
}

/** Returns the command-line option that sets one of the library's, or what contains it; undefined if none does. */
function setterIn(context: Context, option: string): Option | undefined {
  const found = pathsIn(context, option).map((path) => setterOf(context.command, path));
  return found.find((each) => each !== undefined);
}

/** Returns the command-line options that set one of the library's itself. */
function ownSettersIn(context: Context, option: string): Option[] {
  const found = pathsIn(context, option).map((path) => settersOf(context.command, path));
  return found.find((options) => options.length > 0) ?? [];
}

/** Returns the paths of one of the library's options, from the most specific to the most general. */
function pathsIn({ parents }: Context, option: string): string[] {
  return [...parents.map((parent) => `${parent}.${option}`), option];
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
