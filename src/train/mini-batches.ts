import type { Problem, Session } from "../backend/backend.ts";
import { attached } from "../brand.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { createRandom, type RandomState } from "../random.ts";
import { solve } from "../solve.ts";
import type { Control } from "../solver/base.ts";
import { Solution } from "../solver/solution.ts";
import type { CheckedTrainOptions } from "./options.ts";

/** The stream of the seed's random numbers that the augmentation takes; the sampler has its own. */
const AUGMENTATION_STREAM = 2;

/** The mini-batches of a run, each drawn, changed at random and encoded. */
export class MiniBatches {
  private readonly random;
  /** Where each sample's last flow ended, for warm starts. */
  private readonly latents: Float64Array | undefined;

  constructor(
    private readonly decoder: Decoder,
    private readonly options: CheckedTrainOptions,
  ) {
    const { dataset, settings } = options;
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
    session: Session,
    control: Control,
  ): Promise<{ problem: Problem; solution: Solution }> {
    const { decoder, latents } = this;
    const { dataset, loss, pair, adjoint, settings, isAutoencoder } = this.options;
    const d = decoder.latentSize;
    const targets = dataset.rows(indices);
    settings.augment?.apply(targets, decoder.outputShape, this.random);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: this.weightsOf(indices), batchSize: undefined, fixed: [] },
      sampleCount: indices.length,
    };
    const saveAt = adjoint.needs === "end" ? undefined : "steps";
    const solution = new Solution(indices.length, d, undefined, { order: pair.flow.order, saveAt });
    if (latents) {
      indices.forEach((sample, i) => {
        solution.z.set(latents.subarray(sample * d, (sample + 1) * d), i * d);
      });
    }
    if (isAutoencoder) solution.z.set(targets);
    else await solve(session, problem, pair, solution, control);
    return { problem, solution };
  }

  /** The chosen samples' weights, or the one row that all samples have. */
  private weightsOf(indices: Uint32Array): Float32Array | undefined {
    if (!this.options.weights) return undefined;
    const weights = attached("weights", this.options.weights);
    const n = this.decoder.outputSize;
    if (weights.length === n) return weights;
    const chosen = new Float32Array(indices.length * n);
    indices.forEach((sample, i) => {
      chosen.set(weights.subarray(sample * n, (sample + 1) * n), i * n);
    });
    return chosen;
  }

  /** Keeps where the flows have come to, for warm starts. */
  keep(indices: Uint32Array, { z }: Solution): void {
    const d = this.decoder.latentSize;
    indices.forEach((sample, i) => {
      this.latents?.set(z.subarray(i * d, (i + 1) * d), sample * d);
    });
  }
}
