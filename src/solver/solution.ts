import type { Owned } from "../base/owned.ts";
import { gatherRows } from "../base/rows.ts";
import type { Values } from "./objective.ts";
import { type RecordedSample, Recording, type SaveAt } from "./recording.ts";
import { type EncodeResult, type SolveStatistics, STATISTICS } from "./result.ts";
import { STATUSES, type Status } from "./status.ts";

const RUNNING = 255;

/** Numbers kept for each sample: their arrays, and their values before the sample's solve begins. */
const PER_SAMPLE = {
  objective: { array: Float64Array, start: Number.NaN },
  initialObjective: { array: Float64Array, start: Number.NaN },
  loss: { array: Float64Array, start: Number.NaN },
  initialLoss: { array: Float64Array, start: Number.NaN },
  prior: { array: Float64Array, start: Number.NaN },
  gradientNorm: { array: Float64Array, start: Number.NaN },
  ...STATISTICS,
} as const;

/** Name of a number of each sample. */
export type PerSampleName = keyof typeof PER_SAMPLE;

/** Names of the numbers kept for each sample. */
export const PER_SAMPLE_NAMES = Object.keys(PER_SAMPLE) as readonly PerSampleName[];

/** Arrays of B numbers, by name. */
type PerSampleArrays = {
  readonly [Name in PerSampleName]: Owned<InstanceType<(typeof PER_SAMPLE)[Name]["array"]>>;
};

/**
 * The arrays of a solution. `objective` is what a solver lowers, the loss and a prior's share, at z, and `initialObjective`
 * at z0; `loss` and `initialLoss` are the loss alone, `prior` the prior's value at z in nats times its weight, and
 * `gradientNorm` the norm of the objective's gradient at z.
 */
const Arrays = class {
  constructor(sampleCount: number) {
    for (const name of PER_SAMPLE_NAMES) {
      const { array, start } = PER_SAMPLE[name];
      Object.assign(this, { [name]: new array(sampleCount).fill(start) });
    }
  }
} as new (
  sampleCount: number,
) => PerSampleArrays;

/** Results of some samples, to be copied into another solution, possibly from another thread. */
export interface SolutionPart {
  readonly z: Float64Array;
  readonly v: Float64Array | undefined;
  readonly numbers: { readonly [Name in PerSampleName]: Float64Array };
  readonly codes: Uint8Array;
  readonly recorded: readonly RecordedSample[] | undefined;
}

/** Results of B samples, filled in as they end. z holds a sample's z0 before its solve, and its code afterwards. */
export class Solution extends Arrays {
  readonly z: Float64Array;
  /** Velocities of a flow of second order, 0 before; else undefined. */
  readonly v: Float64Array | undefined;
  /** Recorded trajectories, if they are asked for. */
  readonly recording: Recording | undefined;
  /** Number of samples that have ended. */
  done = 0;
  /** Sum and count of the finite losses of samples that have ended. */
  lossSum = 0;
  lossCount = 0;
  /** Called when a sample has ended, by the thread that distributes samples. */
  onEnd: ((sample: number) => void) | undefined;
  private readonly codes: Uint8Array;
  private readonly latentSize: number;
  private readonly hasPrior: boolean;

  /** @param options `hasPrior`: results have its values */
  constructor(
    sampleCount: number,
    latentSize: number,
    z0?: Float32Array | Float64Array,
    options: {
      readonly order?: 1 | 2;
      readonly saveAt?: SaveAt | undefined;
      readonly hasPrior?: boolean;
    } = {},
  ) {
    super(sampleCount);
    this.latentSize = latentSize;
    this.v = options.order === 2 ? new Float64Array(sampleCount * latentSize) : undefined;
    this.recording = options.saveAt && new Recording(options.saveAt, sampleCount);
    this.z = z0 ? new Float64Array(z0) : new Float64Array(sampleCount * latentSize);
    this.hasPrior = options.hasPrior ?? false;
    this.codes = new Uint8Array(sampleCount).fill(RUNNING);
  }

  /** Records a sample's value at z0: element i of the values. */
  begin(sample: number, values: Values, i: number): void {
    this.take(sample, values, i);
    this.initialObjective[sample] = values.objectives[i]!;
    this.initialLoss[sample] = values.losses[i]!;
  }

  /** Records a sample's value at its new z. */
  take(sample: number, { objectives, losses, priors }: Values, i: number): void {
    this.objective[sample] = objectives[i]!;
    this.loss[sample] = losses[i]!;
    this.prior[sample] = priors[i]!;
  }

  /** Ends a sample whose results are complete with a status, by its index in STATUSES. */
  end(sample: number, code: number): void {
    this.codes[sample] = code;
    this.done++;
    const loss = this.loss[sample]!;
    if (Number.isFinite(loss)) {
      this.lossSum += loss;
      this.lossCount++;
    }
    this.onEnd?.(sample);
  }

  /** Copies the results of some samples, ended or not; of all by default. */
  copyOut(samples: readonly number[] = Array.from(this.objective.keys())): SolutionPart {
    const gather = (values: ArrayLike<number>) => Float64Array.from(samples, (sample) => values[sample]!);
    const numbers = Object.fromEntries(PER_SAMPLE_NAMES.map((name) => [name, gather(this[name])]));
    const d = this.latentSize;
    const statesOf = (all: Float64Array) => gatherRows(all, d, samples, new Float64Array(samples.length * d));
    return {
      z: statesOf(this.z),
      v: this.v && statesOf(this.v),
      numbers: numbers as SolutionPart["numbers"],
      codes: Uint8Array.from(samples, (sample) => this.codes[sample]!),
      recorded: this.recording && samples.map((sample) => this.recording!.samples[sample]!),
    };
  }

  /**
   * Copies results of another solution: those of `part` become those of `samples`, which end if they have ended there.
   * Sample -1 is skipped.
   */
  copyIn(samples: ArrayLike<number>, part: SolutionPart): void {
    const d = this.latentSize;
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      if (sample < 0) continue;
      this.z.set(part.z.subarray(i * d, (i + 1) * d), sample * d);
      if (part.v) this.v?.set(part.v.subarray(i * d, (i + 1) * d), sample * d);
      for (const name of PER_SAMPLE_NAMES) this[name][sample] = part.numbers[name][i]!;
      if (part.recorded) this.recording?.put(sample, part.recorded[i]!);
      if (part.codes[i] !== RUNNING) this.end(sample, part.codes[i]!);
    }
  }

  /** Mean of the finite losses of samples that have ended; NaN while there are none. */
  get meanLoss(): number {
    return this.lossSum / this.lossCount;
  }

  /** Returns B statuses; a sample without one was cut off by an abort. */
  statuses(): Status[] {
    const statuses = new Array<Status>(this.codes.length);
    // Array.from goes through a typed array by its iterator, ten times as slowly.
    for (let sample = 0; sample < statuses.length; sample++) {
      statuses[sample] = STATUSES[this.codes[sample]!] ?? "aborted";
    }
    return statuses;
  }

  /** Returns the arrays for a result: float32 where the result has float32. */
  toResult(): Omit<EncodeResult, "backend" | "seconds"> {
    return {
      z: new Float32Array(this.z),
      v: this.v && new Float32Array(this.v),
      loss: new Float32Array(this.loss),
      prior: this.hasPrior ? new Float32Array(this.prior) : undefined,
      objective: new Float32Array(this.objective),
      initialLoss: new Float32Array(this.initialLoss),
      gradientNorm: new Float32Array(this.gradientNorm),
      status: this.statuses(),
      trajectory: this.recording?.toTrajectories(this.latentSize),
      stats: statisticsOf(this),
    };
  }
}

function statisticsOf(solution: Solution): SolveStatistics {
  const names = Object.keys(STATISTICS) as (keyof typeof STATISTICS)[];
  return Object.fromEntries(names.map((name) => [name, solution[name]])) as unknown as SolveStatistics;
}
