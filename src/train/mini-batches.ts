import type { Problem, Session } from "../backend/backend.ts";
import { createRandom, type RandomState } from "../base/random.ts";
import { attached } from "../base/realms.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedValues } from "../decoder/fixed.ts";
import { startsOf } from "../decoder/start.ts";
import { sizeOf } from "../graph/operations.ts";
import type { Control } from "../solver/base.ts";
import { orderOf } from "../solver/flow.ts";
import { Solution } from "../solver/solution.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { Codes, type CodesState } from "./codes.ts";
import { hidePixels } from "./mask.ts";

/** The stream of the seed's random numbers that the augmentation takes; the sampler has its own. */
const AUGMENTATION_STREAM = 2;

/** The mini-batches of a run, each drawn, changed at random and encoded. */
export class MiniBatches {
  /** Undefined where each mini-batch is encoded from the decoder's start. */
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

  /** Where it stands: what `restore` continues from. The codes are views. */
  state(): { readonly random: RandomState; readonly codes: CodesState | undefined } {
    return { random: this.random.state(), codes: this.codes?.state() };
  }

  /** Continues from a state; without codes it leaves them as they are. */
  restore(random: RandomState, codes?: CodesState): void {
    this.random.restore(random);
    if (codes) this.codes?.restore(codes);
  }

  /**
   * Follows the flows of the chosen samples; returns them with what the adjoint has to know of their ways. Codes that
   * are kept are where they are, and the latents of an autoencoder are the samples themselves.
   */
  async encode(
    indices: Uint32Array,
    images: number,
    session: Session,
    control: Control,
  ): Promise<{ problem: Problem; solution: Solution }> {
    const { decoder, codes } = this;
    const { dataset, loss, prior, pair, adjoint, augment, mask, seed, isAutoencoder } = this.options;
    const d = decoder.latentSize;
    const targets = dataset.rows(indices);
    augment?.apply(targets, decoder.outputShape, this.random);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: this.weightsOf(indices), fixed: this.fixedOf(indices) },
      ...{ batchSize: undefined, sampleCount: indices.length },
      prior: prior && componentsOf(prior, d),
    };
    const saveAt = adjoint.needs === "end" ? undefined : "steps";
    const z0 = decoder.start && startsOf(decoder.start, decoder, 0, indices.length);
    const solution = new Solution(indices.length, d, z0, { order: orderOf(pair.flow), saveAt });
    codes?.read(indices, solution.z);
    if (isAutoencoder) {
      const inputs = mask ? targets.slice() : targets;
      if (mask) hidePixels(inputs, decoder.outputShape, mask, seed, images);
      solution.z.set(inputs);
    } else if (this.options.codes === "encoded") await session.solve(problem, pair, solution, control);
    return { problem, solution };
  }

  /** The chosen samples' weights, or the one row that all samples have. */
  private weightsOf(indices: Uint32Array): Float32Array | undefined {
    if (!this.options.weights) return undefined;
    return rowsOf(attached("weights", this.options.weights), this.decoder.outputSize, indices);
  }

  /** What is given with the chosen samples. */
  private fixedOf(indices: Uint32Array): FixedValues {
    return this.options.fixed.map((values, i) => {
      const { name, shape } = this.decoder.fixedInputs[i]!;
      return rowsOf(attached(name, values), sizeOf(shape), indices);
    });
  }
}

/** The chosen rows of so many numbers each; or the one row that there is for all. */
function rowsOf(values: Float32Array, size: number, indices: Uint32Array): Float32Array {
  if (values.length === size) return values;
  const chosen = new Float32Array(indices.length * size);
  indices.forEach((sample, i) => {
    chosen.set(values.subarray(sample * size, (sample + 1) * size), i * size);
  });
  return chosen;
}
