import type { Optimizer } from "../optimizer.ts";
import { updateCode } from "./code-updates.ts";

/** All that the codes of a run come to, for its checkpoints. */
export interface CodesState {
  /** [samples · d] */
  readonly values: Float64Array;
  /** The optimizer's state vectors, [samples · d] each; none where flows find the codes. */
  readonly vectors: readonly Float64Array[];
  /** [samples]: how many updates each has had. */
  readonly updates: Float64Array;
}

/**
 * A code for each sample, kept from one epoch to the next: where its flow ended last (`warmStart`), or updated beside
 * the weights (`codes: "kept"`). All are 0 at first.
 */
export class Codes {
  private readonly values: Float64Array;
  private readonly vectors: readonly Float64Array[];
  private readonly updates: Float64Array;

  /** @param optimizer what updates them; undefined where flows find them */
  constructor(
    sampleCount: number,
    private readonly latentSize: number,
    private readonly optimizer: Optimizer | undefined,
  ) {
    const all = () => new Float64Array(sampleCount * latentSize);
    this.values = all();
    this.vectors = Array.from({ length: optimizer?.stateVectors ?? 0 }, all);
    this.updates = new Float64Array(optimizer ? sampleCount : 0);
  }

  /** The codes of the chosen samples, into [indices.length, d]. */
  read(indices: Uint32Array, into: Float64Array): void {
    indices.forEach((sample, i) => {
      into.set(this.row(this.values, sample), i * this.latentSize);
    });
  }

  /** Takes over where flows have ended, [indices.length, d]. */
  keep(indices: Uint32Array, z: Float64Array): void {
    indices.forEach((sample, i) => {
      this.row(this.values, sample).set(z.subarray(i * this.latentSize, (i + 1) * this.latentSize));
    });
  }

  /**
   * Updates the codes of the chosen samples; a gradient that is not finite updates nothing.
   *
   * @param gradients [indices.length, d], of the samples' losses
   * @param factor the schedule's
   */
  update(indices: Uint32Array, gradients: Float64Array, factor: number): void {
    const { optimizer, latentSize: d } = this;
    // A sample that was drawn twice has the sum of its gradients, as a weight has.
    const sums = new Map<number, Float64Array>();
    indices.forEach((sample, i) => {
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      const sum = sums.get(sample);
      sums.set(sample, sum ? sum.map((value, k) => value + gradient[k]!) : gradient);
    });
    for (const [sample, gradient] of sums) {
      if (!gradient.every(Number.isFinite)) continue;
      this.updates[sample]!++;
      const code = {
        values: this.row(this.values, sample),
        vectors: this.vectors.map((vector) => this.row(vector, sample)),
        updates: this.updates[sample]!,
      };
      updateCode(optimizer!, code, gradient, optimizer!.learningRate * factor);
    }
  }

  /** Where they stand; views. */
  state(): CodesState {
    const { values, vectors, updates } = this;
    return { values, vectors, updates };
  }

  /** Continues from a state of codes of the same sizes. */
  restore({ values, vectors, updates }: CodesState): void {
    this.values.set(values);
    this.vectors.forEach((vector, i) => {
      vector.set(vectors[i]!);
    });
    this.updates.set(updates);
  }

  private row(values: Float64Array, sample: number): Float64Array {
    return values.subarray(sample * this.latentSize, (sample + 1) * this.latentSize);
  }
}
