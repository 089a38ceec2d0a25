import type { Pausable } from "../base/event-loop.ts";
import { option as marked, subject, theOption } from "../base/message.ts";
import { invalid, invalidFile, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { recognise } from "../files/file-kind.ts";
import { checkSize } from "../files/limits.ts";
import { type Metadata, readSafetensors, type SafetensorsFile } from "../files/safetensors.ts";
import { readFloats } from "../files/tensor.ts";
import type { Activation, ActivationLike } from "../graph/activation.ts";
import { countParameters, type Graph, parametersOf } from "../graph/graph.ts";
import { graphOfLayers } from "../graph/layers.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import { checkLoss } from "../terms/losses.ts";
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
} from "./metadata.ts";
import { checkOutputShape, impliedOutputActivation } from "./output.ts";
import { withOutputShape } from "./output-shape.ts";
import { type CheckedProbe, copyProbe, fitProbe, type Probe, readProbe } from "./probe.ts";

/** Descriptions of a decoder that its file may lack. Each option overrides the file's metadata. */
export interface DecoderFileOptions extends DefaultOptions {
  /**
   * Beginning of the names of the decoder's tensors, `"decoder."` say, in a file that holds a whole autoencoder. Other
   * tensors are ignored. Default: none, every tensor is the decoder's.
   */
  prefix?: string | undefined;
  /**
   * Activation between the layers: one for all, or a list with one between each two of them. No default: the file or this
   * option must give it, unless there is only one layer.
   */
  activation?: ActivationLike | readonly ActivationLike[] | undefined;
  /**
   * Activation after the last layer. Default: the file's; else `"sigmoid"` if the loss, the file's or else that of the
   * option `loss`, is cross entropy; else `"identity"`.
   */
  outputActivation?: ActivationLike | undefined;
  /**
   * Shape of a sample, [28, 28] say; the numbers stay in the order in which the file's decoder makes them. Default: the
   * file's, else [outputSize].
   */
  outputShape?: readonly number[] | undefined;
  /** A few latents and their outputs: a decoder with other outputs is refused. Default: the file's, if it has one. */
  probe?: Probe | undefined;
}

/** Checked options of a decoder file. */
export type CheckedFileOptions = ReturnType<typeof checkFileOptions>;

/** Names of the options for plain stacks of layers, which are refused for a file with a definition. */
const STACK_OPTIONS = { prefix: true, activation: true, outputActivation: true } as const;

/** Names of all options. */
export const fileOptions: { readonly [Name in keyof DecoderFileOptions]-?: true } = {
  ...STACK_OPTIONS,
  outputShape: true,
  loss: true,
  prior: true,
  start: true,
  probe: true,
};

/**
 * Checks options before the file is read.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkFileOptions(where: string, options: DecoderFileOptions) {
  const { prefix, activation, outputActivation, outputShape, probe } = options;
  if (prefix !== undefined && typeof prefix !== "string") {
    throw refused(where, "prefix", "is", show(prefix), 'a string, as "decoder."');
  }
  const activationOption = (name: string, value: unknown) =>
    value === undefined ? undefined : normaliseActivation(where, name, value);
  return {
    prefix,
    activation: Array.isArray(activation)
      ? Array.from(activation, (each, i) => normaliseActivation(where, `activation[${i}]`, each))
      : activationOption("activation", activation),
    outputActivation: activationOption("outputActivation", outputActivation),
    outputShape,
    ...normaliseDefaults(where, options),
    probe: probe === undefined ? undefined : copyProbe(where, probe),
  };
}

/** A decoder that was read, and the probe to compare it with. */
export interface ParsedDecoder {
  readonly decoder: Decoder;
  readonly probe: CheckedProbe | undefined;
}

/**
 * Reads the decoder in the bytes of a safetensors file, in pieces: it may hold hundreds of millions of values.
 *
 * @param where the function called, for messages
 * @param maxBytes the most memory for its parameters
 * @throws LatentflowError `invalid_argument` on a wrong option or one that is missing, `needs_conversion` on tensors that
 *   are neither described in the file nor a plain stack of linear layers, `invalid_file` on any other file that holds no
 *   decoder, or one larger than `maxBytes`
 */
export function* parseDecoder(
  where: string,
  bytes: Uint8Array,
  options: CheckedFileOptions,
  maxBytes: number,
): Pausable<ParsedDecoder> {
  const kind = recognise(bytes);
  if (kind?.asDecoder) throw invalidFile(`${where}: it is ${kind.name}; ${kind.asDecoder}`);
  // A Node Buffer is a Uint8Array whose slice() does not copy: take the plain view of the same bytes.
  const file = readSafetensors(where, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { metadata } = file;
  refuseCheckpoint(where, metadata);
  const own = yield* readGraph(where, metadata);
  const graph = own ? withOptions(where, own, options) : stackOf(where, file, options);
  checkSize(where, "as float32 its parameters take", 4 * countParameters(graph), maxBytes);
  const { latentSize } = graph;
  const { loss, prior, start } = fitDefaults(where, options, latentSize);
  const decoder = new GraphDecoder({
    ...graph,
    loss: loss ?? readLoss(where, metadata),
    prior: prior ?? readPrior(where, metadata, latentSize),
    start: options.start ? start : readStart(where, metadata, latentSize),
  });
  if (decoder.loss) checkLoss(where, decoder.loss, decoder);
  yield* readParameters(where, file, decoder, own !== undefined);
  const probed = probedOf(decoder);
  const probe = options.probe ? fitProbe(where, options.probe, probed) : readProbe(where, metadata, probed);
  return { decoder, probe };
}

/** Makes the graph of a file that has no definition: a plain stack of linear layers. */
function stackOf(where: string, file: SafetensorsFile, options: CheckedFileOptions): Graph {
  const { metadata } = file;
  const layers = collectLayers(where, file.tensors, options.prefix);
  checkSpelling(where, metadata, options);
  const { outputSize } = layers.at(-1)!;
  const outputActivation =
    options.outputActivation ??
    readOutputActivation(where, metadata) ??
    impliedOutputActivation(readLoss(where, metadata) ?? options.loss);
  const between = activationsBetween(where, metadata, layers.length, options);
  const outputShape =
    options.outputShape === undefined
      ? readOutputShape(where, metadata, outputSize)
      : checkOutputShape(where, options.outputShape, outputSize);
  return graphOfLayers(
    layers.map((layer, index) => ({ ...layer, activation: between[index] ?? outputActivation })),
    outputShape ?? [outputSize],
  );
}

/** Activations between the layers, from the option or the file. */
function activationsBetween(
  where: string,
  metadata: Metadata,
  layers: number,
  { activation: option }: CheckedFileOptions,
): readonly Activation[] {
  const count = layers - 1;
  const given = option ?? readActivations(where, metadata);
  if (given === undefined && count > 0) {
    throw invalid(
      `${where}: neither the file's metadata nor the options give the activation between the layers; ` +
        `give ${marked("activation", "elu", 'the option activation: "elu"')}, say`,
    );
  }
  if (given === undefined || !isList(given)) return new Array<Activation>(count).fill(given!);
  if (given.length === count) return given;
  const [refuse, name] =
    option === undefined ? [invalidFile, "the file's activation"] : [invalid, subject("activation")];
  throw refuse(
    `${where}: ${name} has ${given.length} entries, expected ${count}, one between each two of the file's ` +
      `${layers} layers`,
  );
}

function isList(activation: Activation | readonly Activation[]): activation is readonly Activation[] {
  return Array.isArray(activation);
}

/** Applies options to the graph of a file that has a definition. */
function withOptions(where: string, graph: Graph, options: CheckedFileOptions): Graph {
  for (const name of Object.keys(STACK_OPTIONS) as (keyof typeof STACK_OPTIONS)[]) {
    if (options[name] === undefined) continue;
    throw invalid(`${where}: the file says what its graph is; leave ${theOption(name)} out`);
  }
  const { outputShape } = options;
  return outputShape === undefined ? graph : withOutputShape(where, graph, outputShape);
}

/** Reads the tensors into a decoder's parameters: in a plain stack of layers a bias may be missing, and stays 0. */
function* readParameters(
  where: string,
  { tensors }: SafetensorsFile,
  decoder: GraphDecoder,
  hasDefinition: boolean,
): Pausable<void> {
  const parameters = parametersOf(decoder).map((parameter) => {
    const name = `${decoder.operations[parameter.operation]!.name}.${parameter.tensor}`;
    return { ...parameter, name, found: tensors.get(name) };
  });
  const refuse = (problem: string) => invalidFile(`${where}: ${problem}`);
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
    yield* readFloats(where, name, found, decoder.parameters.subarray(offset, offset + size));
  }
}

/** Refuses the checkpoint of a training run, which is a safetensors file, too. */
function refuseCheckpoint(where: string, metadata: Metadata): void {
  if (!metadata.get("format")?.startsWith("latentflow checkpoint")) return;
  throw invalidFile(
    `${where}: it is the checkpoint of a training run, not a decoder; go on from it with train and its option resume, ` +
      "or take decoder.safetensors, which the run writes at its end",
  );
}
