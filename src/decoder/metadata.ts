import { about, aboutSteps } from "../base/calling.ts";
import { checkChoice } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { theOption, words } from "../base/message.ts";
import { invalidFile, refused, refusedFile } from "../base/refuse.ts";
import { alternatives, show } from "../base/show.ts";
import type { Metadata } from "../files/safetensors.ts";
import { type Activation, activations } from "../graph/activation.ts";
import type { GraphDefinition } from "../graph/definition.ts";
import type { Graph } from "../graph/graph.ts";
import { isStackOfLayers, layersOf } from "../graph/layers.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import type { Operation } from "../graph/operations.ts";
import { readingDefinition } from "../graph/read-definition.ts";
import { checkPriorSize, normalisePrior } from "../terms/check-prior.ts";
import {
  lossFileNames,
  lossInFile,
  lossOfKind,
  lossTraits,
  type Reduction,
  type StandardLoss,
} from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import type { Defaults } from "./defaults.ts";
import { areStackNames } from "./linear-layers.ts";
import { checkOutputShape } from "./output.ts";
import { formatStart, formatStarts, remakeStart, remakeStarts } from "./start.ts";

// Metadata of a safetensors file, a map of strings, that describe its decoder. All keys are optional; others are ignored.
//
//   activation         between the layers: a name, or an object as in the API, as JSON: {"name":"elu","alpha":2}; or a
//                      JSON array with one for each pair of adjacent layers: ["elu","tanh"]
//   outputActivation   after the last layer, in the same form
//   loss               a name such as "bce"; terms/losses.ts lists them with further accepted names, such as "BCELoss"
//   reduction          "mean", the default, or "sum"
//   scale              scale of a squared error, a JSON array of outputSize numbers: [8,12,0.2]. Default: 1
//   prior              prior on codes as JSON, as gaussian() and gaussianMixture() return it
//   start              start vector of flows, a JSON array of latentSize numbers: [0.5,-1.25]. Default: 0
//   starts             codes for several starts, a JSON array of arrays of latentSize numbers: [[0.5,-1.25],[0,1]]
//   outputShape        a JSON array: [28,28]
//   latentflow.probe   a few latents and their outputs, as base64: see probe.ts
//   latentflow.graph   a GraphDefinition as JSON, for a decoder that is not a plain stack of layers; activation,
//                      outputActivation and outputShape are then ignored
//
// Case and separators in names of activations are ignored, so that PyTorch's spellings are accepted: "ELU", "leaky_relu".

/** Properties of a decoder that metadata describe. */
interface Described extends Pick<Graph<Operation>, "latentSize" | "operations" | "definition">, Defaults {
  readonly outputActivation: Activation;
  readonly outputShape: readonly number[];
}

/** Formats the metadata that describe a decoder, except its probe (a few latents with their outputs). */
export function writeMetadata(decoder: Described): Map<string, string> {
  const { definition, outputActivation, outputShape, loss, prior, start, starts } = decoder;
  const metadata = new Map<string, string>();
  const layers = isStackOfLayers(decoder) ? layersOf(decoder) : [];
  const isPlain = layers.length > 0 && areStackNames(layers.map(({ name }) => name));
  if (isPlain) {
    const between = layers.slice(0, -1).map(({ activation }) => writeActivation(activation));
    if (new Set(between).size === 1) metadata.set("activation", between[0]!);
    else if (between.length > 0) metadata.set("activation", `[${between.map(asJson).join(",")}]`);
    metadata.set("outputActivation", writeActivation(outputActivation));
  } else {
    metadata.set(GRAPH, JSON.stringify(definition));
  }
  if (prior) metadata.set("prior", JSON.stringify(prior));
  if (start) metadata.set("start", formatStart(start));
  if (starts) metadata.set("starts", formatStarts(starts, decoder.latentSize));
  if (loss) metadata.set("loss", lossTraits(loss).fileName!);
  if (loss?.reduction === "sum") metadata.set("reduction", "sum");
  if (loss?.scale) metadata.set("scale", formatStart(loss.scale));
  if (isPlain) metadata.set("outputShape", JSON.stringify(outputShape));
  return metadata;
}

/** Formats an activation as JSON: a name becomes a string, an object is already JSON. */
function asJson(activation: string): string {
  return activation.startsWith("{") ? activation : JSON.stringify(activation);
}

const GRAPH = "latentflow.graph";

/**
 * Reads the graph definition in the metadata; undefined if there is none.
 *
 * @throws LatentflowError `invalid_file` if it is not a valid definition
 */
export function* readGraph(metadata: Metadata): Pausable<Graph | undefined> {
  const text = metadata.get(GRAPH);
  if (text === undefined) return undefined;
  try {
    const definition: unknown = JSON.parse(text);
    return yield* aboutSteps(`the file's ${GRAPH}`, readingDefinition(definition as GraphDefinition));
  } catch (error) {
    throw error instanceof LatentflowError
      ? refusedFile(error)
      : invalidFile(`the file's ${GRAPH} is no JSON`);
  }
}

/** Metadata keys that an option of `loadDecoder` overrides; `reduction` and `scale` are overridden with `loss`. */
const KEYS = ["activation", "outputActivation", "loss", "prior", "start", "starts", "outputShape"] as const;
type Key = (typeof KEYS)[number];

/**
 * Throws if a metadata key is a misspelt known key, such as `output_activation` for `outputActivation`: it would be
 * ignored.
 *
 * @throws LatentflowError `invalid_file`
 */
export function checkSpelling(metadata: Metadata, options: { readonly [Name in Key]: unknown }): void {
  for (const found of metadata.keys()) {
    const key = KEYS.find((each) => each !== found && bare(each) === bare(found));
    if (key === undefined || options[key] !== undefined) continue;
    throw invalidFile(
      words`the file's metadata have ${show(found)}, expected "${key}"; ${theOption(key)} overrides it`,
    );
  }
}

/** Converts a name to lower case without separators, to compare spellings. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-\s]/g, "");
}

function writeActivation(activation: Activation): string {
  const isDefault = JSON.stringify(activation) === JSON.stringify(normaliseActivation("", activation.name));
  return isDefault ? activation.name : JSON.stringify(activation);
}

// Each function below returns undefined if the metadata lack the key, and throws `invalid_file` if its text is malformed,
// or does not fit the decoder's sizes.

/** Reads the output activation from a file's metadata. */
export function readOutputActivation(metadata: Metadata): Activation | undefined {
  return read(metadata, "outputActivation", (text) =>
    readActivation("the file's outputActivation", parseActivation("outputActivation", text)),
  );
}

/** Reads the activation between the layers from a file's metadata: one for all, or a list. */
export function readActivations(metadata: Metadata): Activation | readonly Activation[] | undefined {
  return read(metadata, "activation", (text) => {
    const name = "the file's activation";
    const value = parseActivation("activation", text);
    return Array.isArray(value)
      ? value.map((each, i) => readActivation(`${name}[${i}]`, each))
      : readActivation(name, value);
  });
}

function parseActivation(key: string, text: string): unknown {
  const isJson = text.startsWith("{") || text.startsWith("[");
  return isJson ? parseJson(key, text, '{"name": "leakyRelu", "slope": 0.2}') : text;
}

/** Validates an activation whose name may be in PyTorch's spelling. */
function readActivation(at: string, value: unknown): Activation {
  const respelt = (name: string) =>
    Object.keys(activations).find((known) => bare(known) === bare(name)) ?? name;
  if (typeof value === "string") return normaliseActivation(at, respelt(value));
  const { name } = Object(value) as { readonly name?: unknown };
  const own = typeof name === "string" ? { ...(value as object), name: respelt(name) } : value;
  return normaliseActivation(at, own);
}

/** Reads the loss with its reduction and scale from a file's metadata; undefined if the metadata name no loss. */
export function readLoss(metadata: Metadata): StandardLoss | undefined {
  return read(metadata, "loss", (text) => {
    const kind = lossInFile(bare(text));
    if (!kind) {
      const expected = alternatives(lossFileNames().map(show));
      throw refused("the file's loss", "is", show(text), expected);
    }
    const reduction = metadata.get("reduction") ?? "mean";
    const scale = metadata.get("scale");
    return lossOfKind(kind, {
      reduction: checkChoice<Reduction>("the file's reduction", reduction, ["mean", "sum"]),
      scale: scale === undefined ? undefined : (parseJson("scale", scale, "[8, 12, 0.2]") as number[]),
    });
  });
}

/** Reads the prior on codes from a file's metadata; undefined if the metadata have none. */
export function readPrior(metadata: Metadata, latentSize: number): Prior | undefined {
  return read(metadata, "prior", (text) => {
    const value = parseJson("prior", text, '{"name": "gaussian", "mean": 0, "std": 1, "weight": 1}');
    return checkPriorSize(normalisePrior(value, { name: "the file's prior" }), latentSize);
  });
}

/** Reads the start vector z₀ from a file's metadata; undefined for zeros, too. */
export function readStart(metadata: Metadata, latentSize: number): Float32Array | undefined {
  return read(metadata, "start", (text) =>
    remakeStart(parseJson("start", text, "[0.5, -1.25]"), latentSize, "the file's start"),
  );
}

/** Reads the codes for several starts from a file's metadata; undefined if the metadata have none. */
export function readStarts(metadata: Metadata, latentSize: number): Float32Array | undefined {
  return read(metadata, "starts", (text) =>
    remakeStarts(parseJson("starts", text, "[[0.5, -1.25], [0, 1]]"), latentSize, "the file's starts"),
  );
}

/** Reads the shape of a sample from a file's metadata; undefined if the metadata have none. */
export function readOutputShape(metadata: Metadata, outputSize: number): readonly number[] | undefined {
  return read(metadata, "outputShape", (text) =>
    about("the file's metadata", () =>
      checkOutputShape(parseJson("outputShape", text, "[28, 28]"), outputSize),
    ),
  );
}

function parseJson(key: string, text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused(`the file's ${key}`, "is", show(text), `JSON, as ${example}`);
  }
}

/** Reads one entry of the metadata; undefined if it is missing. Errors of `parse` become `invalid_file`. */
function read<T>(metadata: Metadata, key: Key, parse: (text: string) => T): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw refusedFile(error, words`; ${theOption(key)} overrides the file's`);
  }
}
