import type { Owned } from "../base/owned.ts";
import type { Values } from "./objective.ts";
import type { Recording } from "./recording.ts";
import {
  type EncodeResult,
  type EndsOfStarts,
  type FieldOfCall,
  type SolveStatistics,
  STATISTICS,
} from "./result.ts";
import { STATUSES, type Status } from "./status.ts";

/** Status code of a sample that has not ended; the codes of ended samples are indices in STATUSES. */
export const RUNNING = 255;

/** Numbers that a solution has for each sample: the array type, and the number before the sample's solve begins. */
const PER_SAMPLE = {
  objective: { array: Float64Array, start: Number.NaN },
  initialObjective: { array: Float64Array, start: Number.NaN },
  loss: { array: Float64Array, start: Number.NaN },
  initialLoss: { array: Float64Array, start: Number.NaN },
  prior: { array: Float64Array, start: Number.NaN },
  gradientNorm: { array: Float64Array, start: Number.NaN },
  ...STATISTICS,
} as const;

/** Name of a per-sample number in a solution, such as "gradientNorm". */
type PerSampleName = keyof typeof PER_SAMPLE;

/** Names of all per-sample numbers in a solution. */
export const PER_SAMPLE_NAMES = Object.keys(PER_SAMPLE) as readonly PerSampleName[];

/** Arrays of a solution, by name: one number for each of B samples. */
type PerSampleArrays = {
  readonly [Name in PerSampleName]: Owned<InstanceType<(typeof PER_SAMPLE)[Name]["array"]>>;
};

/**
 * Per-sample arrays of a solution, [B] each. `objective` is the minimised loss + prior/N at z, with N the number that the
 * sample's loss was divided by, and `initialObjective` is the same at z0; `loss` and `initialLoss` are the loss alone, `prior`
 * is the prior's value at z in nats, times its weight, and `gradientNorm` the norm of the objective's gradient at z.
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

/** What a solution records beside latents and losses. */
interface SolutionOptions {
  /** Order of the flow: 2 for one with velocities. Default 1. */
  readonly order?: 1 | 2;
  /** Takes points of each sample's path. Default: none are recorded. */
  readonly recording?: Recording | undefined;
  /** True if results have values of a prior. Default false. */
  readonly hasPrior?: boolean;
}

/**
 * Results of B samples, filled in as the samples end. z, [B, d], holds a sample's z0 before its solve, and its code
 * afterwards.
 */
export class Solution extends Arrays {
  readonly z: Float64Array;
  /** Velocities of a second-order flow, [B, d], 0 before the solve; undefined for the gradient flow. */
  readonly v: Float64Array | undefined;
  /** Recorded points of each sample's path; undefined if there are none. */
  readonly recording: Recording | undefined;
  /** Ends of all starts of each sample; undefined unless samples begin at several codes. */
  starts: EndsOfStarts | undefined;
  /** Number of values of each sample that are missing in the data, [B]. */
  readonly missing: Owned<Uint32Array>;
  /** Status code of each sample, [B]. */
  readonly codes: Uint8Array;
  /** Counts of samples that have ended, and of those with a finite loss, and the sum of their losses; shared with parts. */
  readonly ended: { count: number; losses: number; lossSum: number };

  /**
   * @param z0 initial latents, [B, d]. Default: zeros
   * @param whole solution of which this one is a part, with the samples that have ended counted in it
   */
  constructor(
    sampleCount: number,
    readonly latentSize: number,
    z0?: Float32Array | Float64Array,
    readonly options: SolutionOptions = {},
    whole?: Solution,
  ) {
    super(sampleCount);
    this.missing = new Uint32Array(sampleCount);
    this.ended = whole?.ended ?? { count: 0, losses: 0, lossSum: 0 };
    this.v = options.order === 2 ? new Float64Array(sampleCount * latentSize) : undefined;
    this.recording = options.recording;
    this.z = z0 ? new Float64Array(z0) : new Float64Array(sampleCount * latentSize);
    this.codes = new Uint8Array(sampleCount).fill(RUNNING);
  }

  /** Records objective, loss and prior of a sample at z0, which are at index `i` in the arrays of `values`. */
  begin(sample: number, values: Values, i: number): void {
    this.take(sample, values, i);
    this.initialObjective[sample] = values.objectives[i]!;
    this.initialLoss[sample] = values.losses[i]!;
  }

  /**
   * Records objective, loss and prior of a sample at its new z, which are at index `i` in the arrays of the second argument.
   */
  take(sample: number, { objectives, losses, priors }: Values, i: number): void {
    this.objective[sample] = objectives[i]!;
    this.loss[sample] = losses[i]!;
    this.prior[sample] = priors[i]!;
  }

  /** Marks a sample, whose results are complete, as ended, with the status of index `code` in STATUSES. */
  end(sample: number, code: number): void {
    this.codes[sample] = code;
    this.ended.count++;
    const loss = this.loss[sample]!;
    if (Number.isFinite(loss)) {
      this.ended.lossSum += loss;
      this.ended.losses++;
    }
  }

  /** Number of samples that have ended. */
  get done(): number {
    return this.ended.count;
  }

  /** Mean of the finite losses of samples that have ended; NaN while there are none. */
  get meanLoss(): number {
    return this.ended.lossSum / this.ended.losses;
  }

  /** Returns the status of each of B samples; "aborted" for samples that have not ended. */
  statuses(): Status[] {
    const statuses = new Array<Status>(this.codes.length);
    // Not Array.from, which goes through the typed array's iterator: ten times as slow.
    for (let sample = 0; sample < statuses.length; sample++) {
      statuses[sample] = STATUSES[this.codes[sample]!] ?? "aborted";
    }
    return statuses;
  }

  /** Returns the results for `encode`: latents and losses as float32, statistics as they are. */
  toResult(): Omit<EncodeResult, FieldOfCall> {
    return {
      z: new Float32Array(this.z),
      v: this.v && new Float32Array(this.v),
      loss: new Float32Array(this.loss),
      prior: this.options.hasPrior ? new Float32Array(this.prior) : undefined,
      objective: new Float32Array(this.objective),
      initialLoss: new Float32Array(this.initialLoss),
      gradientNorm: new Float32Array(this.gradientNorm),
      status: this.statuses(),
      missing: this.missing,
      trajectory: this.recording?.toTrajectories(this.latentSize),
      starts: this.starts,
      stats: statisticsOf(this),
    };
  }
}

function statisticsOf(solution: Solution): SolveStatistics {
  const names = Object.keys(STATISTICS) as (keyof typeof STATISTICS)[];
  return Object.fromEntries(names.map((name) => [name, solution[name]])) as unknown as SolveStatistics;
}
