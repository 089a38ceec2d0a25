import { dirname } from "node:path";
import type { Command } from "commander";
import { invalid } from "../../base/refuse.ts";
import { alternatives, showPath } from "../../base/show.ts";
import { isOnnx } from "../../files/file-kind.ts";
import { STANDARD_MAX_BYTES } from "../../files/limits.ts";
import { type ActivationLike, type Decoder, loadDecoder, type StandardLoss } from "../../index.ts";
import { lossFileNames, lossNames, namedLoss } from "../../terms/losses.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import {
  kebabCase,
  parseActivation,
  parseActivations,
  parseCount,
  parseCounts,
  parseNames,
  parseShapes,
} from "../options/parse.ts";
import { beginningOf, isUrl, showFile } from "./files.ts";
import type { DataLimits } from "./open-data.ts";

/** Help text for the option of a decoder's file. */
export const decoderHelp = "file of the decoder, safetensors or ONNX: a path or a URL";

/** Option for the size of files. */
export const SIZE_FLAGS = {
  maxBytes: flag(
    "<n>",
    `maximum size of each file in bytes, also when unpacked (default: ${STANDARD_MAX_BYTES}, 1 GiB, for files that are read as a whole)`,
    { parse: parseCount },
  ),
};

const DECODER_FLAGS = {
  prefix: flag(
    "<text>",
    "beginning of the names of the decoder's tensors, in a file with others: decoder. say",
  ),
  activation: flag(
    "<name>",
    "activation between the layers: elu, relu, leakyRelu:0.2, …; or, for a file of layers, one between each two: elu,tanh",
    { parse: parseActivations },
  ),
  outputActivation: flag("<name>", "activation after the last layer: sigmoid, identity, …", {
    parse: parseActivation,
  }),
  outputShape: flag("<lengths>", "shape of a sample: 28,28 say", { parse: parseCounts }),
};

const ONNX_FLAGS = {
  latent: flag(
    "<name>",
    "input that is the latent z; all others are fixed inputs (default: the one that the file's metadata name, else the only one of floats)",
  ),
  outputName: flag("<name>", "output that is the sample (default: the only one)", {
    gives: ["loadOnnx.output"],
  }),
  pointsInput: flag(
    "<name>",
    "input whose rows are points, of any number; once for each such input (default: those that the file's metadata name)",
    {
      parse: parseNames,
      gives: ["loadOnnx.points"],
    },
  ),
  inputShape: flag(
    "<name=lengths>",
    "shape of an input, without the axes of the batch and of points, where the file leaves lengths open: latent_sample=4,8,8 say; once for each such input",
    { parse: parseShapes, gives: ["inputShapes"] },
  ),
  layout: flag("<order>", "order of a sample's numbers: as in the file, or channels last (default: file)", {
    choices: ["file", "channelsLast"],
  }),
};

const LOSS_FLAGS = {
  loss: flag("<name>", "loss to minimise", { choices: lossNames() }),
  reduction: flag("<name>", "loss of a sample as the mean or the sum over its values", {
    choices: ["mean", "sum"],
    gives: ["loss.reduction"],
  }),
};

/** Parsed options of the loss. */
export type LossFlags = OptionsOf<typeof LOSS_FLAGS>;

/** Parsed options of a decoder's file: how to read it, and what completes or overrides its metadata. */
export interface DecoderFlags
  extends LossFlags,
    OptionsOf<typeof SIZE_FLAGS>,
    OptionsOf<typeof DECODER_FLAGS>,
    OptionsOf<typeof ONNX_FLAGS> {
  readonly decoder: string;
}

const onnxOptions = Object.keys(ONNX_FLAGS) as readonly (keyof typeof ONNX_FLAGS)[];

/** Options that apply to decoder files of one format only. */
const FILE_OPTIONS = { safetensors: ["prefix", "activation"], onnx: onnxOptions } as const;

/** Options that describe how to read a decoder's file; refused if the decoder does not come from a file. */
export const readingFlags = ["prefix", ...onnxOptions] as const;

/**
 * Adds `--max-bytes` to the current help group, and groups of options that complete or override a decoder's file.
 *
 * @param standard where the values come from by default, for the help
 */
export function addDecoderOptions(command: Command, standard = "what its file says"): Command {
  addFlags(command, SIZE_FLAGS);
  addFlags(command, DECODER_FLAGS, `Decoder (default: ${standard}):`);
  const heading = "Decoder, if it is ONNX (also --output-shape, --output-activation sigmoid):";
  return addFlags(command, ONNX_FLAGS, heading);
}

/** Returns the limits on reading files; `maxBytes` is 1 GiB unless `--max-bytes` is given. */
export function limitsOf({ maxBytes }: Pick<DecoderFlags, "maxBytes">, signal?: AbortSignal): DataLimits {
  return { maxBytes: maxBytes ?? STANDARD_MAX_BYTES, givenMaxBytes: maxBytes, signal };
}

/**
 * Adds the options of the loss to a command.
 *
 * @param standard phrase for the default loss in the heading of the help
 */
export function addLossOptions(command: Command, standard = "the one the decoder's file names"): Command {
  return addFlags(command, LOSS_FLAGS, `Loss (default: ${standard}):`);
}

/** Returns the loss that the options name; undefined if they name none. */
export function lossOf({ loss, reduction }: LossFlags): StandardLoss | undefined {
  return namedLoss(loss, reduction && { reduction });
}

/**
 * Loads a decoder, safetensors or ONNX, with the loss that the options name, if any.
 *
 * @throws LatentflowError `invalid_argument` for an option of the other file format
 */
export async function readDecoder(options: DecoderFlags, signal: AbortSignal): Promise<Decoder> {
  const isOnnx = await isOnnxFile(options.decoder);
  const others = FILE_OPTIONS[isOnnx ? "safetensors" : "onnx"];
  const other = others.find((option) => options[option] !== undefined);
  if (other !== undefined) {
    const wanted = isOnnx ? "safetensors files; it is an ONNX file" : "ONNX files, which it is not";
    throw invalid(`${showPath(options.decoder)}: --${kebabCase(other)} is for ${wanted}`);
  }
  if (isOnnx) return readOnnx(options, signal);
  const { decoder: file, prefix, activation, outputActivation, outputShape, maxBytes } = options;
  const loss = lossOf(options);
  return loadDecoder(file, { prefix, activation, outputActivation, outputShape, loss, maxBytes, signal });
}

/** True for an ONNX file, judged by its first bytes or, for a URL, by its name. */
async function isOnnxFile(file: string): Promise<boolean> {
  const beginning = await beginningOf(file);
  return beginning ? isOnnx(beginning) : /\.onnx([?#]|$)/i.test(file);
}

async function readOnnx(options: DecoderFlags, signal: AbortSignal): Promise<Decoder> {
  const { decoder: file, inputShape, outputActivation, outputShape, latent, layout, maxBytes } = options;
  if (outputActivation !== undefined && nameOf(outputActivation) !== "sigmoid") {
    throw invalid(
      `--output-activation is ${nameOf(outputActivation)}, expected sigmoid, for a file that ends in logits: ` +
        `${showPath(file)} is an ONNX file, and has all others in it`,
    );
  }
  // Imported on demand: it is a quarter of the library's code.
  const { loadOnnx } = await import("../../onnx/index.ts");
  return loadOnnx(file, {
    latent,
    output: options.outputName,
    points: options.pointsInput,
    inputShapes: inputShape && Object.fromEntries(inputShape.map(({ name, shape }) => [name, shape])),
    layout,
    outputActivation: outputActivation && "sigmoid",
    outputShape,
    loss: lossOf(options),
    // PyTorch's exporter writes external tensors beside the file.
    externalData: isUrl(file) ? undefined : dirname(file),
    maxBytes,
    signal,
  });
}

function nameOf(activation: ActivationLike): string {
  return typeof activation === "string" ? activation : activation.name;
}

/**
 * Loads a decoder and determines the loss: that of the options, or else that stored in the file.
 *
 * @throws LatentflowError `invalid_argument` if neither names a loss
 */
export async function readDecoderAndLoss(
  options: DecoderFlags,
  signal: AbortSignal,
): Promise<{ decoder: Decoder; loss: StandardLoss }> {
  const decoder = await readDecoder(options, signal);
  if (!decoder.loss) {
    if (decoder.latentSize > decoder.outputSize) {
      throw invalid(
        `${showFile("--decoder", options.decoder)} makes ${decoder.outputSize} values of ${decoder.latentSize}, as an ` +
          "encoder does; give the decoder.safetensors beside it, or --loss if it is a decoder",
      );
    }
    const flags = alternatives(lossFileNames().map((name) => `--loss ${name}`));
    throw invalid(`${showFile("--decoder", options.decoder)} names no loss; give ${flags}`);
  }
  const { reduction = decoder.loss.reduction } = options;
  return { decoder, loss: { ...decoder.loss, reduction } };
}
