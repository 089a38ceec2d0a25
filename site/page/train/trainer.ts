import {
  createDecoder,
  type Decoder,
  decode,
  encode,
  fitGaussian,
  lbfgs,
  loadDecoder,
  summary,
} from "latentflow";
import { convTranspose, dense, elu, reshape, sequential, sigmoid } from "latentflow/graph";
import { toOnnx } from "latentflow/onnx";
import { adam, type Dataset, train } from "latentflow/train";
import type { Check, FileFormat, Step } from "./messages.ts";
import { ROUNDS, SHOWN } from "./setting.ts";

// Training in the page: one call of `train` per round (a pass over the digits), starting from the decoder of the round
// before. After each round the page can show the decoder; a single call would only return it at the end.

const LATENT_SIZE = 20;
/**
 * Solver for encoding mini-batches. Few steps suffice for the gradient of a decoder that changes anyway: with 8, the loss
 * of unseen digits fell to 0.0934 nats per pixel after 7 rounds, 8.5 s on one core; with complete flows, to 0.0945 after
 * 2 rounds, 9.1 s.
 */
const FLOW = lbfgs({ maxSteps: 8 });
/** Learning rate of the first round; in round r it is divided by √(1 + r/2). Rates of 3e-3 and 5e-3 were slower. */
const LEARNING_RATE = 6e-3;
const BATCH_SIZE = 16;
const GRADIENT_CLIP = 0.5;

/** Seconds between checkpoints, so long that the only checkpoint is made when a round is paused. */
const NEVER = 1e9;

/** Digits to train on, and unseen ones for checks. */
export interface TrainingData {
  readonly seen: Dataset;
  readonly unseen: Dataset;
}

/** Callbacks for the progress of a run. */
export interface Observer {
  onStep(step: Step): void;
  onCheck(check: Check): void;
}

/** Trains a decoder in rounds; can be paused, resumed, checked and reset. */
export class Trainer {
  #decoder = untrained();
  #round = 0;
  /** Round after which `run` ends. */
  #last = ROUNDS;
  /** Checkpoint of a paused round; undefined if no round is paused. */
  #paused: Uint8Array | undefined;
  /** The decoder with a prior, which is fitted when a file is first requested; undefined before that. */
  #withPrior: Promise<Decoder> | undefined;

  constructor(private readonly data: TrainingData) {}

  get hasEnded(): boolean {
    return this.#round === this.#last;
  }

  /** Starts again with an untrained decoder. Must not be called during `run`. */
  reset(): void {
    this.#replace(untrained());
    this.#round = 0;
    this.#last = ROUNDS;
    this.#paused = undefined;
  }

  /**
   * Trains until the last round or until the signal aborts, and continues from there when called again; once all rounds
   * are done, for as many more.
   */
  async run(signal: AbortSignal, observer: Observer): Promise<void> {
    if (this.hasEnded) this.#last += ROUNDS;
    try {
      while (!this.hasEnded) {
        await this.#trainRound(signal, observer);
        observer.onCheck(await this.check());
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Encodes the unseen digits with the current decoder. */
  async check(): Promise<Check> {
    const decoder = this.#decoder;
    const { seen, unseen } = this.data;
    const y = unseen.toFloat32();
    const result = await encode(decoder, y);
    const shown = SHOWN * unseen.size;
    return {
      round: this.#round,
      digits: this.#round * seen.count,
      loss: summary(result).meanLoss,
      y: y.slice(0, shown),
      x: await decode(decoder, result.z.slice(0, SHOWN * decoder.latentSize)),
    };
  }

  /** Returns the current decoder as a file, with a prior fitted to the codes of the training digits. */
  async file(format: FileFormat): Promise<Uint8Array> {
    this.#withPrior ??= this.#fitPrior();
    const decoder = await this.#withPrior.catch((error) => {
      // Reset, so that the next call fits the prior again.
      this.#withPrior = undefined;
      throw error;
    });
    return format === "onnx" ? toOnnx(decoder) : decoder.toSafetensors();
  }

  async #fitPrior(): Promise<Decoder> {
    const { latentSize } = this.#decoder;
    const { z } = await encode(this.#decoder, this.data.seen.toFloat32());
    const prior = fitGaussian(z, { latentSize, covariance: "full", shrinkage: 0.1 });
    return loadDecoder(this.#decoder.toSafetensors(), { prior });
  }

  #replace(decoder: Decoder): void {
    this.#decoder.dispose();
    this.#decoder = decoder;
    this.#withPrior = undefined;
  }

  async #trainRound(signal: AbortSignal, observer: Observer): Promise<void> {
    const { seen } = this.data;
    const before = this.#round * seen.count;
    const { decoder } = await train(this.#decoder, seen, {
      solver: FLOW,
      optimizer: adam({ learningRate: LEARNING_RATE / Math.sqrt(1 + this.#round / 2) }),
      batchSize: BATCH_SIZE,
      gradientClip: GRADIENT_CLIP,
      seed: this.#round,
      epochs: 1,
      checkpoint: {
        everySeconds: NEVER,
        resume: this.#paused,
        save: (bytes) => {
          this.#paused = bytes;
        },
      },
      onProgress: ({ images, loss }) => observer.onStep({ digits: before + images, loss }),
      signal,
    });
    this.#replace(decoder);
    this.#paused = undefined;
    this.#round++;
  }
}

/** Creates an untrained decoder with the architecture of the demo's: 41,393 parameters. */
function untrained(): Decoder {
  return createDecoder(
    sequential(LATENT_SIZE, [
      ...[dense(7 * 7 * 32), elu(), reshape([7, 7, 32])],
      ...[convTranspose({ channels: 16, kernel: 4, stride: 2, padding: 1 }), elu()],
      ...[convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 }), sigmoid()],
    ]),
    { loss: "bce", seed: 1 },
  );
}
