import type { Owned } from "../base/owned.ts";
import type { Values } from "./objective.ts";
import { Recording, type SaveAt } from "./recording.ts";
import { type EncodeResult, type FieldOfCall, type SolveStatistics, STATISTICS } from "./result.ts";
import { STATUSES, type Status } from "./status.ts";

/** Status code of a sample that has not ended; the codes of ended samples are indices in STATUSES. */
const RUNNING = 255;

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

/**
 * Results of B samples, filled in as the samples end. z, [B, d], holds a sample's z0 before its solve, and its code
 * afterwards.
 */
export class Solution extends Arrays {
  readonly z: Float64Array;
  /** Velocities of a second-order flow, [B, d], 0 before the solve; undefined for the gradient flow. */
  readonly v: Float64Array | undefined;
  /** Recorded points of each sample's path; undefined unless `saveAt` was given. */
  readonly recording: Recording | undefined;
  /** Number of samples that have ended. */
  done = 0;
  /** Sum of the finite losses of samples that have ended. */
  lossSum = 0;
  /** Number of samples that have ended with a finite loss. */
  lossCount = 0;
  private readonly codes: Uint8Array;
  private readonly latentSize: number;
  private readonly hasPrior: boolean;

  /**
   * @param z0 initial latents, [B, d]. Default: zeros
   * @param options `order` of the flow, 1 (the default) or 2 for one with velocities; `hasPrior` if results have values of a
   *   prior
   */
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
    this.done++;
    const loss = this.loss[sample]!;
    if (Number.isFinite(loss)) {
      this.lossSum += loss;
      this.lossCount++;
    }
  }

  /** Copies the results of another solution, whose sample i becomes sample `first` + i, but for recorded points. */
  copyFrom(part: Solution, first: number): void {
    this.z.set(part.z, first * this.latentSize);
    if (part.v) this.v?.set(part.v, first * this.latentSize);
    for (const name of PER_SAMPLE_NAMES) this[name].set(part[name], first);
    part.codes.forEach((code, i) => {
      if (code !== RUNNING) this.end(first + i, code);
    });
  }

  /** Mean of the finite losses of samples that have ended; NaN while there are none. */
  get meanLoss(): number {
    return this.lossSum / this.lossCount;
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
