import { checkChoice, checkNumber, invalid, invalidFile, show, showList, showShape } from "../base/check.ts";
import type { Work } from "../base/event-loop.ts";
import { clause, option as marked, subject, theOption } from "../base/message.ts";
import { recognise } from "../files/file-kind.ts";
import { type Metadata, readSafetensors, type SafetensorsFile } from "../files/safetensors.ts";
import { checkSize } from "../files/source.ts";
import { readFloats } from "../files/tensor.ts";
import { type Activation, type ActivationLike, normaliseActivation } from "../graph/activation.ts";
import { countParameters, type Graph, parametersOf } from "../graph/graph.ts";
import { countLayerParameters, graphOfLayers, layersOf } from "../graph/layers.ts";
import { checkPriorSize, normalisePrior } from "../terms/check-prior.ts";
import { checkLoss, normaliseLoss, type StandardLoss, type StandardLossLike } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { type Decoder, GraphDecoder, probedOf } from "./decoder.ts";
import { readLayer } from "./fold.ts";
import { type BatchNormPlace, collectLayers, type LayerTensors } from "./layer-tensors.ts";
import {
  checkMetadata,
  readActivations,
  readBatchNorm,
  readBatchNormEpsilon,
  readGraph,
  readLoss,
  readOutputActivation,
  readOutputShape,
  readPrior,
  readStart,
} from "./metadata.ts";
import { checkOutputShape, impliedOutputActivation } from "./output.ts";
import { withOutputShape } from "./output-shape.ts";
import { type CheckedProbe, copyProbe, fitProbe, PROBE, type Probe, readProbe } from "./probe.ts";
import { checkStartSize, normaliseStart } from "./start.ts";

/** What a decoder's file need not say, or says wrongly. Each option overrides the file's metadata. */
export interface DecoderFileOptions {
  /**
   * Which tensors are the decoder's, `"decoder."` say, in a file that holds a whole autoencoder: those whose names begin
   * with it. The others are left alone. Default: all.
   */
  prefix?: string | undefined;
  /**
   * Between the layers: one for all, or a list with one between each two of them. No default: the file or this option
   * must give it, unless there is only one layer.
   */
  activation?: ActivationLike | readonly ActivationLike[] | undefined;
  /**
   * After the last layer. Where neither the file nor this option gives it, the file's loss tells, else the
   * option `loss`: `"sigmoid"` for cross entropy, otherwise `"identity"`.
   */
  outputActivation?: ActivationLike | undefined;
  /**
   * The shape of a sample, [28, 28] say; of the numbers in the order in which the file's decoder makes them. Default: the
   * file's, else [outputSize].
   */
  outputShape?: readonly number[] | undefined;
  /** The default of `encode`'s loss: `"bce"`, `"mse"`, or a value such as `squaredError()`. */
  loss?: StandardLossLike | undefined;
  /** The default of `encode`'s prior: `gaussian()`, say, for a VAE's decoder. */
  prior?: Prior | undefined;
  /** Where flows begin: the default of `encode`'s `z0`, latentSize finite values; zeros for 0. It is copied. */
  start?: Float32Array | undefined;
  /**
   * Whether BatchNorms act before the activations or after them, where the numbers of the file's layers do not tell.
   * Where they do, it may be left out.
   */
  batchNorm?: BatchNormPlace | undefined;
  /** What BatchNorms add to a variance. Default: 1e-5, PyTorch's. */
  batchNormEpsilon?: number | undefined;
  /** A few latents and what the decoder makes of them: one that makes anything else of them is refused. */
  probe?: Probe | undefined;
}

/** Options that have been checked as far as they can be without the file. */
export interface CheckedFileOptions {
  readonly prefix: string | undefined;
  readonly activation: Activation | readonly Activation[] | undefined;
  readonly outputActivation: Activation | undefined;
  readonly outputShape: readonly number[] | undefined;
  readonly loss: StandardLoss | undefined;
  readonly prior: Prior | undefined;
  readonly start: Float32Array | undefined;
  readonly batchNorm: BatchNormPlace | undefined;
  readonly batchNormEpsilon: number | undefined;
  readonly probe: Probe | undefined;
}

/** The names of the options. */
export const fileOptions: { readonly [Name in keyof DecoderFileOptions]-?: true } = {
  ...{ prefix: true, activation: true, outputActivation: true, outputShape: true, loss: true },
  ...{ prior: true, start: true, batchNorm: true, batchNormEpsilon: true, probe: true },
};

/** Checks what options there are before the file is at hand. */
export function checkFileOptions(where: string, options: DecoderFileOptions): CheckedFileOptions {
  const { prefix, activation, outputActivation, outputShape, loss, prior, start } = options;
  const { batchNorm, batchNormEpsilon, probe } = options;
  if (prefix !== undefined && typeof prefix !== "string") {
    throw invalid(`${where}: ${subject("prefix")} is ${show(prefix)}, expected a string, as "decoder."`);
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
    loss: loss === undefined ? undefined : normaliseLoss(where, loss),
    prior: prior === undefined ? undefined : normalisePrior(where, prior),
    start: start === undefined ? undefined : normaliseStart(where, start),
    batchNorm:
      batchNorm === undefined
        ? undefined
        : checkChoice<BatchNormPlace>(where, "batchNorm", batchNorm, ["beforeActivation", "afterActivation"]),
    batchNormEpsilon:
      batchNormEpsilon === undefined
        ? undefined
        : checkNumber(where, "batchNormEpsilon", batchNormEpsilon, { min: 0 }),
    probe: probe === undefined ? undefined : copyProbe(where, probe),
  };
}

/** A decoder as it was read, and what it is to be compared with. */
export interface ParsedDecoder {
  readonly decoder: Decoder;
  readonly probe: CheckedProbe | undefined;
}

/**
 * The decoder in the bytes of a safetensors file, as work: it may hold hundreds of millions of values.
 *
 * @param where the function called, for messages
 * @param maxBytes the most memory for its parameters
 * @throws LatentflowError `invalid_argument` on a wrong option or one that is missing, `invalid_file` on a file
 *   that holds no decoder, or one larger than `maxBytes`
 */
export function* parseDecoder(
  where: string,
  bytes: Uint8Array,
  options: CheckedFileOptions,
  maxBytes: number,
): Work<ParsedDecoder> {
  const kind = recognise(bytes);
  if (kind?.asDecoder) {
    throw invalidFile(`${where}: it is ${kind.name}; ${kind.asDecoder}`);
  }
  // A Node Buffer is a Uint8Array whose slice() does not copy: take the plain view of the same bytes.
  const file = readSafetensors(where, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { metadata } = file;
  refuseCheckpoint(where, metadata);
  const described = yield* readGraph(where, metadata);
  const decoder = described
    ? yield* parseGraphDecoder(where, file, described, options, maxBytes)
    : yield* parseLayers(where, file, options, maxBytes);
  const probed = probedOf(decoder);
  const probe = options.probe ? fitProbe(where, options.probe, probed) : readProbe(where, metadata, probed);
  return { decoder, probe };
}

/** The decoder of a file whose tensors are those of layers one after the other. */
function* parseLayers(
  where: string,
  { metadata, tensors }: SafetensorsFile,
  options: CheckedFileOptions,
  maxBytes: number,
): Work<Decoder> {
  const layers = collectLayers(where, tensors, {
    prefix: options.prefix,
    batchNorm: options.batchNorm ?? readBatchNorm(where, metadata),
  });
  checkMetadata(where, metadata, layers, options);
  const { outputSize } = layers.at(-1)!;
  checkSize(where, "as float32 its parameters take", 4 * countLayerParameters(layers), maxBytes);

  const fileLoss = () => readLoss(where, metadata);
  const loss = options.loss ?? fileLoss();
  const outputActivation =
    options.outputActivation ??
    readOutputActivation(where, metadata) ??
    impliedOutputActivation(fileLoss() ?? loss);
  if (loss) checkLoss(where, loss, { loss, outputActivation });

  const between = activationsBetween(where, metadata, layers, options);
  const outputShape =
    options.outputShape === undefined
      ? readOutputShape(where, metadata, outputSize)
      : checkOutputShape(where, options.outputShape, outputSize);

  const graph = graphOfLayers(
    layers.map((layer, index) => ({
      ...layer,
      activation: between[index] ?? outputActivation,
    })),
    outputShape ?? [outputSize],
  );
  const prior = priorOf(where, metadata, options, graph.latentSize);
  const start = startOf(where, metadata, options, graph.latentSize);
  const decoder = new GraphDecoder({ ...graph, loss, prior, start });
  const epsilon = options.batchNormEpsilon ?? readBatchNormEpsilon(where, metadata) ?? BATCH_NORM_EPSILON;
  for (const [index, target] of layersOf(decoder).entries()) {
    yield* readLayer(where, layers[index]!, epsilon, target);
  }
  return decoder;
}

/** The option's, else the file's. */
function priorOf(
  where: string,
  metadata: Metadata,
  { prior }: CheckedFileOptions,
  latentSize: number,
): Prior | undefined {
  return prior ? checkPriorSize(where, prior, latentSize) : readPrior(where, metadata, latentSize);
}

/** The option's, else the file's. */
function startOf(
  where: string,
  metadata: Metadata,
  { start }: CheckedFileOptions,
  latentSize: number,
): Float32Array | undefined {
  return start ? checkStartSize(where, start, latentSize) : readStart(where, metadata, latentSize);
}

/** PyTorch's. */
const BATCH_NORM_EPSILON = 1e-5;

/** The activation between each two layers. */
function activationsBetween(
  where: string,
  metadata: Metadata,
  layers: readonly LayerTensors[],
  options: CheckedFileOptions,
): readonly Activation[] {
  const count = layers.length - 1;
  const each = (given: Activation | readonly Activation[]) =>
    isList(given) ? given : Array.from({ length: count }, () => given);
  const wrongCount = (given: readonly Activation[]) =>
    `has ${given.length} entries, expected ${count}, one between each two of the file's ${layers.length} layers`;
  const { activation: option } = options;
  if (option === undefined) {
    const own = readActivations(where, metadata);
    if (own === undefined && count > 0) {
      throw invalid(
        `${where}: neither the file's metadata nor the options give the activation between the layers; ` +
          `give ${marked("activation", "elu", 'the option activation: "elu"')}, say`,
      );
    }
    if (own && isList(own) && own.length !== count) {
      throw invalidFile(`${where}: the file's activation ${wrongCount(own)}`);
    }
    return own ? each(own) : [];
  }
  if (isList(option) && option.length !== count) {
    throw invalid(`${where}: ${subject("activation")} ${wrongCount(option)}`);
  }
  refuseContradiction(where, metadata, each(option), each, options);
  return each(option);
}

/**
 * Refuses a file and an option of which one says a list of activations and the other something else: either may be the
 * slip, and only a probe can tell.
 */
function refuseContradiction(
  where: string,
  metadata: Metadata,
  chosen: readonly Activation[],
  each: (given: Activation | readonly Activation[]) => readonly Activation[],
  { activation, probe }: CheckedFileOptions,
): void {
  if (probe || metadata.has(PROBE)) return;
  let own: Activation | readonly Activation[] | undefined;
  try {
    own = readActivations(where, metadata);
  } catch {
    // What is not understood says nothing that could be contradicted.
  }
  if (own === undefined || !(isList(own) || isList(activation))) return;
  if (JSON.stringify(each(own)) === JSON.stringify(chosen)) return;
  const names = (activations: readonly Activation[]) => showList(activations.map(({ name }) => name));
  throw invalid(
    `${where}: the activations between the layers are ${names(each(own))} by the file's metadata, but ` +
      `${names(chosen)} by the option; leave ${theOption("activation")} out or write the right ones into the file` +
      clause("probe", `; or give ${theOption("probe")}, which can tell`),
  );
}

function isList(
  activation: Activation | readonly Activation[] | undefined,
): activation is readonly Activation[] {
  return Array.isArray(activation);
}

/** Options that a file's graph does not take the place of. */
const BESIDE_GRAPH: readonly (keyof DecoderFileOptions)[] = [
  "outputShape",
  "loss",
  "prior",
  "start",
  "probe",
];

/** The decoder of a file that says what its graph is: each tensor under its operation's name. */
function* parseGraphDecoder(
  where: string,
  { metadata, tensors }: SafetensorsFile,
  described: Graph,
  options: CheckedFileOptions,
  maxBytes: number,
): Work<Decoder> {
  for (const name of Object.keys(fileOptions) as (keyof DecoderFileOptions)[]) {
    if (options[name] === undefined || BESIDE_GRAPH.includes(name)) continue;
    throw invalid(`${where}: the file says what its graph is; leave ${theOption(name)} out`);
  }
  const { outputShape } = options;
  const graph = outputShape === undefined ? described : withOutputShape(where, described, outputShape);
  checkSize(where, "as float32 its parameters take", 4 * countParameters(graph), maxBytes);
  const parameters = parametersOf(graph).map((parameter) => {
    const name = `${graph.operations[parameter.operation]!.name}.${parameter.tensor}`;
    return { ...parameter, name, tensor: tensors.get(name) };
  });
  const refuse = (problem: string) => invalidFile(`${where}: ${problem}`);
  const names = new Set(parameters.map(({ name }) => name));
  const surplus = [...tensors.keys()].find((name) => !names.has(name));
  if (surplus !== undefined) throw refuse(`the tensor ${show(surplus)} is none of the file's graph`);
  const decoder = new GraphDecoder({
    ...{ ...graph, loss: options.loss ?? readLoss(where, metadata) },
    prior: priorOf(where, metadata, options, graph.latentSize),
    start: startOf(where, metadata, options, graph.latentSize),
  });
  if (decoder.loss) checkLoss(where, decoder.loss, decoder);
  for (const { name, tensor, shape, offset, size } of parameters) {
    if (!tensor) throw refuse(`the tensor ${show(name)} of the file's graph is missing`);
    if (String(tensor.shape) !== String(shape)) {
      throw refuse(
        `${show(name)} is ${showShape(tensor.shape)}, expected ${showShape(shape)} by the file's graph`,
      );
    }
    yield* readFloats(where, name, tensor, decoder.parameters.subarray(offset, offset + size));
  }
  return decoder;
}

/** A run's checkpoint is a safetensors file too. */
function refuseCheckpoint(where: string, metadata: Metadata): void {
  if (!metadata.get("format")?.startsWith("latentflow checkpoint")) return;
  throw invalidFile(
    `${where}: it is the checkpoint of a training run, not a decoder; go on from it with train and its option resume, ` +
      "or take decoder.safetensors, which the run writes at its end",
  );
}
