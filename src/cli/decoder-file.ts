import { type Command, Option } from "commander";
import {
  type ActivationLike,
  type Decoder,
  LatentflowError,
  type LossName,
  loadDecoder,
  type StandardLoss,
} from "../index.ts";
import { type Limits, STANDARD_MAX_BYTES } from "../source.ts";
import { LOSS_MAKERS } from "../terms/losses.ts";
import { showFile } from "./files.ts";
import { parseActivation, parseActivations, parseCount, parseCounts, parseNumber } from "./parse.ts";

/** A decoder's file, and what the command says of it, as commander hands it over. */
export interface DecoderFlags extends LossFlags {
  readonly decoder: string;
  readonly prefix?: string;
  readonly activation?: ActivationLike | readonly ActivationLike[];
  readonly outputActivation?: ActivationLike;
  readonly outputShape?: readonly number[];
  readonly batchNorm?: "beforeActivation" | "afterActivation";
  readonly batchNormEpsilon?: number;
  readonly maxBytes?: number;
}

/** What is made small, as commander hands it over. */
export interface LossFlags {
  readonly loss?: LossName;
  readonly reduction?: StandardLoss["reduction"];
}

/** Adds the bound on files, to the group there is, and a group for what a decoder's file does not say, or says wrongly. */
export function addDecoderOptions(command: Command, standard = "what its file says"): Command {
  return command
    .option(
      "--max-bytes <n>",
      "the most bytes that a file may have, and unpack to (default: 1073741824, 1 GiB)",
      parseCount,
    )
    .optionsGroup(`Decoder (default: ${standard}):`)
    .option("--prefix <text>", "the tensors that are the decoder's in a file with others: decoder. say")
    .option(
      "--activation <name>",
      "between layers: elu, relu, leakyRelu:0.2, …; or one between each two: elu,tanh",
      parseActivations,
    )
    .option("--output-activation <name>", "after the last layer: sigmoid, identity, …", parseActivation)
    .option("--output-shape <lengths>", "the shape of a sample, 28,28 say", parseCounts)
    .addOption(
      new Option("--batch-norm <place>", "where BatchNorms act, if the layers' numbers do not tell").choices([
        "beforeActivation",
        "afterActivation",
      ]),
    )
    .option("--batch-norm-epsilon <x>", "what BatchNorms add to a variance, else 1e-5", parseNumber);
}

/** What bounds the reading of files. */
export function limitsOf({ maxBytes }: Pick<DecoderFlags, "maxBytes">, signal?: AbortSignal): Limits {
  return { maxBytes: maxBytes ?? STANDARD_MAX_BYTES, signal };
}

/** Adds the loss's options. */
export function addLossOptions(command: Command, standard = "the one the decoder's file names"): Command {
  return command
    .optionsGroup(`Loss (default: ${standard}):`)
    .addOption(new Option("--loss <name>", "what is made small").choices(Object.keys(LOSS_MAKERS)))
    .addOption(
      new Option("--reduction <name>", "a sample's loss: mean or sum over its values").choices([
        "mean",
        "sum",
      ]),
    );
}

/** The loss that the options name, if they do. */
export function lossOf({ loss, reduction }: LossFlags): StandardLoss | undefined {
  return loss && LOSS_MAKERS[loss](reduction && { reduction });
}

/** The decoder, with the loss that the options name, if they do. */
export async function readDecoder(options: DecoderFlags, signal: AbortSignal): Promise<Decoder> {
  const { decoder: file, prefix, activation, outputActivation, outputShape, maxBytes } = options;
  const { batchNorm, batchNormEpsilon } = options;
  const loss = lossOf(options);
  return loadDecoder(file, {
    ...(prefix !== undefined && { prefix }),
    ...(activation && { activation }),
    ...(outputActivation && { outputActivation }),
    ...(outputShape && { outputShape }),
    ...(batchNorm && { batchNorm }),
    ...(batchNormEpsilon !== undefined && { batchNormEpsilon }),
    ...(loss && { loss }),
    ...(maxBytes && { maxBytes }),
    signal,
  });
}

/**
 * The decoder, and the loss that the options name or its file.
 *
 * @throws LatentflowError `invalid_argument` where neither names one
 */
export async function readDecoderAndLoss(
  options: DecoderFlags,
  signal: AbortSignal,
): Promise<{ decoder: Decoder; loss: StandardLoss }> {
  const decoder = await readDecoder(options, signal);
  if (!decoder.loss) {
    throw new LatentflowError(
      "invalid_argument",
      `${showFile("--decoder", options.decoder)} names no loss; give --loss bce or --loss mse`,
    );
  }
  const { name, reduction } = decoder.loss;
  return { decoder, loss: LOSS_MAKERS[name]({ reduction: options.reduction ?? reduction }) };
}
