import type { Optimizer } from "../backend/optimizer.ts";
import { gatherRows, scatterRows } from "../base/rows.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { updateCode } from "./code-updates.ts";

/** State of the codes of a run, for its checkpoints. */
export interface CodesState {
  /** [samples · d], the codes. */
  readonly values: Float64Array;
  /** State vectors of their optimizer, [samples · d] each; none with `warmStart`. */
  readonly vectors: readonly Float64Array[];
  /** [samples], counts of updates; empty with `warmStart`. */
  readonly updates: Float64Array;
}

/**
 * A code for each sample, kept from one epoch to the next: the end of its last flow (`warmStart`), or a code that is
 * updated beside the weights (`codes: "kept"`). Every code begins at the decoder's `start`.
 */
export class Codes {
  /** [d], the decoder's start. */
  private readonly start: Float64Array;
  private readonly latentSize: number;
  private readonly values: Float64Array;
  private readonly vectors: readonly Float64Array[];
  private readonly updates: Float64Array;

  /** @param optimizer optimizer of the codes; undefined with `warmStart` */
  constructor(
    sampleCount: number,
    { latentSize, start }: Pick<Decoder, "latentSize" | "start">,
    private readonly optimizer: Optimizer | undefined,
  ) {
    const all = () => new Float64Array(sampleCount * latentSize);
    this.latentSize = latentSize;
    this.start = start ? Float64Array.from(start) : new Float64Array(latentSize);
    this.values = all();
    for (let sample = 0; sample < sampleCount; sample++) this.row(this.values, sample).set(this.start);
    this.vectors = Array.from({ length: optimizer?.stateVectors ?? 0 }, all);
    this.updates = new Float64Array(optimizer ? sampleCount : 0);
  }

  /** Copies the codes of some samples into [indices.length, d]. */
  read(indices: Uint32Array, into: Float64Array): void {
    gatherRows(this.values, this.latentSize, indices, into);
  }

  /** Replaces the codes of some samples by the ends of their flows, [indices.length, d]. */
  keep(indices: Uint32Array, z: Float64Array): void {
    scatterRows(z, this.latentSize, indices, this.values);
  }

  /**
   * Updates the codes of some samples. A code whose gradient is not finite, or that is not finite in float32, which
   * objectives take, would stay so for good: it begins again at the decoder's start, as if never updated.
   *
   * @param gradients gradients of the samples' objectives, [indices.length, d]
   * @param factor factor of the learning rate, by the schedule
   * @returns the samples whose codes begin again
   */
  update(indices: Uint32Array, gradients: Float64Array, factor: number): number[] {
    const { optimizer, latentSize: d } = this;
    // The gradients of a sample that was drawn twice are added up, as those of a weight are.
    const sums = new Map<number, Float64Array>();
    indices.forEach((sample, i) => {
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      const sum = sums.get(sample);
      sums.set(sample, sum ? sum.map((value, k) => value + gradient[k]!) : gradient);
    });
    const restarted: number[] = [];
    for (const [sample, gradient] of sums) {
      this.updates[sample]!++;
      const values = this.row(this.values, sample);
      const vectors = this.vectors.map((vector) => this.row(vector, sample));
      const code = { values, vectors, updates: this.updates[sample]! };
      if (gradient.every(Number.isFinite)) {
        updateCode(optimizer!, code, gradient, optimizer!.learningRate * factor);
        if (values.every((value) => Number.isFinite(Math.fround(value)))) continue;
      }
      values.set(this.start);
      for (const vector of vectors) vector.fill(0);
      this.updates[sample] = 0;
      restarted.push(sample);
    }
    return restarted;
  }

  /** Returns the state, as views. */
  state(): CodesState {
    const { values, vectors, updates } = this;
    return { values, vectors, updates };
  }

  /** Continues from a state of the same sizes. */
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
