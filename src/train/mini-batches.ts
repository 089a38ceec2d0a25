import type { Problem, Session } from "../backend/backend.ts";
import { inLossUnits } from "../backend/loss-units.ts";
import { withSeenWeights } from "../backend/missing.ts";
import { createRandom, type RandomState } from "../base/random.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { startsOf } from "../decoder/start.ts";
import type { Control } from "../solver/base.ts";
import { orderOf } from "../solver/flow.ts";
import { Recording } from "../solver/recording.ts";
import { Solution } from "../solver/solution.ts";
import { componentsOf } from "../terms/prior-components.ts";
import { refusePromise } from "./augment.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { Codes, type CodesState } from "./codes.ts";
import { hidePixels } from "./mask.ts";
import { problemOf } from "./samples.ts";

/** Stream of random numbers, an argument of `createRandom`, for the augmentation. */
const AUGMENTATION_STREAM = 2;

/** Mini-batches of a training run: reads samples, augments them, and computes their codes. */
export class MiniBatches {
  /**
   * Codes stored for each sample, with `warmStart` or `codes: "kept"`; undefined if mini-batches are encoded from the
   * decoder's start latent.
   */
  readonly codes: Codes | undefined;
  private readonly random;

  constructor(
    private readonly decoder: Decoder,
    private readonly options: CheckedTrainOptions,
  ) {
    const { dataset, seed, warmStart, codes, codeOptimizer } = options;
    this.random = createRandom(seed, AUGMENTATION_STREAM);
    const optimizer = codes === "kept" ? codeOptimizer : undefined;
    this.codes = warmStart || optimizer ? new Codes(dataset.count, decoder, optimizer) : undefined;
  }

  /** Returns the state from which `restore` continues; its codes are views of the stored codes. */
  state(): { readonly random: RandomState; readonly codes: CodesState | undefined } {
    return { random: this.random.state(), codes: this.codes?.state() };
  }

  /** Sets the random state and, if given, the stored codes, from which the next mini-batches continue. */
  restore(random: RandomState, codes?: CodesState): void {
    this.random.restore(random);
    if (codes) this.codes?.restore(codes);
  }

  /**
   * Returns a mini-batch with its codes. Normally the gradient flows of its samples are followed, and their steps recorded if
   * the adjoint needs them; with `codes: "kept"` the stored codes are used; the latents of an autoencoder are the samples
   * themselves, with some pixels hidden by `mask`.
   *
   * @param indices indices of the samples in the data set
   * @param images number of images processed before this mini-batch
   */
  async encode(
    indices: Uint32Array,
    images: number,
    session: Session,
    control: Control,
  ): Promise<{ problem: Problem; solution: Solution }> {
    const { decoder, codes } = this;
    const { dataset, loss, weights, hasMissing, fixed } = this.options;
    const { pair, adjoint, augment, mask, seed, isAutoencoder } = this.options;
    const d = decoder.latentSize;
    const prior = this.options.prior && componentsOf(this.options.prior, d);
    const given = problemOf(dataset, { decoder, loss, prior, weights, fixed }, indices);
    const { targets } = given;
    refusePromise("apply", augment?.apply(targets, decoder.outputShape, this.random));
    const whole = inLossUnits(given);
    const problem = hasMissing ? withSeenWeights(whole) : whole;
    const recording = adjoint.needs === "end" ? undefined : new Recording("steps", indices.length);
    const z0 = decoder.start && startsOf(decoder.start, decoder, 0, indices.length);
    const solution = new Solution(indices.length, d, z0, { order: orderOf(pair.flow), recording });
    codes?.read(indices, solution.z);
    if (isAutoencoder) {
      const inputs = mask ? targets.slice() : targets;
      if (mask) hidePixels(inputs, decoder.outputShape, mask, seed, images);
      solution.z.set(inputs);
    } else if (this.options.codes === "encoded") await session.solve(problem, pair, solution, control);
    return { problem, solution };
  }
}
