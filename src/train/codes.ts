import type { Optimizer } from "../backend/optimizer.ts";
import { gatherRows, scatterRows } from "../base/rows.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { updateCode } from "./code-updates.ts";

/** State of a run's stored codes, for its checkpoints. */
export interface CodesState {
  /** Codes of all samples, [samples · d]. */
  readonly values: Float64Array;
  /** State vectors of the codes' optimizer, [samples · d] each; none with `warmStart`, which has no optimizer. */
  readonly vectors: readonly Float64Array[];
  /** Number of updates of each sample's code, [samples]; empty with `warmStart`. */
  readonly updates: Float64Array;
}

/**
 * Stores a code for each sample from one epoch to the next: the end of its last flow (`warmStart`), or a code that is
 * optimised together with the weights (`codes: "kept"`). Every code is initially the decoder's `start`.
 */
export class Codes {
  /** Decoder's start, [d], the initial value of every code; zeros if the decoder has none. */
  private readonly start: Float64Array;
  private readonly latentSize: number;
  private readonly values: Float64Array;
  private readonly vectors: readonly Float64Array[];
  private readonly updates: Float64Array;

  /** @param optimizer optimizer of the codes; undefined with `warmStart`, where codes are ends of flows */
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

  /** Copies the codes of the samples `indices` into `into`, [indices.length, d]. */
  read(indices: Uint32Array, into: Float64Array): void {
    gatherRows(this.values, this.latentSize, indices, into);
  }

  /** Replaces the codes of the samples `indices` by the ends of their flows, z, [indices.length, d]. */
  keep(indices: Uint32Array, z: Float64Array): void {
    scatterRows(z, this.latentSize, indices, this.values);
  }

  /**
   * Updates the codes of the samples `indices` by their optimizer. If a code's gradient is not finite, or the updated code
   * is not finite in float32, it could never recover: it is reset to the decoder's start latent, as if never updated.
   *
   * @param gradients gradients of the samples' objectives with respect to their codes, [indices.length, d]
   * @param factor factor of the learning rate, from the schedule
   * @returns samples whose codes were reset
   */
  update(indices: Uint32Array, gradients: Float64Array, factor: number): number[] {
    const { optimizer, latentSize: d } = this;
    // Gradients of a sample drawn twice are added up, like those of a weight.
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

  /** Returns the state for a checkpoint, as views of the stored codes. */
  state(): CodesState {
    const { values, vectors, updates } = this;
    return { values, vectors, updates };
  }

  /** Sets codes, optimizer state and counts from a state of the same sizes. */
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
