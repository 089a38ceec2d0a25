import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type Words, words } from "../../base/message.ts";
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
  const own = error.wordsIn((difference) => inFlag(difference, command));
  return words`${own}${moreEpochs(error.differences, command)}`;
}

/** Describes a difference between this run and an earlier one, named by the command-line option that causes it. */
function inFlag(difference: Difference, command: Command): string {
  const { name } = difference;
  if (/^decoder(\.|$)/.test(name)) return inDecoderFlag(difference, command);
  // No option sets the number of samples: `--samples` is the number of codes drawn per sample.
  const option = name === "samples" ? undefined : setterOf(command, name);
  const flag = option ? flagOf(option) : name;
  const [, input] = /^fixed\.(.+)$/.exec(name) ?? [];
  return showDifference(option && input ? `${flag} ${input}` : flag, difference);
}

/** Describes a difference between the decoders of two runs, named by the command-line option that gave the decoder. */
function inDecoderFlag(difference: Difference, command: Command): string {
  const flag = decoderOptions.find((name) => command.getOptionValue(name) !== undefined);
  const called = difference.name.replace(/^decoder/, `--${flag}`).replace(/^(--\w+)\./, "$1: ");
  const text = showDifference(called, difference);
  // Layers that are plain numbers are shown in the syntax of `--layers`.
  return flag === "layers" && !text.includes("×") ? text.replaceAll(" → ", ",") : text;
}

/**
 * Returns advice on how to train for more epochs, if the differences between two runs suggest that this is intended; else
 * "".
 */
function moreEpochs(differences: readonly Difference[], command: Command): string {
  if (!asksForMoreEpochs(differences)) return "";
  const { out, architecture } = command.opts();
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
