import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Words } from "../../base/message.ts";
import { showPath } from "../../base/show.ts";
import {
  asksForMoreEpochs,
  type Difference,
  type OtherRunError,
  showDifference,
} from "../../train/run-differences.ts";
import { flagOf, setterOf } from "./flag-table.ts";
import { decoderOptions } from "./input-options.ts";

// What the program says of a run that is another one than that of a checkpoint or of saved parts.

/** Returns an error's words with the differences of the runs named by flags, and advice on more epochs. */
export function otherRunWords(error: OtherRunError, command: Command): Words {
  // Runs that are merged have had the flags of encode.
  const own =
    (command.name() === "merge" && command.parent?.commands.find((each) => each.name() === "encode")) ||
    command;
  return error.wordsIn(
    (difference) => inFlag(difference, own, error.where),
    moreEpochs(error.differences, own),
  );
}

/** Describes a difference between two runs, named by the command-line option that causes it. */
function inFlag(difference: Difference, command: Command, where: OtherRunError["where"]): string {
  const { name, there, here } = difference;
  const isOfDecoder = /^decoder(\.|$)/.test(name);
  const called = isOfDecoder ? inDecoderFlag(name, command) : flagFor(name, command);
  const areSums = [there, here].every((value) => CHECKSUM.test(value));
  if (areSums) return `${called} has other values`;
  // A checksum says nothing but that there is something.
  const [first, second] = [there, here].map((value) => value.replace(CHECKSUM, "given")) as [string, string];
  if (/(^|\.)samples$/.test(name)) {
    const counts = { there: `${first} samples`, here: second };
    return showDifference(name === "samples" ? "--data, with --limit," : called, counts, where, "has");
  }
  const text = showDifference(called, { there: first, here: second }, where);
  // Layers that are plain numbers are shown in the syntax of `--layers`.
  return called === "--layers" && !text.includes("×") ? text.replaceAll(" → ", ",") : text;
}

/** Matches the checksum of data, as messages show it. */
const CHECKSUM = /^"([0-9a-f]{8}|[0-9a-f]{12})"$/;

/** Returns the command-line option that sets the library's option or setting `name`; the name itself if none does. */
function flagFor(name: string, command: Command): string {
  const option = setterOf(command, name);
  const flag = option ? flagOf(option) : name;
  const [, input] = /^fixed\.(.+)$/.exec(name) ?? [];
  return option && input ? `${flag} ${input}` : flag;
}

/** Returns the command-line option that gave the decoder, with the part of the decoder that `name` is about. */
function inDecoderFlag(name: string, command: Command): string {
  const flag = decoderOptions.find((each) => command.getOptionValue(each) !== undefined) ?? "decoder";
  return name.replace(/^decoder/, `--${flag}`).replace(/^(--\w+)\./, "$1: ");
}

/**
 * Returns advice on how to train for more epochs, if the differences between two runs suggest that this is intended; else
 * undefined.
 */
function moreEpochs(differences: readonly Difference[], command: Command): string | undefined {
  if (!asksForMoreEpochs(differences)) return undefined;
  const { out, architecture } = command.opts();
  const file = join(String(out), "decoder.safetensors");
  if (!existsSync(file)) {
    const { there } = differences.find(({ name }) => name === "epochs")!;
    return `To train for more, end this run first, by --resume with --epochs ${there}, which writes ${showPath(file)}`;
  }
  const decoder = showPath(file);
  return (
    `To train on from what came of it, give --decoder ${decoder} in place of ` +
    `${architecture === undefined ? "--layers" : "--architecture"}, another --out, and as --epochs those that are to follow`
  );
}
