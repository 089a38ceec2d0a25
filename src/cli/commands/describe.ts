import type { Command } from "commander";
import { escapeText } from "../../base/show.ts";
import { type Decoder, describe, type StandardLoss } from "../../index.ts";
import { lossTraits } from "../../terms/losses.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addDecoderOptions, type DecoderFlags, decoderHelp, readDecoder } from "../input/decoder-file.ts";
import { isStdin } from "../input/files.ts";
import { outputWithPoints, shapeWithPoints, showShape } from "../input/points.ts";
import { interruptSignal, unlessInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { wrongUsage } from "../options/running.ts";
import { print } from "../output/print.ts";
import { showPrior } from "../output/prior-figures.ts";
import { type Figure, figure, formatDocument, rowsOf } from "../output/report.ts";

const DESCRIBE_FLAGS = {
  decoder: flag("<file>", "file of the decoder, in place of the argument"),
  json: flag("", "print one JSON document"),
};

interface DescribeCommandOptions extends Omit<DecoderFlags, "decoder">, OptionsOf<typeof DESCRIBE_FLAGS> {}

/** Adds `latentflow describe` to the program. */
export function addDescribeCommand(program: Command): void {
  const command = program
    .command("describe")
    .summary("say what a decoder is made of")
    .description(
      "Prints a decoder's operations with their shapes, parameters and multiplications\n" +
        "for a sample, and totals; then its latent, what is given with each sample, its\n" +
        "output, its loss, prior and start if it has them, and whether it agrees with its\n" +
        "file's probe. Of a decoder over points the figures are those for one.",
    )
    .argument("[file]", decoderHelp);
  addFlags(command, DESCRIBE_FLAGS, "What and how:");
  addDecoderOptions(command).addHelpText(
    "after",
    `${exitCodesHelp("nothing is printed")}
Examples:
  $ latentflow describe D.safetensors
  $ latentflow describe D.onnx --json`,
  );
  command.action(async (file: string | undefined, options: DescribeCommandOptions) => {
    const decoder = file ?? options.decoder;
    if (decoder === undefined) {
      wrongUsage(command, "expected a decoder's file: latentflow describe FILE, or --decoder FILE");
    }
    if (file !== undefined && options.decoder !== undefined) {
      wrongUsage(command, "two decoders are given, FILE and --decoder, expected one of them");
    }
    if (isStdin(file)) {
      wrongUsage(command, "FILE cannot be -, stdin, which is for data; give a file or a URL");
    }
    await runDescribe({ ...options, decoder });
  });
}

async function runDescribe(options: DescribeCommandOptions & Pick<DecoderFlags, "decoder">): Promise<void> {
  const signal = interruptSignal();
  const decoder = await unlessInterrupted(signal, readDecoder(options, signal), "stopped");
  if (!decoder) return;
  const figures = figuresOf(options.decoder, decoder);
  print(options.json ? formatDocument(figures) : formatDescription(decoder, figures));
}

function formatDescription(decoder: Decoder, figures: readonly Figure[]): string {
  const rows = rowsOf(figures);
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`);
  const note = decoder.verified === false ? `\nnot verified: ${decoder.unverifiedReason}\n` : "";
  return `${describe(decoder)}\n\n${lines.join("")}${note}`;
}

/** Maximum number of values of a start vector z₀ that are printed. */
const SHOWN_VALUES = 4;

/** Formats a start vector z₀, its first values to 4 significant digits: `0.2513, -1.084, 0.6, 2.41, … (20 values)`. */
function showStart(start: Float32Array): string {
  const shown = Array.from(start.subarray(0, SHOWN_VALUES), (value) => String(Number(value.toPrecision(4))));
  if (start.length <= SHOWN_VALUES) return shown.join(", ");
  return `${shown.join(", ")}, … (${start.length} values)`;
}

/** Returns a loss in words, such as `mean squared error`. */
function showLoss(loss: StandardLoss): string {
  return `${loss.reduction === "sum" ? "summed" : "mean"} ${lossTraits(loss).title}`;
}

/**
 * Makes the report's entries on a decoder. Their JSON also contains the decoder's description, which the text report
 * prints as a separate table.
 */
function figuresOf(file: string, decoder: Decoder): Figure[] {
  const { verified, unverifiedReason = null, latentSize, loss = null, prior = null, start } = decoder;
  const fixedInputs = decoder.fixedInputs.map(({ name, classes }) => {
    return { name, shape: shapeWithPoints(decoder, name), ...(classes !== undefined && { classes }) };
  });
  const outputShape = outputWithPoints(decoder);
  return [
    {
      json: { file, verified, unverifiedReason, ...describe(decoder), fixedInputs, outputShape, loss, prior },
    },
    figure("latent z", `${latentSize}`),
    ...fixedInputs.map(({ name, shape, classes }): Figure => {
      const type = classes === undefined ? "numbers" : `of ${classes} classes, counted from 0`;
      return figure(`fixed input ${escapeText(name)}`, `${showShape(shape)} ${type}`);
    }),
    figure("output", showShape(outputShape)),
    figure("loss", loss ? `${showLoss(loss)}, its default` : undefined),
    figure("prior", prior ? showPrior(prior) : undefined),
    figure("start", start && showStart(start)),
    figure("probe", verified ? "agrees" : undefined),
  ];
}
