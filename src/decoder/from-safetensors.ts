import { invalid, show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import { recognise } from "../file-kind.ts";
import { type Activation, type ActivationLike, normaliseActivation } from "../graph/activation.ts";
import { countParameters, type Graph, parametersOf } from "../graph/graph.ts";
import { countLayerParameters, graphOfLayers, layersOf } from "../graph/layers.ts";
import { checkSize } from "../source.ts";
import { checkLoss, normaliseLoss, type StandardLoss, type StandardLossLike } from "../terms/losses.ts";
import type { Work } from "../turns.ts";
import { type Decoder, GraphDecoder } from "./decoder.ts";
import { collectLayers } from "./layer-tensors.ts";
import { checkMetadata, readActivation, readGraph, readLoss, readOutputShape } from "./metadata.ts";
import { checkOutputShape, impliedOutputActivation, showShape } from "./output.ts";
import { type Metadata, readSafetensors, type SafetensorsFile } from "./safetensors.ts";
import { readFloats } from "./tensor.ts";

/** What a decoder's file need not say, or says wrongly. Each option overrides the file's metadata. */
export interface DecoderFileOptions {
  /** Between the layers. No default: the file or this option must give it, unless there is only one layer. */
  activation?: ActivationLike;
  /**
   * After the last layer. Where neither the file nor this option gives it, the file's loss tells, else the
   * option `loss`: `"sigmoid"` for cross entropy, otherwise `"identity"`.
   */
  outputActivation?: ActivationLike;
  /** The shape of a sample, [28, 28] say. Default: [outputSize]. */
  outputShape?: readonly number[];
  /** The default of `encode`'s loss: `"bce"`, `"mse"`, or a value such as `squaredError()`. */
  loss?: StandardLossLike;
}

/** Options that have been checked as far as they can be without the file. */
export interface CheckedFileOptions {
  readonly activation: Activation | undefined;
  readonly outputActivation: Activation | undefined;
  readonly outputShape: readonly number[] | undefined;
  readonly loss: StandardLoss | undefined;
}

/** The names of the options. */
export const fileOptions: { readonly [Name in keyof DecoderFileOptions]-?: true } = {
  ...{ activation: true, outputActivation: true, outputShape: true, loss: true },
};

/** Checks what options there are before the file is at hand. */
export function checkFileOptions(where: string, options: DecoderFileOptions): CheckedFileOptions {
  const { activation, outputActivation, outputShape, loss } = options;
  const activationOption = (name: string, value: unknown) =>
    value === undefined ? undefined : normaliseActivation(where, name, value);
  return {
    activation: activationOption("activation", activation),
    outputActivation: activationOption("outputActivation", outputActivation),
    outputShape,
    loss: loss === undefined ? undefined : normaliseLoss(where, loss),
  };
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
): Work<Decoder> {
  const kind = recognise(bytes);
  if (kind?.asDecoder) {
    throw new LatentflowError("invalid_file", `${where}: it is ${kind.name}; ${kind.asDecoder}`);
  }
  // A Node Buffer is a Uint8Array whose slice() does not copy: take the plain view of the same bytes.
  const file = readSafetensors(where, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { metadata } = file;
  refuseCheckpoint(where, metadata);
  const described = readGraph(where, metadata);
  if (described) return yield* parseGraphDecoder(where, file, described, options, maxBytes);
  const layers = collectLayers(where, file.tensors);
  checkMetadata(where, metadata, layers, options);
  const { outputSize } = layers.at(-1)!;
  checkSize(where, "as float32 its parameters take", 4 * countLayerParameters(layers), maxBytes);

  const fileLoss = () => readLoss(where, metadata);
  const loss = options.loss ?? fileLoss();
  const outputActivation =
    options.outputActivation ??
    readActivation(where, metadata, "outputActivation") ??
    impliedOutputActivation(fileLoss() ?? loss);
  if (loss) checkLoss(where, loss, { loss, outputActivation });

  const activation = options.activation ?? readActivation(where, metadata, "activation");
  if (!activation && layers.length > 1) {
    throw invalid(
      `${where}: neither the file's metadata nor the options give the activation between the layers; ` +
        'give the option activation: "elu", say',
    );
  }
  const outputShape =
    options.outputShape === undefined
      ? readOutputShape(where, metadata, outputSize)
      : checkOutputShape(where, options.outputShape, outputSize);

  const graph = graphOfLayers(
    layers.map((layer, index) => ({
      ...layer,
      activation: index < layers.length - 1 ? activation! : outputActivation,
    })),
    outputShape ?? [outputSize],
  );
  const decoder = new GraphDecoder({ ...graph, loss });
  for (const [index, target] of layersOf(decoder).entries()) {
    const { name, weight, bias } = layers[index]!;
    yield* readFloats(where, `${name}.weight`, weight, target.weight);
    yield* readFloats(where, `${name}.bias`, bias, target.bias);
  }
  return decoder;
}

/** The decoder of a file that says what its graph is: each tensor under its operation's name. */
function* parseGraphDecoder(
  where: string,
  { metadata, tensors }: SafetensorsFile,
  graph: Graph,
  options: CheckedFileOptions,
  maxBytes: number,
): Work<Decoder> {
  for (const name of ["activation", "outputActivation", "outputShape"] as const) {
    if (options[name] === undefined) continue;
    throw invalid(`${where}: the file says what its graph is; leave the option ${name} out`);
  }
  checkSize(where, "as float32 its parameters take", 4 * countParameters(graph), maxBytes);
  const parameters = parametersOf(graph).map((parameter) => {
    const name = `${graph.operations[parameter.operation]!.name}.${parameter.tensor}`;
    return { ...parameter, name, tensor: tensors.get(name) };
  });
  const refuse = (problem: string) => new LatentflowError("invalid_file", `${where}: ${problem}`);
  const names = new Set(parameters.map(({ name }) => name));
  const surplus = [...tensors.keys()].find((name) => !names.has(name));
  if (surplus !== undefined) throw refuse(`the tensor ${show(surplus)} is none of the file's graph`);
  const decoder = new GraphDecoder({ ...graph, loss: options.loss ?? readLoss(where, metadata) });
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
  throw new LatentflowError(
    "invalid_file",
    `${where}: it is the checkpoint of a training run, not a decoder; go on from it with train and resume: true, ` +
      "or take decoder.safetensors, which the run writes at its end",
  );
}
