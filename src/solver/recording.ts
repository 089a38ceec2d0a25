import type { Trajectory } from "./result.ts";
import type { SaveAt } from "./save-at.ts";

/** Points recorded for one sample so far. States are float64, so that adjoints can compute with the solver's exact states. */
export interface RecordedSample {
  /** Times of the points, ascending from 0. */
  readonly t: number[];
  /** States of the points, one after the other: z, [d]; for a flow of second order z and then the velocity v, [2d]. */
  readonly states: number[];
  /** Loss at each point, without the prior. */
  readonly losses: number[];
}

/** Recorded points of B samples; a solver adds them as it accepts steps. */
export class Recording {
  /** Points recorded so far, for each of the B samples. */
  readonly samples: RecordedSample[];
  private readonly times: ArrayLike<number> | undefined;
  /** Number of chosen times that have been recorded for each sample, [B]. */
  private readonly passed: Uint32Array;

  constructor(
    readonly saveAt: SaveAt,
    sampleCount: number,
  ) {
    this.samples = Array.from({ length: sampleCount }, () => ({ t: [], states: [], losses: [] }));
    this.times = saveAt === "steps" ? undefined : saveAt;
    this.passed = new Uint32Array(sampleCount);
  }

  /** Returns the next chosen time of a sample if it is before t; undefined otherwise, or if `saveAt` is "steps". */
  dueBefore(sample: number, t: number): number | undefined {
    const due = this.times?.[this.passed[sample]!];
    return due !== undefined && due < t ? due : undefined;
  }

  /** Records a sample's point at its next chosen time, which `dueBefore` has returned. */
  keep(sample: number, t: number, state: ArrayLike<number>, loss: number): void {
    const { t: times, states, losses } = this.samples[sample]!;
    times.push(t);
    losses.push(loss);
    for (let k = 0; k < state.length; k++) states.push(state[k]!);
    this.passed[sample]!++;
  }

  /** Records z0 or the end of an accepted step, if `saveAt` is "steps" or t is the sample's next chosen time. */
  keepStep(sample: number, t: number, state: ArrayLike<number>, loss: number): void {
    if (this.times === undefined || this.times[this.passed[sample]!] === t) this.keep(sample, t, state, loss);
  }

  /** Returns the trajectories for a result: times as float64, z (without velocities) and losses as float32. */
  toTrajectories(latentSize: number): Trajectory[] {
    return this.samples.map(({ t, states, losses }) => {
      const size = states.length / t.length;
      const z = new Float32Array(t.length * latentSize);
      t.forEach((_, i) => {
        z.set(states.slice(i * size, i * size + latentSize), i * latentSize);
      });
      return { t: Float64Array.from(t), z, loss: Float32Array.from(losses) };
    });
  }
}
