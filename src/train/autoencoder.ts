import type { Dataset } from "../api/dataset.ts";
import { calling } from "../base/calling.ts";
import { createRandom } from "../base/random.ts";
import { throwIfAborted } from "../base/realms.ts";
import { copyDecoder } from "../decoder/copy.ts";
import { type Decoder, type DecoderGraph, descriptionOf, GraphDecoder } from "../decoder/decoder.ts";
import { initialise } from "../decoder/initialise.ts";
import { checkStartSize } from "../decoder/start.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { unlessAborted } from "../solver/control.ts";
import { bankOf, samplesForBank } from "./bank.ts";
import { type CheckedTrainOptions, checkAutoencoderArguments } from "./check-options.ts";
import { codesOf, meanOfCodes } from "./encode-with.ts";
import type { TrainAutoencoderOptions, TrainResult } from "./options.ts";
import { joinedDefinition, reverseDefinition } from "./reverse.ts";
import { trainNetwork } from "./train-network.ts";

/** Result of `trainAutoencoder`. */
export interface AutoencoderResult extends TrainResult {
  /**
   * Encoder: a network whose input is a sample, of `latentSize` values, and whose output is a code, of `outputSize` values.
   * It is of type Decoder, so that `toSafetensors` writes it and `loadDecoder` reads it.
   */
  readonly encoder: Decoder;
}

/** Stream of random numbers, an argument of `createRandom`, for the encoder's initial parameters. */
const ENCODER_STREAM = 3;

/**
 * Trains a decoder together with an encoder, by backpropagation: the conventional autoencoder, with which the paper, arXiv
 * 2412.00864, compares. The encoder is the reverse of the decoder (784 → 600 → 300 → 150 → 20 for 20 → 150 → 300 → 600 → 784; a
 * convolution for each transposed one, and vice versa), with the same activations between its layers and none on the code. Its
 * parameters are initialised as in PyTorch, from the seed; the decoder's parameters are the initial ones. Loss, optimizers and
 * kernels are those of `train`.
 *
 * The decoder must be a chain of dense, conv, convTranspose, reshape and activation operations.
 *
 * With the result `run`, `evaluate(run.decoder, test, { encoder: run.encoder })` gives the autoencoder's own loss, and
 * `evaluate(run.decoder, test, { solver: amd() })` that of the paper's "mixed" method: the same decoder, inverted by the
 * solver `amd`.
 *
 * Codes need not be centred on 0: the `start` of the trained decoder, from which `encode` and `evaluate` begin, is the mean
 * code of the training data (`meanCode`). The trained decoder has no `start` if a code is not finite, that is, if the training
 * has diverged. Its `starts`, for several starts of each sample, are the means of 16 clusters of codes.
 *
 * The same seed, machine and build give the same weights, bit for bit. The data are read while the call runs: do not change or
 * transfer them before its promise has settled.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array, [count, outputSize]
 * @returns the encoder and a new decoder; `history` has the losses of the reconstructions D(E(y)) of the samples y by encoder E
 *   and decoder D
 * @throws LatentflowError as `train`
 * @example
 * const { decoder: trained, encoder } = await trainAutoencoder(decoder, images, { optimizer: adam(), epochs: 10 });
 */
export async function trainAutoencoder(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainAutoencoderOptions = {},
): Promise<AutoencoderResult> {
  return calling("trainAutoencoder", async () => {
    const checked = checkAutoencoderArguments(decoder, data, options);
    throwIfAborted(checked.signal);
    const encoder = reverse(decoder);
    initialise(encoder, createRandom(checked.seed, ENCODER_STREAM));
    const network = join(encoder, decoder);
    const { decoder: trained, ...rest } = await trainNetwork(network, { ...checked, decoder: network });
    const trainedEncoder = partOf(trained, encoder, { loss: undefined }, 0);
    const defaults = { loss: trained.loss, ...(await startsOf(trainedEncoder, checked)) };
    const trainedDecoder = partOf(trained, decoder, defaults, encoder.parameterCount);
    trained.dispose();
    return { ...rest, encoder: trainedEncoder, decoder: trainedDecoder };
  });
}

/** Creates the encoder of a decoder: its reverse, with all parameters 0. */
function reverse(decoder: Decoder): Decoder {
  const definition = reverseDefinition(decoder);
  return new GraphDecoder({ ...readDefinition(definition), loss: undefined });
}

/**
 * Joins encoder and decoder to one network D(E(y)), whose input and target both are the sample. Its parameters are copies,
 * the encoder's first.
 */
function join(encoder: Decoder, decoder: Decoder): Decoder {
  const graph = readDefinition(joinedDefinition(encoder, decoder));
  const network = new GraphDecoder({ ...graph, loss: decoder.loss });
  network.parameters.set(encoder.parameters);
  network.parameters.set(decoder.parameters, encoder.parameterCount);
  return network;
}

/** Returns a copy of `network` whose parameters are those of a joined network from index `first` on. */
function partOf(
  { parameters }: Decoder,
  network: Decoder,
  defaults: Pick<DecoderGraph, "loss" | "start" | "starts">,
  first: number,
): Decoder {
  const part = new GraphDecoder({ ...descriptionOf(network), ...defaults });
  part.parameters.set(parameters.subarray(first, first + network.parameterCount));
  return part;
}

/**
 * Computes the trained decoder's start latent, the mean code of the training data, and its codes for several starts, means of
 * clusters. The start latent is undefined if it is all 0, or a code is not finite; the codes are if none is finite.
 */
async function startsOf(
  encoder: Decoder,
  { dataset, backend, signal, seed }: CheckedTrainOptions,
): Promise<Pick<DecoderGraph, "start" | "starts">> {
  const d = encoder.outputSize;
  // A copy, so that disposing it frees the weights packed for this computation.
  const working = copyDecoder(encoder, {});
  try {
    const session = await unlessAborted(signal, () => backend.open(working));
    const mean = await meanOfCodes(session, dataset, d, signal);
    const codes = await codesOf(session, dataset.rows(samplesForBank(dataset)), signal);
    return {
      start: typeof mean === "number" ? undefined : checkStartSize(mean, d),
      starts: bankOf(codes, d, seed),
    };
  } finally {
    working.dispose();
  }
}
