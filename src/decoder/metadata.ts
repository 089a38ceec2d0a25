import { checkChoice, checkNumber, invalid, invalidFile, show } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import type { Work } from "../base/event-loop.ts";
import { theOption } from "../base/message.ts";
import type { Metadata } from "../files/safetensors.ts";
import { type Activation, activations, normaliseActivation } from "../graph/activation.ts";
import type { GraphDefinition } from "../graph/definition.ts";
import type { Graph } from "../graph/graph.ts";
import { isStackOfLayers, layersOf } from "../graph/layers.ts";
import type { Operation } from "../graph/operations.ts";
import { readingDefinition } from "../graph/read-definition.ts";
import { checkPriorSize, normalisePrior } from "../terms/check-prior.ts";
import { LOSS_MAKERS, type Reduction, type StandardLoss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { termTraits } from "../terms/terms.ts";
import type { BatchNormPlace } from "./layer-tensors.ts";
import { bare, type Key, meantBy, type OptionKey } from "./metadata-keys.ts";
import { checkOutputShape } from "./output.ts";
import { formatStart, remakeStart } from "./start.ts";

// What a file's metadata, a map of strings, says of its decoder beyond the tensors:
//   activation         between the layers: a name, or an object as in the API, as JSON: {"name":"elu","alpha":2};
//                      or, where they differ, a JSON array with one between each two layers: ["elu","tanh"]
//   outputActivation   after the last layer, in the same form
//   loss               "bce" (binary cross entropy; "binaryCrossEntropy", "crossEntropy", "BCELoss" and
//                      "BCEWithLogitsLoss" are read too) or "mse" (squared error; "squaredError" and "MSELoss" are)
//   prior              the decoder's own prior on its codes as JSON, as gaussian() and gaussianMixture() return it
//   start              where flows begin, as a JSON array of latentSize numbers: [0.5,-1.25]. Where it is missing, at 0
//   reduction          "sum", or "mean", which is meant when it is missing
//   outputShape        a JSON array: [28,28]
//   latentSize         how many latents: 20. Needed only where a decoder has as many latents as outputs and fewer
//                      values between, as otherwise only an autoencoder has
//   batchNorm          whether BatchNorms act before the activations or after them, where the layers' numbers do not
//                      tell: "beforeActivation" or "afterActivation"
//   batchNormEpsilon   what BatchNorms add to a variance: 1e-3. Where it is missing, 1e-5
//   latentflow.probe   a few latents and what the decoder makes of them, as base64: see probe.ts
//   latentflow.graph   of a decoder that is no stack of layers, a GraphDefinition as JSON; then only loss, reduction,
//                      the prior, the start and the probe are read beside it
// Everything may be missing, and other keys are left alone, but for those that seem to mean one of these. In names of
// activations capitals and separators do not count, so that PyTorch's spellings are read: "ELU", "leaky_relu".

/** What metadata say of a decoder. */
interface Described extends Pick<Graph<Operation>, "latentSize" | "operations" | "definition"> {
  readonly outputActivation: Activation;
  readonly outputShape: readonly number[];
  readonly loss: StandardLoss | undefined;
  readonly prior: Prior | undefined;
  readonly start: Float32Array | undefined;
}

/** The metadata that describes a decoder. */
export function writeMetadata(decoder: Described): Metadata {
  const metadata = new Map<string, string>();
  if (!isReadAsLayers(decoder)) {
    metadata.set(GRAPH, JSON.stringify(decoder.definition));
    writeDefaults(metadata, decoder);
    return metadata;
  }
  const layers = layersOf(decoder);
  const between = layers.slice(0, -1).map(({ activation }) => writeActivation(activation));
  if (new Set(between).size === 1) metadata.set("activation", between[0]!);
  else if (between.length > 0) metadata.set("activation", `[${between.map(asJson).join(",")}]`);
  metadata.set("outputActivation", writeActivation(decoder.outputActivation));
  writeDefaults(metadata, decoder);
  metadata.set("outputShape", JSON.stringify(decoder.outputShape));
  if (isLikeAutoencoder(layers)) metadata.set("latentSize", String(decoder.latentSize));
  return metadata;
}

function writeDefaults(
  metadata: Map<string, string>,
  { loss, prior, start }: Pick<Described, "loss" | "prior" | "start">,
): void {
  if (prior) metadata.set("prior", JSON.stringify(prior));
  if (start) metadata.set("start", formatStart(start));
  if (!loss) return;
  metadata.set("loss", termTraits(loss).fileName!);
  if (loss.reduction === "sum") metadata.set("reduction", "sum");
}

/** Can the other keys say what it is: layers one after the other, as their names say, too? */
function isReadAsLayers(decoder: Described): boolean {
  if (!isStackOfLayers(decoder)) return false;
  const names = layersOf(decoder).map(({ name }) => /^(.*?)(\d{1,9})$/s.exec(name));
  return names.every((name, i) => {
    const before = names[i - 1];
    if (!name || i === 0) return Boolean(name);
    return name[1] === before?.[1] && Number(name[2]) > Number(before?.[2]);
  });
}

/** A name becomes a string in quotes, an object stays what it is. */
function asJson(activation: string): string {
  return activation.startsWith("{") ? activation : JSON.stringify(activation);
}

/** The metadata's key for a graph that is no stack of layers: a `GraphDefinition` as JSON. */
const GRAPH = "latentflow.graph";

/**
 * The graph that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function* readGraph(where: string, metadata: Metadata): Work<Graph | undefined> {
  const text = metadata.get(GRAPH);
  if (text === undefined) return undefined;
  try {
    const definition: unknown = JSON.parse(text);
    return yield* readingDefinition(`${where}: the file's ${GRAPH}`, definition as GraphDefinition);
  } catch (error) {
    const message =
      error instanceof LatentflowError ? markedMessage(error) : `${where}: the file's ${GRAPH} is no JSON`;
    throw invalidFile(message);
  }
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
export function checkMetadata(
  where: string,
  metadata: Metadata,
  layers: readonly Sizes[],
  options: { readonly [Key in OptionKey]: unknown },
): void {
  const refuse = (problem: string) => invalidFile(`${where}: ${problem}`);
  for (const key of metadata.keys()) {
    const meant = meantBy(key);
    // An option overrides what the file says, however it says it.
    if (!meant) continue;
    const { expected, option } = meant;
    if (option && options[option] !== undefined) continue;
    const hint = option ? `; ${theOption(option)} overrides it` : "";
    throw refuse(`the file's metadata have ${show(key)}, expected ${expected}${hint}`);
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
 * The output activation that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readOutputActivation(where: string, metadata: Metadata): Activation | undefined {
  return read(metadata, "outputActivation", (text) =>
    normaliseActivation(
      where,
      "the file's outputActivation",
      ownSpelling(parseActivation(where, "outputActivation", text)),
    ),
  );
}

/**
 * The activation between the layers that the metadata give, if any: one for all, or a list.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readActivations(
  where: string,
  metadata: Metadata,
): Activation | readonly Activation[] | undefined {
  return read(metadata, "activation", (text) => {
    const name = "the file's activation";
    const value = parseActivation(where, "activation", text);
    return Array.isArray(value)
      ? value.map((each, i) => normaliseActivation(where, `${name}[${i}]`, ownSpelling(each)))
      : normaliseActivation(where, name, ownSpelling(value));
  });
}

/**
 * Where BatchNorms stand by the metadata, if they say so.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readBatchNorm(where: string, metadata: Metadata): BatchNormPlace | undefined {
  return read(metadata, "batchNorm", (text) =>
    checkChoice(where, "the file's batchNorm", text, ["beforeActivation", "afterActivation"]),
  );
}

/**
 * What BatchNorms add to a variance by the metadata, if they say so.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readBatchNormEpsilon(where: string, metadata: Metadata): number | undefined {
  return read(metadata, "batchNormEpsilon", (text) => {
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(number)) {
      throw invalid(`${where}: the file's batchNormEpsilon is ${show(text)}, expected a number, as 1e-3`);
    }
    return checkNumber(where, "the file's batchNormEpsilon", number, { min: 0 });
  });
}

function parseActivation(where: string, key: string, text: string): unknown {
  const isJson = text.startsWith("{") || text.startsWith("[");
  return isJson ? parseJson(where, key, text, '{"name": "leakyRelu", "slope": 0.2}') : text;
}

/** A name, or an object with one, as the API has it. */
function ownSpelling(value: unknown): unknown {
  if (typeof value === "string") {
    return Object.keys(activations).find((known) => bare(known) === bare(value)) ?? value;
  }
  const { name } = Object(value) as { readonly name?: unknown };
  return typeof name === "string" ? { ...(value as object), name: ownSpelling(name) } : value;
}

/**
 * The loss that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood
 */
export function readLoss(where: string, metadata: Metadata): StandardLoss | undefined {
  return read(metadata, "loss", (text) => {
    const name = bare(text);
    const makeLoss = Object.values(LOSS_MAKERS).find((make) => {
      const { fileName, otherNames } = termTraits(make());
      return fileName === name || otherNames.includes(name);
    });
    if (!makeLoss) throw invalid(`${where}: the file's loss is ${show(text)}, expected "bce" or "mse"`);
    const reduction = metadata.get("reduction") ?? "mean";
    return makeLoss({
      reduction: checkChoice<Reduction>(where, "the file's reduction", reduction, ["mean", "sum"]),
    });
  });
}

/**
 * The prior that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood, or for latents of another size
 */
export function readPrior(where: string, metadata: Metadata, latentSize: number): Prior | undefined {
  return read(metadata, "prior", (text) => {
    const value = parseJson(where, "prior", text, '{"name": "gaussian", "mean": 0, "std": 1, "weight": 1}');
    return checkPriorSize(where, normalisePrior(where, value, { name: "the file's prior" }), latentSize);
  });
}

/**
 * The decoder's own start that the metadata give, if any.
 *
 * @throws LatentflowError `invalid_file` when it is not understood, or for latents of another size
 */
export function readStart(where: string, metadata: Metadata, latentSize: number): Float32Array | undefined {
  return read(metadata, "start", (text) =>
    remakeStart(where, parseJson(where, "start", text, "[0.5, -1.25]"), latentSize, "the file's start"),
  );
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
    checkOutputShape(
      `${where}: the file's metadata`,
      parseJson(where, "outputShape", text, "[28, 28]"),
      outputSize,
    ),
  );
}

function parseJson(where: string, key: string, text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${where}: the file's ${key} is ${show(text)}, expected JSON, as ${example}`);
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
    throw invalidFile(`${markedMessage(error)}; ${theOption(key)} overrides the file's`);
  }
}
