import { passesOf } from "../../bench/passes.ts";
import { mean } from "../../bench/timing.ts";
import { amd, type EncodeResult, encode, type GradientFlow, lbfgs, type Solver } from "../../src/index.ts";
import { meanOfFinite, type Status } from "../../src/result.ts";
import { stay } from "../../src/solver/stay.ts";
import { carefulDescent } from "./careful-descent.ts";
import { backend, type Subject } from "./case.ts";
import { type Start, startsAt } from "./starts.ts";

/** Solvers whose "converged" is examined, each as it comes. */
export const SOLVERS = { lbfgs: lbfgs(), amd: amd() } as const satisfies Record<
  string,
  Solver<GradientFlow<1>>
>;
export type SolverName = keyof typeof SOLVERS;

/** Evaluations of a careful descent from an end, losses and gradients together. */
const EVALUATIONS = { short: 40, long: 400 } as const;

/** Shares that a further fall of the objective is held against; it has to exceed them. */
interface Shares {
  readonly ofObjective: number;
  readonly ofFall: number;
  readonly ofInitial: number;
}

/**
 * An end is a lie where a careful descent lowers the objective by more than 1 % of it, and by more than 1e-3 of what has fallen
 * already and 2e-7 of the objective at z0, which float32 cannot tell from nothing.
 */
const LIE: Shares = { ofObjective: 0.01, ofFall: 1e-3, ofInitial: 2e-7 };
/** It is too early where a second call from it lowers the objective by more than these shares. */
const EARLY: Shares = { ofObjective: 1e-5, ofFall: 1e-4, ofInitial: 0 };

/** Ends of one solver, of one decoder's samples from one start. */
export interface CaseRecord {
  readonly solver: SolverName;
  readonly family: string;
  readonly name: string;
  readonly start: Start;
  readonly latents: number;
  readonly samples: number;
  readonly statuses: Partial<Record<Status, number>>;
  /** Indices of samples that are called converged and are not: see `EVALUATIONS`. */
  readonly short: readonly number[];
  /** Undefined where it was not examined. */
  readonly long?: readonly number[];
  /** Indices of samples that are called converged and go on in a second call. */
  readonly early: readonly number[];
  /** How many are called converged at z0, where the gradient is 0 or nearly so. */
  readonly unmoved: number;
  /** Passes of each sample: values, gradients and tangents. */
  readonly passes: readonly number[];
  /** Mean passes of the second call. */
  readonly secondPasses: number;
  /** Means over the samples at whose z0 the objective is finite. */
  readonly initialObjective: number;
  readonly objective: number;
  /** Of each sample at the end. */
  readonly objectives: readonly number[];
  /** Mean objective to which the careful descents came. */
  readonly carefulObjective: number;
}

export interface MeasureOptions {
  readonly solver: SolverName;
  /** Are long lies looked for, too? */
  readonly long?: boolean;
}

/** Encodes a subject, and examines the ends that are called converged. */
export async function measure(
  { decoder, y, sampleCount, options, units }: Subject,
  start: Start,
  { solver: solverName, long = false }: MeasureOptions,
): Promise<Omit<CaseRecord, "family" | "name">> {
  const d = decoder.latentSize;
  const encodeFrom = (z0: Float32Array | undefined, solver: Solver<GradientFlow<1>>) =>
    encode(decoder, y, { ...options, backend, solver, ...(z0 && { z0 }) });
  const solver = SOLVERS[solverName];
  const z0 = startsAt(start, sampleCount, d, units);
  const result = await encodeFrom(z0, solver);
  const second = await encodeFrom(result.z, solver);
  const onwards = (evaluations: number) => encodeFrom(result.z, carefulDescent({ evaluations, units }));
  const short = await onwards(EVALUATIONS.short);
  const far = long ? await onwards(EVALUATIONS.long) : undefined;
  // A result has the loss at z0, without a prior.
  const { objective: initial } = await encodeFrom(z0, stay);
  const lower = (other: EncodeResult, shares: Shares) => falling(result, initial, other, shares);
  return {
    ...{ solver: solverName, start, latents: d, samples: sampleCount, statuses: countStatuses(result) },
    short: lower(short, LIE),
    ...(far && { long: lower(far, LIE) }),
    early: lower(second, EARLY),
    unmoved: result.status.filter((each, i) => each === "converged" && result.stats.acceptedSteps[i] === 0)
      .length,
    passes: Array.from(passesOf(result, d)),
    secondPasses: mean(passesOf(second, d)),
    initialObjective: meanOfFinite(initial),
    objective: meanOfFinite(result.objective),
    objectives: Array.from(result.objective),
    carefulObjective: meanOfFinite((far ?? short).objective),
  };
}

/** Indices of the converged samples whose objective falls further in `other`, by more than the shares. */
function falling(
  { status, objective }: EncodeResult,
  initial: Float32Array,
  other: EncodeResult,
  { ofObjective, ofFall, ofInitial }: Shares,
): number[] {
  return status.flatMap((each, i) => {
    const [end, begin] = [objective[i]!, initial[i]!];
    const further = end - other.objective[i]!;
    const isMore =
      further > ofObjective * Math.abs(end) + ofInitial * Math.abs(begin) && further > ofFall * (begin - end);
    return each === "converged" && isMore ? [i] : [];
  });
}

function countStatuses({ status }: EncodeResult): Partial<Record<Status, number>> {
  const counts: Partial<Record<Status, number>> = {};
  for (const each of status) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}
