import { throwIfAborted } from "../brand.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Decoder, descriptionOf, GraphDecoder } from "../decoder/decoder.ts";
import { initialise } from "../decoder/initialise.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { createRandom } from "../random.ts";
import type { StandardLoss } from "../terms/losses.ts";
import { checkAutoencoderArguments } from "./check-options.ts";
import type { RunOptions, TrainResult } from "./options.ts";
import { joinedDefinition, reverseDefinition } from "./reverse.ts";
import { trainNetwork } from "./train-network.ts";

/** Options of `trainAutoencoder`. */
export type TrainAutoencoderOptions = RunOptions;

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
 * Its codes need not lie about 0, where flows start: `encode` and `evaluate` from `meanCode(run.encoder, data)`.
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
  throwIfAborted(checked.settings.signal);
  const encoder = reverse(decoder);
  initialise(encoder, createRandom(checked.settings.sampling.seed, ENCODER_STREAM));
  const network = join(encoder, decoder);
  const { decoder: trained, ...rest } = await trainNetwork(network, { ...checked, decoder: network });
  const [trainedEncoder, trainedDecoder] = split(trained, encoder, decoder);
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

/** The networks that have been joined, with the parameters of `network`. */
function split({ parameters, loss }: Decoder, encoder: Decoder, decoder: Decoder): [Decoder, Decoder] {
  const part = (before: Decoder, ownLoss: StandardLoss | undefined, at: number) => {
    const network = new GraphDecoder({ ...descriptionOf(before), loss: ownLoss });
    network.parameters.set(parameters.subarray(at, at + before.parameterCount));
    return network;
  };
  return [part(encoder, undefined, 0), part(decoder, loss, encoder.parameterCount)];
}
