import { type Backend, createDecoder, decode, encode, gaussian } from "../../index.ts";
import { adam, cosine, train } from "../../train/index.ts";
import type { Numbers } from "./values.ts";

/** Kind of decoder, and how strongly it is held, that may describe a table. */
export interface Candidate {
  /** Number of latents. */
  readonly latentSize: number;
  /** Width of a hidden layer of tanh; undefined for a linear decoder. */
  readonly hidden?: number;
  /** Weight decay of Adam. */
  readonly weightDecay: number;
  /** Weight of the standard normal prior on the codes. */
  readonly priorWeight: number;
}

/** Settings of a fit. */
export interface FitSettings {
  readonly seed: number;
  readonly backend: Backend;
  readonly signal: AbortSignal;
  /** Called with the share of the fit that is done, 0 to 1. */
  readonly onShare: (share: number) => void;
}

/** Learning rate of the decoder and the codes, at the beginning of a cosine schedule. */
const LEARNING_RATE = 0.03;
/** Number of values seen in training, from which fewer epochs do. */
const VALUES_SEEN = 2e7;

/**
 * Trains a decoder on standardised data with their missing values, and returns its approximation of all values, [rows, columns]. The
 * codes are trained with the decoder; a prior on codes and the decay of weights hold it where the data are few.
 */
export async function fitCandidate(
  { values, rows, columns }: Numbers,
  { latentSize, hidden, weightDecay, priorWeight }: Candidate,
  { seed, backend, signal, onShare }: FitSettings,
): Promise<Float32Array> {
  const layers = [latentSize, ...(hidden === undefined ? [] : [hidden]), columns];
  const start = createDecoder({ layers, activation: "tanh", loss: "mse", seed: seed + 1 });
  const prior = gaussian({ weight: priorWeight });
  const { decoder } = await train(start, values, {
    codes: "kept",
    codeOptimizer: adam({ learningRate: LEARNING_RATE }),
    optimizer: adam({ learningRate: LEARNING_RATE, weightDecay }),
    schedule: cosine(),
    epochs: Math.round(Math.min(100, Math.max(10, VALUES_SEEN / values.length))),
    batchSize: Math.min(rows, Math.max(16, Math.min(256, Math.round(rows / 20)))),
    prior,
    seed,
    backend,
    signal,
    onProgress: ({ images, total }) => onShare(images / total),
  });
  const { z } = await encode(decoder, values, { prior, backend, signal });
  return decode(decoder, z, { backend, signal });
}

/** Describes a candidate: `linear, 8 latents, prior 2, weight decay 1`. */
export function showCandidate({ latentSize, hidden, weightDecay, priorWeight }: Candidate): string {
  const layers = hidden === undefined ? "linear" : `tanh ${hidden}`;
  return `${layers}, ${latentSize} latents, prior weight ${priorWeight}, weight decay ${weightDecay}`;
}
