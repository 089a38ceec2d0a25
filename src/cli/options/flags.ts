import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command, Option } from "commander";
import { type LatentflowError, type Place, partsOf } from "../../base/errors.ts";
import { type Mark, piecesOf, type Words } from "../../base/message.ts";
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
  const { places, words } = partsOf(error);
  if (!(error instanceof OtherRunError)) return render(places, words, command, choice);
  const own = error.wordsIn((difference) => inFlag(difference, command));
  return render(places, own, command, choice) + moreEpochs(error.differences, command.opts<Given>());
}

/** Names of a command's options for those of the library, in a message. */
interface Names {
  readonly command: Command;
  /** Paths of what may contain an option that the message names: an option, or the function called. */
  readonly parents: readonly string[];
}

function render(
  places: readonly Place[],
  words: Words,
  command: Command,
  choice: string | undefined,
): string {
  const scope = places.flatMap(({ option }) => option ?? []).join(".");
  const [call, file] = (["call", "file"] as const).map((key) =>
    places.flatMap((each) => each[key] ?? []).at(-1),
  );
  const names = { command, parents: [scope, choice ?? "", call ?? ""].filter(Boolean) };
  const pieces = merged(words);
  const said = pieces.map((piece, i) =>
    // A file of data has a value that is refused.
    piece === " is " && dataOption(pieces[i - 1], names) ? " has " : inPiece(piece, names),
  );
  const first = pieces[said.findIndex((each) => each !== "")];
  // What begins with an option needs no other beginning.
  const beginning =
    file !== undefined && !subjectFlag(first, names) ? [shownFile(file, command.opts<Given>())] : [];
  const others = places.filter((place) => place.call === undefined && place.option === undefined);
  const text = [...beginning, ...others.map((place) => place.text), said.join("")].join(": ");
  const flag = scope === "" ? undefined : flagFor(scope, names);
  return flag === undefined || text.includes(flag) ? text : `${flag}: ${text}`;
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

function inPiece(piece: string | Mark, names: Names): string {
  if (typeof piece === "string") return piece;
  const { kind, text, option, value } = piece;
  const plain = () =>
    merged(text)
      .map((each) => inPiece(each, names))
      .join("");
  if (option === undefined) return plain();
  if (kind === "subject") return subjectFlag(piece, names) ?? plain();
  // Advice names the option itself, not one that gives what contains it: `--loss` for `validation.loss`, not `--validate`.
  const own = kind === "option" ? ownOptions(option, names) : [];
  const flag = own[0] ? flagOf(own[0]) : flagFor(option, names);
  if (flag === undefined) return kind === "clause" ? "" : plain();
  if (kind === "clause") return plain();
  const given = names.command.opts<Given>();
  const isGiven = own.some((each) => given[each.attributeName()] !== undefined);
  const isChoice = value === undefined && own.length > 0 && !isGiven;
  return isChoice ? own.map(flagOf).join(" or ") : withValue(flag, value);
}

/** Returns the command-line option that a message refuses, with the file of data that it names; undefined for another piece. */
function subjectFlag(piece: string | Mark | undefined, names: Names): string | undefined {
  if (typeof piece !== "object" || piece.kind !== "subject" || piece.text === "") return undefined;
  const flag = flagFor(piece.option!, names);
  const option = dataOption(piece, names);
  const files = option ? [names.command.opts<Given>()[option]].flat().map(String) : [];
  if (files.length === 1) return showFile(flag!, files[0]!);
  return option ? `${flag} (${files.length} files)` : flag;
}

/** Returns the option of data that a message refuses; undefined for another piece. */
function dataOption(piece: string | Mark | undefined, names: Names): string | undefined {
  if (typeof piece !== "object" || piece.kind !== "subject" || piece.text === "") return undefined;
  const flag = flagFor(piece.option!, names);
  return dataOptions.find((name) => `--${kebabCase(name)}` === flag);
}

/** Shows a file that the library function was given, with the option of a network if that has it. */
function shownFile(file: string, given: Given): string {
  const network = ["decoder", "encoder"].find((option) => showLocation(String(given[option])) === file);
  return network ? showFile(`--${network}`, String(given[network])) : file;
}

/** Returns the command-line option that sets one of the library's, or what contains it; undefined if none does. */
function flagFor(option: string, names: Names): string | undefined {
  const found = pathsFor(option, names).map((path) => optionFor(names.command, path));
  const first = found.find((each) => each !== undefined);
  return first && flagOf(first);
}

/** Returns the command-line options that set one of the library's itself. */
function ownOptions(option: string, names: Names): Option[] {
  const found = pathsFor(option, names).map((path) => optionsFor(names.command, path));
  return found.find((options) => options.length > 0) ?? [];
}

/** Returns the paths of one of the library's options, from the most specific to the most general. */
function pathsFor(option: string, { parents }: Names): string[] {
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
