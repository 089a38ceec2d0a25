import type { Owned } from "../base/owned.ts";
import type { Values } from "./objective.ts";
import { type RecordedSample, Recording, type SaveAt } from "./recording.ts";
import { type EncodeResult, type SolveStatistics, STATUSES, type Status } from "./result.ts";

const RUNNING = 255;

type OfSums = "objective" | "initialObjective";
type OfTerms = "loss" | "initialLoss" | "prior";
type PerSample = OfSums | OfTerms | "gradientNorm" | keyof SolveStatistics;

/** The results that are one number for each sample. */
export const PER_SAMPLE = Object.keys({
  ...{ objective: true, initialObjective: true, loss: true, initialLoss: true, prior: true },
  ...{ gradientNorm: true, acceptedSteps: true, backtracks: true },
  ...{ valueEvaluations: true, gradientEvaluations: true, matrixEvaluations: true, t: true },
  remainingFall: true,
} satisfies Record<PerSample, true>) as PerSample[];

/** The results of some samples of a solution, for another one; they may have come from another thread. */
export interface SolutionPart {
  readonly z: Float64Array;
  readonly v: Float64Array | undefined;
  readonly numbers: { readonly [Name in PerSample]: Float64Array };
  readonly codes: Uint8Array;
  readonly recorded: readonly RecordedSample[] | undefined;
}

/** The results of B samples, filled in as they end. z holds each sample's z0 before, its code after. */
export class Solution {
  readonly z: Float64Array;
  /** The velocities, 0 before, of a flow of second order. */
  readonly v: Float64Array | undefined;
  /** The points on the way, if they are asked for. */
  readonly recording: Recording | undefined;
  /** What a solver lowers: the loss, and a prior's share where there is one. At z, and at z0. */
  readonly objective: Float64Array;
  readonly initialObjective: Float64Array;
  /** The loss alone, at z and at z0; and the prior's value at z, in nats times its weight. */
  readonly loss: Float64Array;
  readonly initialLoss: Float64Array;
  readonly prior: Float64Array;
  /** Of the objective, at z. */
  readonly gradientNorm: Float64Array;
  readonly acceptedSteps: Owned<Uint32Array>;
  readonly backtracks: Owned<Uint32Array>;
  readonly valueEvaluations: Owned<Uint32Array>;
  readonly gradientEvaluations: Owned<Uint32Array>;
  readonly matrixEvaluations: Owned<Uint32Array>;
  readonly t: Owned<Float64Array>;
  readonly remainingFall: Owned<Float64Array>;
  /** How many samples have ended. */
  done = 0;
  /** Over the samples that have ended with a finite loss: its sum, and how many they are. */
  lossSum = 0;
  lossCount = 0;
  /** Called when a sample has ended; for whoever shares the samples out. */
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
    this.latentSize = latentSize;
    this.v = options.order === 2 ? new Float64Array(sampleCount * latentSize) : undefined;
    this.recording = options.saveAt && new Recording(options.saveAt, sampleCount);
    this.z = z0 ? new Float64Array(z0) : new Float64Array(sampleCount * latentSize);
    this.hasPrior = options.hasPrior ?? false;
    this.objective = new Float64Array(sampleCount).fill(Number.NaN);
    this.initialObjective = new Float64Array(sampleCount).fill(Number.NaN);
    this.loss = new Float64Array(sampleCount).fill(Number.NaN);
    this.initialLoss = new Float64Array(sampleCount).fill(Number.NaN);
    this.prior = new Float64Array(sampleCount).fill(Number.NaN);
    this.gradientNorm = new Float64Array(sampleCount).fill(Number.NaN);
    this.acceptedSteps = new Uint32Array(sampleCount);
    this.backtracks = new Uint32Array(sampleCount);
    this.valueEvaluations = new Uint32Array(sampleCount);
    this.gradientEvaluations = new Uint32Array(sampleCount);
    this.matrixEvaluations = new Uint32Array(sampleCount);
    this.t = new Float64Array(sampleCount);
    this.remainingFall = new Float64Array(sampleCount).fill(Number.POSITIVE_INFINITY);
    this.codes = new Uint8Array(sampleCount).fill(RUNNING);
  }

  /** Takes a sample's value at z0: element i of the values. */
  begin(sample: number, values: Values, i: number): void {
    this.take(sample, values, i);
    this.initialObjective[sample] = values.objectives[i]!;
    this.initialLoss[sample] = values.losses[i]!;
  }

  /** Takes a sample's value at its new z. */
  take(sample: number, { objectives, losses, priors }: Values, i: number): void {
    this.objective[sample] = objectives[i]!;
    this.loss[sample] = losses[i]!;
    this.prior[sample] = priors[i]!;
  }

  /** Sets the status of a sample whose results are all there; `code` is its index in STATUSES. */
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

  /** Copies the results of samples, ended or not, out; default all. */
  copyOut(samples: readonly number[] = Array.from(this.objective.keys())): SolutionPart {
    const gather = (values: ArrayLike<number>) => Float64Array.from(samples, (sample) => values[sample]!);
    const numbers = Object.fromEntries(PER_SAMPLE.map((name) => [name, gather(this[name])]));
    return {
      z: this.gatherStates(this.z, samples),
      v: this.v && this.gatherStates(this.v, samples),
      numbers: numbers as SolutionPart["numbers"],
      codes: Uint8Array.from(samples, (sample) => this.codes[sample]!),
      recorded: this.recording && samples.map((sample) => this.recording!.samples[sample]!),
    };
  }

  /** Takes results over: `part` of another solution becomes that of `samples`, which end where they have there. A sample -1 is left out. */
  copyIn(samples: ArrayLike<number>, part: SolutionPart): void {
    const d = this.latentSize;
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      if (sample < 0) continue;
      this.z.set(part.z.subarray(i * d, (i + 1) * d), sample * d);
      if (part.v) this.v?.set(part.v.subarray(i * d, (i + 1) * d), sample * d);
      for (const name of PER_SAMPLE) this[name][sample] = part.numbers[name][i]!;
      if (part.recorded) this.recording?.put(sample, part.recorded[i]!);
      if (part.codes[i] !== RUNNING) this.end(sample, part.codes[i]!);
    }
  }

  private gatherStates(states: Float64Array, samples: readonly number[]): Float64Array {
    const d = this.latentSize;
    const gathered = new Float64Array(samples.length * d);
    samples.forEach((sample, i) => {
      gathered.set(states.subarray(sample * d, (sample + 1) * d), i * d);
    });
    return gathered;
  }

  /** NaN while there are none. */
  get meanLoss(): number {
    return this.lossSum / this.lossCount;
  }

  /** B statuses; samples without one were cut off by an abort. */
  statuses(): Status[] {
    const statuses = new Array<Status>(this.codes.length);
    // Array.from goes through a typed array by its iterator, ten times as slowly.
    for (let sample = 0; sample < statuses.length; sample++) {
      statuses[sample] = STATUSES[this.codes[sample]!] ?? "aborted";
    }
    return statuses;
  }

  /** In the form of a result: float32 where the result has it. */
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
      stats: {
        acceptedSteps: this.acceptedSteps,
        backtracks: this.backtracks,
        valueEvaluations: this.valueEvaluations,
        gradientEvaluations: this.gradientEvaluations,
        matrixEvaluations: this.matrixEvaluations,
        t: this.t,
        remainingFall: this.remainingFall,
      },
    };
  }
}
