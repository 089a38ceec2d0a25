import type { Dataset } from "../api/dataset.ts";
import { calling } from "../base/calling.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { checkArguments } from "./check-options.ts";
import type { TrainOptions, TrainResult } from "./options.ts";
import { trainNetwork } from "./train-network.ts";

/**
 * Trains a decoder without an encoder: each mini-batch is encoded with the current decoder (equation 2 of the paper, arXiv
 * 2412.00864), and the optimizer follows the gradient of its summed loss, which the adjoint computes. By default the codes z
 * are held fixed (equations 11 and 12 of the paper), which is exact if the flow has come to rest.
 *
 * The trained decoder's `starts`, for several starts of each sample in `encode`, are the means of 16 clusters (k-means, by the
 * seed) of the codes of at most 1,024 training samples. They are encoded at the end, unless their codes are stored.
 *
 * The same seed, machine and build give the same weights, bit for bit. Data, weights and fixed inputs are read while the call
 * runs: do not change or transfer them before its promise has settled.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array, [count, outputSize]
 * @returns the trained decoder, a new one, with the figures of all updates and validations
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or value;
 *   `other_run` when the checkpoint is of another run; `disposed` when the decoder is disposed; `invalid_file` and `not_found`
 *   when a checkpoint cannot be read or written; `locked` when another run uses the checkpoint's file; `unsupported` for
 *   checkpoint files outside Node; and `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const { decoder: trained, history } = await train(decoder, images, {
 *   optimizer: adam(), schedule: linear(), batchSize: 16, epochs: 10, seed: 1,
 *   checkpoint: { file: "run.checkpoint", resume: true },
 * });
 */
export async function train(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions = {},
): Promise<TrainResult> {
  return calling("train", async () => trainNetwork(decoder, checkArguments(decoder, data, options)));
}
