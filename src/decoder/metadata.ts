import { checkChoice, invalid, show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import { LOSS_MAKERS, type LossName, type StandardLoss } from "../loss.ts";
import { type Activation, activations, normaliseActivation } from "./activation.ts";
import type { Decoder } from "./decoder.ts";
import { checkOutputShape } from "./output.ts";

// What a file's metadata, a map of strings, says of its decoder beyond the tensors:
//   activation         between the layers: a name, or an object as in the API, as JSON: {"name":"elu","alpha":2}
//   outputActivation   after the last layer, in the same form
//   loss               "bce" (binary cross entropy; "binaryCrossEntropy" and "crossEntropy" are read too)
//                      or "mse" (squared error; "squaredError" is read too)
//   reduction          "sum", or "mean", which is meant when it is missing
//   outputShape        a JSON array: [28,28]
//   latentSize         how many latents: 20. Needed only where a decoder has as many latents as outputs and fewer
//                      values between, as otherwise only an autoencoder has
// Everything may be missing, and other keys are left alone, but for one that differs from these by capitals or
// separators alone. In names of activations those do not count, so that PyTorch's spellings are read: "ELU",
// "leaky_relu".

const KEYS = ["activation", "outputActivation", "loss", "reduction", "outputShape", "latentSize"] as const;
type Key = (typeof KEYS)[number];

/** A file's metadata. */
export type Metadata = ReadonlyMap<string, string>;

/** A loss in a file, as PyTorch's users call it. */
const LOSS_NAMES: Readonly<Record<StandardLoss["name"], LossName>> = {
  binaryCrossEntropy: "bce",
  squaredError: "mse",
};

/** The metadata that describes a decoder. */
export function writeMetadata(decoder: Decoder): Metadata {
  const metadata = new Map<string, string>();
  const [first] = decoder.layers;
  if (decoder.layers.length > 1) metadata.set("activation", writeActivation(first!.activation));
  metadata.set("outputActivation", writeActivation(decoder.outputActivation));
  if (decoder.loss) {
    metadata.set("loss", LOSS_NAMES[decoder.loss.name]);
    if (decoder.loss.reduction === "sum") metadata.set("reduction", "sum");
  }
  metadata.set("outputShape", JSON.stringify(decoder.outputShape));
  if (isLikeAutoencoder(decoder.layers)) metadata.set("latentSize", String(decoder.latentSize));
  return metadata;
}

/** Whether these layers have as many inputs as outputs and fewer values between. */
function isLikeAutoencoder(layers: readonly Sizes[]): boolean {
  const { inputSize } = layers[0]!;
  return layers.at(-1)!.outputSize === inputSize && layers.some(({ outputSize }) => outputSize < inputSize);
}

type Sizes = { readonly inputSize: number; readonly outputSize: number };

/**
 * Refuses keys that are misspelt, and layers that are no decoder's by the metadata's account.
 *
 * @throws LatentflowError `invalid_file`
 */
export function checkMetadata(where: string, metadata: Metadata, layers: readonly Sizes[]): void {
  const refuse = (problem: string) => new LatentflowError("invalid_file", `${where}: ${problem}`);
  for (const key of metadata.keys()) {
    const meant = KEYS.find((known) => known !== key && bare(known) === bare(key));
    if (meant) throw refuse(`the file's metadata have ${show(key)}, expected "${meant}"`);
  }
  const { inputSize } = layers[0]!;
  const latentSize = metadata.get("latentSize");
  if (latentSize !== undefined && latentSize !== String(inputSize)) {
    throw refuse(
      `the file's latentSize is ${show(latentSize)}, but the first layer has ${inputSize} inputs; save the ` +
        "decoder's layers alone",
    );
  }
  if (latentSize === undefined && isLikeAutoencoder(layers)) {
    const sizes = [inputSize, ...layers.map(({ outputSize }) => outputSize)].join(", ");
    throw refuse(
      `its layers go from ${inputSize} values by fewer to ${inputSize} again (${sizes}): a whole autoencoder, it ` +
        "seems. Save the decoder's layers alone: save_file(model[k:].state_dict(), path), k being the first of " +
        `them; if they are a decoder, add "latentSize": "${inputSize}" to the metadata`,
    );
  }
}

function writeActivation(activation: Activation): string {
  const isDefault =
    JSON.stringify(activation) === JSON.stringify(normaliseActivation("", "", activation.name));
  return isDefault ? activation.name : JSON.stringify(activation);
}

/**
 * The activation that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readActivation(
  where: string,
  metadata: Metadata,
  key: "activation" | "outputActivation",
): Activation | undefined {
  return read(metadata, key, (text) => {
    const value = text.startsWith("{") ? parseJson(where, key, text) : ownSpelling(text);
    return normaliseActivation(where, `the file's ${key}`, value);
  });
}

function ownSpelling(name: string): string {
  return Object.keys(activations).find((known) => bare(known) === bare(name)) ?? name;
}

/** Without what capitals and separators make different. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-\s]/g, "");
}

/** A Map, since a file's text may be "constructor". "crossEntropy" is what files from before 0.1.0 say. */
const losses = new Map([...Object.entries(LOSS_MAKERS), ["crossEntropy", LOSS_MAKERS.binaryCrossEntropy]]);

/**
 * The loss that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readLoss(where: string, metadata: Metadata): StandardLoss | undefined {
  return read(metadata, "loss", (text) => {
    const makeLoss = losses.get(text);
    if (!makeLoss) throw invalid(`${where}: the file's loss is ${show(text)}, expected "bce" or "mse"`);
    const reduction = metadata.get("reduction") ?? "mean";
    return makeLoss({ reduction: checkChoice(where, "the file's reduction", reduction, ["mean", "sum"]) });
  });
}

/**
 * The output shape that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood or does not hold `outputSize` values
 */
export function readOutputShape(
  where: string,
  metadata: Metadata,
  outputSize: number,
): readonly number[] | undefined {
  return read(metadata, "outputShape", (text) =>
    checkOutputShape(`${where}: the file's metadata`, parseJson(where, "outputShape", text), outputSize),
  );
}

function parseJson(where: string, key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${where}: the file's ${key} is ${show(text)}, expected JSON`);
  }
}

/** Reads one entry; what a check would call an invalid argument is an invalid file here. */
function read<T>(metadata: Metadata, key: Key, parse: (text: string) => T): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw new LatentflowError("invalid_file", `${error.message}; the option ${key} overrides the file's`);
  }
}
