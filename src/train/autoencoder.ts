import { createRandom } from "../base/random.ts";
import { throwIfAborted } from "../base/realms.ts";
import { copyDecoder } from "../decoder/copy.ts";
import { type Decoder, type DecoderGraph, descriptionOf, GraphDecoder } from "../decoder/decoder.ts";
import { initialise } from "../decoder/initialise.ts";
import { checkStartSize } from "../decoder/start.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { unlessAborted } from "../solver/control.ts";
import { type CheckedTrainOptions, checkAutoencoderArguments } from "./check-options.ts";
import type { Dataset } from "./dataset.ts";
import { meanOfCodes } from "./encode-with.ts";
import type { TrainAutoencoderOptions, TrainResult } from "./options.ts";
import { joinedDefinition, reverseDefinition } from "./reverse.ts";
import { trainNetwork } from "./train-network.ts";

/** Result of `trainAutoencoder`. */
export interface AutoencoderResult extends TrainResult {
  /**
   * Network from samples, of its `latentSize`, to codes, of its `outputSize`; `toSafetensors` writes it and `loadDecoder`
   * reads it, as a decoder.
   */
  readonly encoder: Decoder;
}

const WHERE = "trainAutoencoder";

/** Stream of the seed's random numbers for the encoder's parameters. */
const ENCODER_STREAM = 3;

/**
 * Trains a decoder together with an encoder, by backpropagation: the conventional autoencoder, which the paper
 * compares with. The encoder is the reverse of the decoder (784 → 600 → 300 → 150 → 20 for 20 → 150 → 300 → 600 → 784;
 * a convolution for each transposed one, and vice versa), with the same activations between its layers and none on the
 * code. Its parameters are initialised as PyTorch does, from the seed; the decoder's are taken as they are. Loss,
 * optimizers and kernels are those of `train`.
 *
 * The decoder has to be a chain of dense, conv, convTranspose, reshape and activations.
 *
 * With the result `run`, `evaluate(run.decoder, test, { encoder: run.encoder })` is the autoencoder's own loss, and
 * `evaluate(run.decoder, test, { solver: amd() })` the paper's "mixed": the same decoder, inverted by AMD.
 *
 * Codes need not lie about 0: the trained decoder has their mean over the training data, see `meanCode`, as its `start`,
 * from which `encode` and `evaluate` begin. It has no `start` if a code is not finite: the training has diverged.
 *
 * The same seed, machine and build give the same weights, bit for bit.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array of count × outputSize
 * @returns the encoder and a new decoder; `history` holds the losses of the reconstructions D(E(y))
 * @throws LatentflowError as `train`
 * @example
 * const { decoder: trained, encoder } = await trainAutoencoder(decoder, images, { optimizer: adam(), epochs: 10 });
 */
export async function trainAutoencoder(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainAutoencoderOptions = {},
): Promise<AutoencoderResult> {
  const checked = checkAutoencoderArguments(decoder, data, options);
  throwIfAborted(checked.signal);
  const encoder = reverse(decoder);
  initialise(encoder, createRandom(checked.seed, ENCODER_STREAM));
  const network = join(encoder, decoder);
  const { decoder: trained, ...rest } = await trainNetwork(network, { ...checked, decoder: network });
  const trainedEncoder = partOf(trained, encoder, { loss: undefined }, 0);
  const start = await meanCodeOf(trainedEncoder, checked);
  const defaults = { loss: trained.loss, start };
  const trainedDecoder = partOf(trained, decoder, defaults, encoder.parameterCount);
  trained.dispose();
  return { ...rest, encoder: trainedEncoder, decoder: trainedDecoder };
}

/** Creates the encoder of a decoder, with parameters of 0. */
function reverse(decoder: Decoder): Decoder {
  const definition = reverseDefinition(WHERE, decoder);
  return new GraphDecoder({ ...readDefinition(WHERE, definition), loss: undefined });
}

/** Joins encoder and decoder to one network, whose latent and target both are the sample. */
function join(encoder: Decoder, decoder: Decoder): Decoder {
  const graph = readDefinition(WHERE, joinedDefinition(encoder, decoder));
  const network = new GraphDecoder({ ...graph, loss: decoder.loss });
  network.parameters.set(encoder.parameters);
  network.parameters.set(decoder.parameters, encoder.parameterCount);
  return network;
}

/** Copies `network` with parameters of a joined network, from index `first` on. */
function partOf(
  { parameters }: Decoder,
  network: Decoder,
  defaults: Pick<DecoderGraph, "loss" | "start">,
  first: number,
): Decoder {
  const part = new GraphDecoder({ ...descriptionOf(network), ...defaults });
  part.parameters.set(parameters.subarray(first, first + network.parameterCount));
  return part;
}

/** Computes the trained decoder's start, the mean code of the training data; undefined if it is 0 or not finite. */
async function meanCodeOf(
  encoder: Decoder,
  { dataset, backend, signal }: CheckedTrainOptions,
): Promise<Float32Array | undefined> {
  // A copy, which is disposed of together with its packed weights.
  const working = copyDecoder(encoder, {});
  try {
    const session = await unlessAborted(signal, () => backend.open(working));
    const mean = await meanOfCodes(session, dataset, encoder.outputSize, signal);
    return typeof mean === "number" ? undefined : checkStartSize(WHERE, mean, encoder.outputSize);
  } finally {
    working.dispose();
  }
}
