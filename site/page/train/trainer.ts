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

// Training on the page: round after round by `train`, each a pass over the digits that goes on with the decoder of the last.
// After each the page can show the decoder, which a single call would return at its end.

const LATENT_SIZE = 20;
/**
 * Steps of each flow. Few are enough for the gradient of a decoder that is to change: with 8, unseen digits came to 0.0934
 * nats a pixel after 7 rounds, 8.5 s of one core; with flows to their end to 0.0945 after 2, 9.1 s.
 */
const FLOW = lbfgs({ maxSteps: 8 });
/** Learning rate of the first round; of round r it is divided by √(1 + r/2). 3e-3 and 5e-3 were slower. */
const LEARNING_RATE = 6e-3;
const BATCH_SIZE = 16;
const GRADIENT_CLIP = 0.5;

/** Seconds between checkpoints: none is due but the last, when a round is paused. */
const NEVER = 1e9;

/** Digits to train on, and digits to look at. */
export interface TrainingData {
  readonly seen: Dataset;
  readonly unseen: Dataset;
}

/** Receiver of what a run has to show. */
export interface Observer {
  onStep(step: Step): void;
  onCheck(check: Check): void;
}

/** A decoder in training, which can be paused, looked at and gone on with. */
export class Trainer {
  #decoder = untrained();
  #round = 0;
  /** Round after which `run` ends. */
  #last = ROUNDS;
  /** State of a round that was paused. */
  #paused: Uint8Array | undefined;
  /** The decoder with a prior, once a file of it has been asked for. */
  #withPrior: Promise<Decoder> | undefined;

  constructor(private readonly data: TrainingData) {}

  get hasEnded(): boolean {
    return this.#round === this.#last;
  }

  /** Begins again. Not while `run` is at work. */
  reset(): void {
    this.#replace(untrained());
    this.#round = 0;
    this.#last = ROUNDS;
    this.#paused = undefined;
  }

  /**
   * Trains until the last round, or until the signal, and then goes on from there when called again: after the last round for
   * as many rounds more.
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

  /** Encodes the unseen digits with the decoder as it is. */
  async check(): Promise<Check> {
    const decoder = this.#decoder;
    const { seen, unseen } = this.data;
    const y = unseen.toFloat32();
    const result = await encode(decoder, y);
    const shown = SHOWN * unseen.size;
    return {
      ...{ round: this.#round, digits: this.#round * seen.count, loss: summary(result).meanLoss },
      y: y.slice(0, shown),
      x: await decode(decoder, result.z.slice(0, SHOWN * decoder.latentSize)),
    };
  }

  /** Returns the decoder as a file, with a prior fitted to the codes of the digits it was trained on. */
  async file(format: FileFormat): Promise<Uint8Array> {
    this.#withPrior ??= this.#fitPrior();
    const decoder = await this.#withPrior.catch((error) => {
      // So that the next call fits again.
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
      ...{ batchSize: BATCH_SIZE, gradientClip: GRADIENT_CLIP, seed: this.#round, epochs: 1 },
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

/** The architecture of the demo's decoder: 41,393 parameters. */
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
