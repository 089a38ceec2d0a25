import type { Pausable } from "../base/event-loop.ts";
import { option as marked, subject, theOption, words } from "../base/message.ts";
import { invalidFile, invalidOption, refused, refusedFile } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { bytesIn } from "../base/values.ts";
import { recognise } from "../files/file-kind.ts";
import { checkSize } from "../files/limits.ts";
import { type Metadata, readSafetensors, type SafetensorsFile } from "../files/safetensors.ts";
import { readFloats } from "../files/tensor.ts";
import type { Activation, ActivationLike } from "../graph/activation.ts";
import { countParameters, type Graph, parametersOf } from "../graph/graph.ts";
import { graphOfLayers } from "../graph/layers.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import { checkDefaultLoss } from "../terms/losses.ts";
import { type Decoder, GraphDecoder, probedOf } from "./decoder.ts";
import { type DefaultOptions, fitDefaults, normaliseDefaults } from "./defaults.ts";
import { collectLayers } from "./linear-layers.ts";
import {
  checkSpelling,
  readActivations,
  readGraph,
  readLoss,
  readOutputActivation,
  readOutputShape,
  readPrior,
  readStart,
  readStarts,
} from "./metadata.ts";
import { checkOutputShape, impliedOutputActivation } from "./output.ts";
import { withOutputShape } from "./output-shape.ts";
import { type CheckedProbe, copyProbe, fitProbe, type Probe } from "./probe.ts";
import { readProbe } from "./probe-text.ts";

/** Options that describe a decoder whose file does not do so completely. Each option overrides the file's metadata. */
export interface DecoderFileOptions extends DefaultOptions {
  /**
   * Prefix of the names of the decoder's tensors, such as `"decoder."`, in a file with other tensors, which are ignored.
   * Default: none, every tensor is the decoder's.
   */
  prefix?: string | undefined;
  /**
   * Activation between the layers: one for all, or a list with one for each pair of adjacent layers. There is no default:
   * unless there is only one layer, the file or this option must give it.
   */
  activation?: ActivationLike | readonly ActivationLike[] | undefined;
  /**
   * Activation after the last layer. Default: the file's; else `"sigmoid"` if the loss, the file's or else the option's,
   * is cross entropy; else `"identity"`.
   */
  outputActivation?: ActivationLike | undefined;
  /**
   * Shape of a sample, such as [28, 28]; the numbers stay in the order of the file's decoder. Default: the file's, else
   * [outputSize].
   */
  outputShape?: readonly number[] | undefined;
  /**
   * A few latents and their outputs; loading fails if the decoder's outputs differ. Default: the probe in the file, if it
   * has one.
   */
  probe?: Probe | undefined;
}

/** Validated options of a decoder's file. */
export type CheckedFileOptions = ReturnType<typeof checkFileOptions>;

/** Names of the options for plain stacks of layers. They are refused if the file has a graph definition. */
const STACK_OPTIONS = { prefix: true, activation: true, outputActivation: true } as const;

/** Names of all options of a decoder's file. */
export const fileOptions: { readonly [Name in keyof DecoderFileOptions]-?: true } = {
  ...STACK_OPTIONS,
  outputShape: true,
  loss: true,
  prior: true,
  start: true,
  starts: true,
  probe: true,
};

/**
 * Validates options, as far as possible before the file is read.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkFileOptions(options: DecoderFileOptions) {
  const { prefix, activation, outputActivation, outputShape, probe } = options;
  if (prefix !== undefined && typeof prefix !== "string") {
    throw refused("prefix", "is", show(prefix), 'a string, as "decoder."');
  }
  const activationOption = (name: string, value: unknown) =>
    value === undefined ? undefined : normaliseActivation(name, value);
  return {
    prefix,
    activation: Array.isArray(activation)
      ? Array.from(activation, (each, i) => normaliseActivation(`activation[${i}]`, each))
      : activationOption("activation", activation),
    outputActivation: activationOption("outputActivation", outputActivation),
    outputShape,
    ...normaliseDefaults(options),
    probe: probe === undefined ? undefined : copyProbe(probe),
  };
}

/** A decoder that was read from a file, and the probe (a few latents with their outputs) to verify it with. */
export interface ParsedDecoder {
  readonly decoder: Decoder;
  readonly probe: CheckedProbe | undefined;
}

/**
 * Reads a decoder from the bytes of a safetensors file, with pauses, since it may have hundreds of millions of
 * parameters.
 *
 * @param maxBytes maximum memory for the parameters
 * @throws LatentflowError `invalid_argument` if an option is missing or not valid; `needs_conversion` if the tensors are
 *   neither described in the file nor a plain stack of linear layers; `invalid_file` if the file contains no decoder for
 *   another reason, or exceeds `maxBytes`
 */
export function* parseDecoder(
  bytes: Uint8Array,
  options: CheckedFileOptions,
  maxBytes: number,
): Pausable<ParsedDecoder> {
  const kind = recognise(bytes);
  if (kind?.asDecoder) throw invalidFile(`it is ${kind.name}; ${kind.asDecoder}`);
  // slice() of a Node Buffer, a subclass of Uint8Array, does not copy. A plain Uint8Array of the same bytes is used.
  const file = readSafetensors(bytesIn(bytes));
  const { metadata } = file;
  refuseCheckpoint(metadata);
  const own = yield* readGraph(metadata);
  const graph = own ? withOptions(own, options) : stackOf(file, options);
  checkSize("as float32 its parameters take", 4 * countParameters(graph), maxBytes);
  const { latentSize } = graph;
  const { loss, prior, start, starts } = fitDefaults(options, latentSize);
  const decoder = new GraphDecoder({
    ...graph,
    loss: loss ?? readLoss(metadata),
    prior: prior ?? readPrior(metadata, latentSize),
    start: options.start ? start : readStart(metadata, latentSize),
    starts: starts ?? readStarts(metadata, latentSize),
  });
  if (decoder.loss) checkDefaultLoss(decoder.loss, decoder);
  yield* readParameters(file, decoder, own !== undefined);
  const probed = probedOf(decoder);
  const probe = options.probe ? fitProbe(options.probe, probed) : readProbe(metadata, probed);
  return { decoder, probe };
}

/** Makes the graph of a file without a definition: a plain stack of linear layers. */
function stackOf(file: SafetensorsFile, options: CheckedFileOptions): Graph {
  const { metadata } = file;
  const layers = collectLayers(file.tensors, options.prefix);
  checkSpelling(metadata, options);
  const { outputSize } = layers.at(-1)!;
  const outputActivation =
    options.outputActivation ??
    readOutputActivation(metadata) ??
    impliedOutputActivation(readLoss(metadata) ?? options.loss);
  const between = activationsBetween(metadata, layers.length, options);
  const outputShape =
    options.outputShape === undefined
      ? readOutputShape(metadata, outputSize)
      : checkOutputShape(options.outputShape, outputSize);
  return graphOfLayers(
    layers.map((layer, index) => ({ ...layer, activation: between[index] ?? outputActivation })),
    outputShape ?? [outputSize],
  );
}

/**
 * Returns the activations between the layers, from the option or the file, one fewer than layers.
 *
 * @throws LatentflowError if neither gives them, or their number is wrong
 */
function activationsBetween(
  metadata: Metadata,
  layers: number,
  { activation: option }: CheckedFileOptions,
): readonly Activation[] {
  const count = layers - 1;
  const given = option ?? readActivations(metadata);
  if (given === undefined && count > 0) {
    const missing = "neither the file's metadata nor the options give the activation between the layers";
    const example = marked("activation", "elu", 'the option activation: "elu"');
    throw invalidOption("activation", missing, words`; give ${example}, say`);
  }
  if (given === undefined || !isList(given)) return new Array<Activation>(count).fill(given!);
  if (given.length === count) return given;
  const name = option === undefined ? subject("activation", "the file's activation") : "activation";
  const expected = `${count}, one between each two of the file's ${layers} layers`;
  const error = refused(name, "has", `${given.length} entries`, expected);
  throw option === undefined ? refusedFile(error) : error;
}

function isList(activation: Activation | readonly Activation[]): activation is readonly Activation[] {
  return Array.isArray(activation);
}

/** Applies options to the graph of a file with a definition. */
function withOptions(graph: Graph, options: CheckedFileOptions): Graph {
  for (const name of Object.keys(STACK_OPTIONS) as (keyof typeof STACK_OPTIONS)[]) {
    if (options[name] === undefined) continue;
    throw invalidOption(name, "the file says what its graph is", words`; leave ${theOption(name)} out`);
  }
  const { outputShape } = options;
  return outputShape === undefined ? graph : withOutputShape(graph, outputShape);
}

/**
 * Copies the file's tensors into a decoder's parameters. In a plain stack of layers a bias may be missing, and stays 0.
 *
 * @throws LatentflowError `invalid_file` if tensors are missing, surplus, or of the wrong shape
 */
function* readParameters(
  { tensors }: SafetensorsFile,
  decoder: GraphDecoder,
  hasDefinition: boolean,
): Pausable<void> {
  const parameters = parametersOf(decoder).map((parameter) => {
    const name = `${decoder.operations[parameter.operation]!.name}.${parameter.tensor}`;
    return { ...parameter, name, found: tensors.get(name) };
  });
  const refuse = (problem: string) => invalidFile(`${problem}`);
  if (hasDefinition) {
    const names = new Set(parameters.map(({ name }) => name));
    const surplus = [...tensors.keys()].find((name) => !names.has(name));
    if (surplus !== undefined)
      throw refuse(
        `the tensor ${show(surplus)} is none of the file's graph; write the decoder by its toSafetensors()`,
      );
  }
  for (const { name, found, shape, offset, size } of parameters) {
    if (!found) {
      if (!hasDefinition) continue;
      throw refuse(`the tensor ${show(name)} of the file's graph is missing`);
    }
    if (String(found.shape) !== String(shape)) {
      throw refuse(
        `${show(name)} is ${showShape(found.shape)}, expected ${showShape(shape)} by the file's graph`,
      );
    }
    yield* readFloats(name, found, decoder.parameters.subarray(offset, offset + size));
  }
}

/** Throws if the file is a checkpoint of a training run, which is also a safetensors file. */
function refuseCheckpoint(metadata: Metadata): void {
  if (!metadata.get("format")?.startsWith("latentflow checkpoint")) return;
  throw invalidFile(
    "it is the checkpoint of a training run, not a decoder; go on from it with train and its option resume, " +
      "or take decoder.safetensors, which the run writes at its end",
  );
}
