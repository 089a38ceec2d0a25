import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command, Option } from "commander";
import type { LatentflowError } from "../../base/errors.ts";
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
import { messageInFlags, type Names, textInFlags } from "./message.ts";
import { kebabCase } from "./parse.ts";

/** Formats an error's message for the command line, with the command's options in place of the library's. */
export function inFlags(error: LatentflowError, command: Command): string {
  const given = command.opts<Given>();
  const names = namesOf(command);
  if (!(error instanceof OtherRunError)) return messageInFlags(error, names);
  const message = error.messageIn((difference) => inFlag(difference, names, given));
  return textInFlags(message, names) + moreEpochs(error.differences, given);
}

/** Parsed options of a command, by name. */
type Given = Readonly<Record<string, unknown>>;

/** Returns how to replace the library's option names in a message: by a command's options, and the files given for them. */
function namesOf(command: Command): Names {
  const given = command.opts<Given>();
  return {
    flagOf(paths) {
      const option = paths.map((path) => optionFor(command, path)).find((each) => each !== undefined);
      return option && flagOf(option);
    },
    ownFlagOf(paths) {
      const option = paths.map((path) => optionsFor(command, path)[0]).find((each) => each !== undefined);
      return option && flagOf(option);
    },
    advisedFor(paths) {
      const options = paths.map((path) => optionsFor(command, path)).find((found) => found.length > 0) ?? [];
      const isGiven = options.some((option) => given[option.attributeName()] !== undefined);
      return isGiven || options.length === 0 ? undefined : options.map(flagOf).join(" or ");
    },
    subjectOf(flag) {
      const option = dataOptions.find((name) => `--${kebabCase(name)}` === flag);
      if (!option) return { text: flag, isFile: false };
      const files = [given[option]].flat().map(String);
      const text = files.length === 1 ? showFile(flag, files[0]!) : `${flag} (${files.length} files)`;
      return { text, isFile: true };
    },
    fileOf(file) {
      const network = ["decoder", "encoder"].find((option) => showLocation(String(given[option])) === file);
      return network ? showFile(`--${network}`, String(given[network])) : file;
    },
  };
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
function inFlag(difference: Difference, names: Names, given: Given): string {
  const { name } = difference;
  if (/^decoder(\.|$)/.test(name)) return inDecoderFlag(difference, given);
  // No option sets the number of samples: `--samples` is the number of codes drawn per sample.
  const flag = name === "samples" ? undefined : names.flagOf([name]);
  const [, input] = /^fixed\.(.+)$/.exec(name) ?? [];
  return showDifference(flag && input ? `${flag} ${input}` : (flag ?? name), difference);
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
