import type { Decoder } from "../decoder/decoder.ts";
import { checkArguments } from "./check-options.ts";
import type { Dataset } from "./dataset.ts";
import type { TrainOptions, TrainResult } from "./options.ts";
import { trainNetwork } from "./train-network.ts";

/**
 * Trains a decoder without an encoder: each mini-batch is encoded anew with the decoder as it is (equation 2),
 * and the parameters follow the gradient of its summed loss, which the adjoint finds; by default with z held fixed
 * (equations 11 and 12), which is exact where the flow has come to rest.
 *
 * The same seed, machine and build give the same weights, bit for bit.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array of count × outputSize
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or
 *   value; `other_run` when a checkpoint is of one; `disposed` when the decoder is; `invalid_file` and `not_found` when a
 *   checkpoint cannot be read or written; `locked` when another run has its file; `unsupported` for files where there
 *   are none, and, as `out_of_memory` and `worker_failed`, from the backend
 * @example
 * const { decoder: trained, history } = await train(decoder, images, {
 *   ...{ optimizer: adam(), schedule: linear(), batchSize: 16, epochs: 10, seed: 1 },
 *   checkpoint: { file: "run.checkpoint", resume: true },
 * });
 */
export async function train(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions = {},
): Promise<TrainResult> {
  return trainNetwork(decoder, checkArguments(decoder, data, options));
}
