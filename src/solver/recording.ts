import { checkNumber } from "../base/check.ts";
import { checkPresent } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Trajectory } from "./result.ts";

/**
 * Points of each sample's way that are kept: `"steps"`, the start and the end of every accepted step; or
 * chosen times, ascending, from 0 to the solver's t1.
 */
export type SaveAt = "steps" | ArrayLike<number>;

/** Points recorded of one sample so far. States are float64, so that integration can continue from them exactly. */
export interface RecordedSample {
  readonly t: number[];
  /** States one after the other: z, and for a flow of second order v after it. */
  readonly states: number[];
  readonly losses: number[];
}

/** Recorded points of B samples, filled in by a solver. */
export class Recording {
  readonly samples: RecordedSample[];
  private readonly times: ArrayLike<number> | undefined;
  /** Number of the chosen times that each sample has passed. */
  private readonly passed: Uint32Array;

  constructor(
    readonly saveAt: SaveAt,
    sampleCount: number,
  ) {
    this.samples = Array.from({ length: sampleCount }, () => ({ t: [], states: [], losses: [] }));
    this.times = saveAt === "steps" ? undefined : saveAt;
    this.passed = new Uint32Array(sampleCount);
  }

  /** Returns the sample's next chosen time, if it lies before t. */
  dueBefore(sample: number, t: number): number | undefined {
    const due = this.times?.[this.passed[sample]!];
    return due !== undefined && due < t ? due : undefined;
  }

  /** Records the point at the sample's next chosen time, as returned by `dueBefore`. */
  keep(sample: number, t: number, state: ArrayLike<number>, loss: number): void {
    const { t: times, states, losses } = this.samples[sample]!;
    times.push(t);
    losses.push(loss);
    for (let k = 0; k < state.length; k++) states.push(state[k]!);
    this.passed[sample]!++;
  }

  /** Records the start, or the end of an accepted step, if it is asked for. */
  keepStep(sample: number, t: number, state: ArrayLike<number>, loss: number): void {
    if (this.times === undefined || this.times[this.passed[sample]!] === t) this.keep(sample, t, state, loss);
  }

  /** Copies the recording of a sample that has ended on another thread. */
  put(sample: number, recorded: RecordedSample): void {
    this.samples[sample] = recorded;
  }

  /** Returns the trajectories for a result. */
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

/** Checks the option `saveAt`, whose times a flow up to t1 has to pass in this order; returns a copy. */
export function checkSaveAt(where: string, saveAt: SaveAt, t1: number): SaveAt {
  if (saveAt === "steps") return saveAt;
  if (!Array.isArray(saveAt) && !(ArrayBuffer.isView(saveAt) && "length" in saveAt)) {
    throw refused(where, "saveAt", "is", show(saveAt), '"steps" or an array of times');
  }
  if (ArrayBuffer.isView(saveAt)) checkPresent(where, "saveAt", saveAt.buffer);
  const times = Array.from<unknown, number>(saveAt, (time, i) =>
    checkNumber(where, `saveAt[${i}]`, time, { min: 0, ...(t1 < Infinity && { max: t1 }) }),
  );
  const bad = times.findIndex((time, i) => i > 0 && time <= times[i - 1]!);
  if (bad < 0) return times;
  throw refused(where, `saveAt[${bad}]`, "is", `${times[bad]} after ${times[bad - 1]}`, "ascending times");
}
