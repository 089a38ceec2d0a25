import type { Adjoint } from "../adjoint/base.ts";
import type { PreparedBackend, Problem } from "../backend/base.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Loss } from "../loss.ts";
import { createRandom, type RandomState } from "../random.ts";
import { type CheckedPair, solveAll } from "../solve.ts";
import { type Control, Solution } from "../solver/base.ts";
import type { TrainSettings } from "./options.ts";

/** The stream of the seed's random numbers that the augmentation takes; the sampler has its own. */
const AUGMENTATION_STREAM = 2;

/** The mini-batches of a run, each drawn, changed at random and encoded. */
export class MiniBatches {
  private readonly random;
  /** Where each sample's last flow ended, for warm starts. */
  private readonly latents: Float64Array | undefined;

  constructor(
    private readonly decoder: Decoder,
    private readonly dataset: Dataset,
    private readonly loss: Loss,
    private readonly adjoint: Adjoint,
    private readonly settings: TrainSettings,
    private readonly isAutoencoder: boolean,
  ) {
    this.random = createRandom(settings.sampling.seed, AUGMENTATION_STREAM);
    this.latents = settings.warmStart ? new Float64Array(dataset.count * decoder.latentSize) : undefined;
  }

  /** Where it stands: what `restore` continues from. The latents are a view. */
  state(): { readonly random: RandomState; readonly latents: Float64Array | undefined } {
    return { random: this.random.state(), latents: this.latents };
  }

  /** Continues from a state; without latents it leaves them as they are. */
  restore(random: RandomState, latents?: Float64Array): void {
    this.random.restore(random);
    if (latents) this.latents?.set(latents);
  }

  /**
   * Follows the flows of the chosen samples; returns them with what the adjoint has to know of their ways. The
   * latents of an autoencoder are the samples themselves.
   */
  async encode(
    indices: Uint32Array,
    prepared: PreparedBackend,
    pair: CheckedPair,
    control: Control,
  ): Promise<{ problem: Problem; solution: Solution }> {
    const { decoder, dataset, loss, latents } = this;
    const d = decoder.latentSize;
    const targets = dataset.rows(indices);
    this.settings.augment?.apply(targets, decoder.outputShape, this.random);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: undefined, batchSize: undefined },
      sampleCount: indices.length,
    };
    const saveAt = this.adjoint.needs === "end" ? undefined : "steps";
    const solution = new Solution(indices.length, d, undefined, { order: pair.flow.order, saveAt });
    if (latents) {
      indices.forEach((sample, i) => {
        solution.z.set(latents.subarray(sample * d, (sample + 1) * d), i * d);
      });
    }
    if (this.isAutoencoder) solution.z.set(targets);
    else await solveAll(prepared, problem, pair, solution, control);
    return { problem, solution };
  }

  /** Keeps where the flows have come to, for warm starts. */
  keep(indices: Uint32Array, { z }: Solution): void {
    const d = this.decoder.latentSize;
    indices.forEach((sample, i) => {
      this.latents?.set(z.subarray(i * d, (i + 1) * d), sample * d);
    });
  }
}
