import type { Status } from "../../result.ts";
import type { Amd } from "../../solver/amd.ts";

/**
 * What AMD keeps of a sample between two trials, as one row of float32 numbers: the latent z, the gradient g at
 * it, how far the last accepted steps lowered the loss (window - 1 falls, the newest last), and then one number
 * each of these.
 */
export const SCALARS = [
  /** The loss at z; LARGEST before z0 has been evaluated. */
  "loss",
  /** ‖g‖²; 1 before z0 has been evaluated. */
  "norm",
  /** s_n, the step tried first; 0 before z0 has been evaluated. */
  "step",
  /** δt, the step being tried; 0 before z0 has been evaluated. */
  "dt",
  /** t1 as float32 exactly, at the end. */
  "t",
  /** Trials that were rejected since the last accepted one. */
  "trial",
  /** Points that were accepted, z0 among them: one more than the accepted steps. */
  "points",
  /** All trials that were rejected. */
  "rejections",
  /** 1 for a sample on its way, else 0. */
  "live",
  /** Comes out only: the loss of the first trial of a chunk, which is that at z0 for a sample that has just begun. */
  "firstLoss",
] as const;

export type Scalar = (typeof SCALARS)[number];

/** Larger than every loss: z0 is accepted, whatever its loss, if that is finite. */
export const LARGEST = Math.fround(3.4028234e38);

/** Counts are exact in float32 up to here; a limit above it, of 16 million steps, ends a sample there. */
const LARGEST_COUNT = 2 ** 24 - 2;

/** The step limit and the backtrack limit as the GPU has them. */
export function countLimits(solver: Amd): { readonly maxSteps: number; readonly maxBacktracks: number } {
  return {
    maxSteps: Math.min(solver.maxSteps, LARGEST_COUNT),
    maxBacktracks: Math.min(solver.maxBacktracks, LARGEST_COUNT),
  };
}

/**
 * The share of each fall in 2 · window times the mean gradient of the window's losses, which `isFlat` of
 * src/solver/amd.ts writes in the losses themselves. Sums of falls lose no digits, differences of losses would.
 */
export function fallShares(window: number): number[] {
  if (window === 2) return [4];
  return Array.from({ length: window - 1 }, (_, i) => (i === 0 || i === window - 2 ? 3 : 2));
}

/** Where the parts of a row are; z begins at 0. */
export interface StateLayout {
  readonly latentSize: number;
  /** window - 1 */
  readonly fallCount: number;
  readonly gradient: number;
  readonly falls: number;
  /** The first of SCALARS. */
  readonly scalars: number;
  /** Numbers in a row. */
  readonly size: number;
}

export function stateLayout(latentSize: number, { window }: Amd): StateLayout {
  const fallCount = window - 1;
  const scalars = 2 * latentSize + fallCount;
  return {
    ...{ latentSize, fallCount, scalars },
    gradient: latentSize,
    falls: 2 * latentSize,
    size: scalars + SCALARS.length,
  };
}

/** The state of some rows, as it goes to the GPU and comes back. */
export class AmdState {
  readonly values: Float32Array;
  private readonly layout: StateLayout;
  private readonly solver: Amd;

  /** @param values [rows, layout.size]; by default all rows are empty, and none is on its way */
  constructor(layout: StateLayout, solver: Amd, rows: number, values?: Float32Array) {
    this.layout = layout;
    this.solver = solver;
    this.values = values ?? new Float32Array(rows * layout.size);
  }

  get(row: number, name: Scalar): number {
    return this.values[this.indexOf(row, name)]!;
  }

  /** The latent of a row. */
  latent(row: number): Float32Array {
    const begin = row * this.layout.size;
    return this.values.subarray(begin, begin + this.layout.latentSize);
  }

  /** Puts a sample at z0 into a row. */
  start(row: number, z0: Float64Array): void {
    const begin = row * this.layout.size;
    this.values.fill(0, begin, begin + this.layout.size);
    this.values.set(z0, begin);
    this.set(row, "loss", LARGEST);
    this.set(row, "norm", 1);
    // If z0 is rejected, because its loss is not finite, nothing else is tried.
    this.set(row, "trial", countLimits(this.solver).maxBacktracks);
    this.set(row, "live", 1);
  }

  /** Copies a row of another state. */
  copyRow(row: number, from: AmdState, fromRow: number): void {
    const { size } = this.layout;
    this.values.set(from.values.subarray(fromRow * size, (fromRow + 1) * size), row * size);
  }

  /** How a sample has ended; undefined for one on its way. The order is that of src/solver/amd.ts. */
  status(row: number): Status | undefined {
    if (this.get(row, "live") > 0) return undefined;
    if (this.get(row, "points") === 0) return "nonfinite";
    if (this.isStalled(row)) return "stalled";
    if (this.isFlat(row)) return "converged";
    if (this.isAtT1(row)) return "reached_t1";
    if (this.get(row, "points") > countLimits(this.solver).maxSteps) return "max_steps";
    return this.get(row, "norm") === 0 ? "converged" : "nonfinite";
  }

  /** Trials that were followed by a shorter one: all rejected ones, but for that which a sample ends with. */
  backtracks(row: number): number {
    const isLast = this.get(row, "points") === 0 || this.isStalled(row);
    return Math.max(0, this.get(row, "rejections") - (isLast ? 1 : 0));
  }

  /** Has a sample ended at a point whose gradient AMD would not ask for? */
  endsWithoutGradient(row: number): boolean {
    if (this.get(row, "live") > 0 || this.get(row, "points") === 0 || this.isStalled(row)) return false;
    const isLastStep = this.isAtT1(row) || this.get(row, "points") > countLimits(this.solver).maxSteps;
    return isLastStep || this.isFlat(row);
  }

  /** The time t that the flow has reached. */
  time(row: number): number {
    return this.isAtT1(row) ? this.solver.t1 : this.get(row, "t");
  }

  private isAtT1(row: number): boolean {
    return this.get(row, "t") === Math.fround(this.solver.t1);
  }

  private isStalled(row: number): boolean {
    return this.get(row, "trial") > countLimits(this.solver).maxBacktracks;
  }

  private isFlat(row: number): boolean {
    const { window, settle, t1, tolerance } = this.solver;
    if (this.get(row, "points") <= window || this.get(row, "t") < Math.fround(settle * t1)) return false;
    const begin = row * this.layout.size + this.layout.falls;
    const sum = fallShares(window).reduce((total, share, i) => total + share * this.values[begin + i]!, 0);
    return sum < 2 * window * tolerance;
  }

  private set(row: number, name: Scalar, value: number): void {
    this.values[this.indexOf(row, name)] = value;
  }

  private indexOf(row: number, name: Scalar): number {
    return row * this.layout.size + this.layout.scalars + SCALARS.indexOf(name);
  }
}
