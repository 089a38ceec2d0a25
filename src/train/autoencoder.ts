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

/** What `trainAutoencoder` returns. */
export interface AutoencoderResult extends TrainResult {
  /**
   * From a sample, its `latentSize`, to a code, its `outputSize`: a network like any other, which `toSafetensors`
   * writes and `loadDecoder` reads.
   */
  readonly encoder: Decoder;
}

const WHERE = "trainAutoencoder";

/** The stream of the seed's random numbers for the encoder's parameters: `createDecoder` has 0. */
const ENCODER_STREAM = 3;

/**
 * Trains a decoder together with an encoder, by plain backpropagation: the conventional autoencoder, which the
 * paper compares with. The encoder is the exact reverse of the decoder (784 → 600 → 300 → 150 → 20 for
 * 20 → 150 → 300 → 600 → 784; a convolution for each transposed one, and the other way round), with the same
 * activations between its layers and none on the code; its parameters begin as PyTorch's do, from the seed, and the
 * decoder's as they are. Loss, optimizers and kernels are those of `train`.
 *
 * A decoder is turned round that is made of dense, conv, convTranspose, reshape and activations, one after the other.
 *
 * With its result `run`, `evaluate(run.decoder, test, { encoder: run.encoder })` is the autoencoder's own loss, and
 * `evaluate(run.decoder, test, { solver: amd() })` the paper's "mixed": the same decoder, inverted by AMD.
 *
 * Its codes need not lie about 0: the decoder has their mean over the training data as its `start`, as `meanCode` computes
 * it, from which `encode` and `evaluate` begin. It has none where a code is not finite, since the training has diverged.
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

/** The encoder of a decoder, without parameters. */
function reverse(decoder: Decoder): Decoder {
  const definition = reverseDefinition(WHERE, decoder);
  return new GraphDecoder({ ...readDefinition(WHERE, definition), loss: undefined });
}

/**
 * The autoencoder as one network from samples to samples: with y as its latent and its target, the gradient of its
 * loss for its parameters is backpropagation.
 */
function join(encoder: Decoder, decoder: Decoder): Decoder {
  const graph = readDefinition(WHERE, joinedDefinition(encoder, decoder));
  const network = new GraphDecoder({ ...graph, loss: decoder.loss });
  network.parameters.set(encoder.parameters);
  network.parameters.set(decoder.parameters, encoder.parameterCount);
  return network;
}

/** Splits one network off a joined one: its parameters begin at `first` in those of `joined`. */
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

/** Where the decoder's flows are to begin: the mean code of the training data, undefined where that is 0 or not finite. */
async function meanCodeOf(
  encoder: Decoder,
  { dataset, backend, signal }: CheckedTrainOptions,
): Promise<Float32Array | undefined> {
  // A copy of its own: what is packed for it goes with it.
  const working = copyDecoder(encoder, {});
  try {
    const session = await unlessAborted(signal, () => backend.open(working));
    const mean = await meanOfCodes(session, dataset, encoder.outputSize, signal);
    return typeof mean === "number" ? undefined : checkStartSize(WHERE, mean, encoder.outputSize);
  } finally {
    working.dispose();
  }
}
