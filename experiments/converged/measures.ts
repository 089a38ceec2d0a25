import { type OwnMethod, solvingBy } from "../../bench/own-method.ts";
import { passesOf } from "../../bench/passes.ts";
import { mean } from "../../bench/timing.ts";
import {
  amd,
  type EncodeResult,
  encode,
  type GradientFlow,
  gradientFlow,
  lbfgs,
  type Solver,
} from "../../src/index.ts";
import { evaluateOnly, evaluateStarts } from "../../src/solver/evaluate-only.ts";
import { meanOfFinite } from "../../src/solver/result.ts";
import type { Status } from "../../src/solver/status.ts";
import { carefulDescent } from "./careful-descent.ts";
import { backend, type Subject } from "./case.ts";
import type { Start } from "./starts.ts";

type UnitFlowSolver = Solver<GradientFlow<1>>;

/**
 * Solvers whose "converged" is examined, each as it comes, but that amd takes 2,000 steps at most: from near the singular point of
 * a norm it takes all of its 10,000, with many trials each.
 */
export const SOLVERS = { lbfgs: lbfgs(), amd: amd({ maxSteps: 2000 }) } as const satisfies Record<
  string,
  UnitFlowSolver
>;
export type SolverName = keyof typeof SOLVERS;
export const SOLVER_NAMES = Object.keys(SOLVERS) as SolverName[];

/** The ends of a case's samples, and what goes on from there. */
interface Ends {
  readonly result: EncodeResult;
  /** Objectives at z0; a result has the losses, without a prior. */
  readonly initial: Float32Array;
  /** The same solver once more. */
  readonly second: EncodeResult;
  /** A careful descent of so many evaluations, losses and gradients together. */
  careful(evaluations: number): Promise<EncodeResult>;
}

/** Least further fall that counts, as shares: a fall has to exceed the first and the last together, and `ofFall`. */
interface Shares {
  readonly ofObjective: number;
  /** Of what has fallen from z0 to the end. */
  readonly ofFall: number;
  /** Of the objective at z0: float32 cannot tell 2e-7 of it from nothing. */
  readonly ofInitial: number;
}

/** A lie: the objective falls by more than 1 %, and by more than 0.1 % of what has fallen from z0. */
const LIE: Shares = { ofObjective: 0.01, ofFall: 1e-3, ofInitial: 2e-7 };
/** 5e-7 of the objective is four times what a float32 evaluation may be off by. */
const early = (ofFall: number): Shares => ({ ofObjective: 5e-7, ofFall, ofInitial: 0 });

/** How an end that is called converged may be found not to be. */
interface Measure {
  /** Head of a table's column. */
  readonly title: string;
  /** Is it measured only with `--long`? */
  readonly isSlow?: true;
  /** Solvers whose results have what it needs. Default: all. */
  readonly solvers?: readonly SolverName[];
  /** Indices of samples: those called converged among them count. */
  readonly find: (ends: Ends) => Promise<readonly number[]>;
}

/** Every measure, by its name in the records. */
export const MEASURES = {
  short: { title: "short lies", find: async (ends) => falling(ends, await ends.careful(40), LIE) },
  long: {
    title: "long lies",
    isSlow: true,
    find: async (ends) => falling(ends, await ends.careful(400), LIE),
  },
  early: { title: "too early by 1e-5", find: async (ends) => falling(ends, ends.second, early(1e-5)) },
  tooEarly: { title: "too early by 1e-4", find: async (ends) => falling(ends, ends.second, early(1e-4)) },
  beyond: {
    title: "beyond remainingFall",
    solvers: ["lbfgs"],
    find: async (ends) => beyondRemaining(ends),
  },
} as const satisfies Record<string, Measure>;
export type MeasureName = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as MeasureName[];

/** Indices of the samples called converged that are not, by the measures that were made. */
export type Findings = { readonly [M in MeasureName]?: readonly number[] };

/** Ends of one solver, of one decoder's samples from one start. */
export interface CaseRecord extends Findings {
  readonly solver: SolverName;
  readonly family: string;
  readonly name: string;
  readonly start: Start;
  readonly latents: number;
  readonly samples: number;
  readonly statuses: Partial<Record<Status, number>>;
  /** How many are called converged at z0, without a step; and how many of them since their gradient is 0. */
  readonly unmoved: number;
  readonly withoutGradient: number;
  /** Passes of each sample: values, gradients and tangents. */
  readonly passes: readonly number[];
  /** Mean passes of a second call. */
  readonly secondPasses: number;
  /** Means over the samples where it is finite. */
  readonly initialObjective: number;
  readonly objective: number;
  /** Of each sample at the end. */
  readonly objectives: readonly number[];
  /** Mean objective that the longest careful descent came to. */
  readonly carefulObjective: number;
}

export interface MeasureOptions {
  readonly solver: SolverName;
  /** Are slow measures made, too? */
  readonly long: boolean;
}

/** The measures that options ask for. */
export function measuresOf({ long, solver }: MeasureOptions): MeasureName[] {
  return MEASURE_NAMES.filter((name) => {
    const { isSlow, solvers }: Measure = MEASURES[name];
    return (long || !isSlow) && (!solvers || solvers.includes(solver));
  });
}

/**
 * Encodes a subject, and examines the ends that are called converged.
 *
 * @param z0 B × latentSize; undefined: 0
 */
export async function measure(
  subject: Subject,
  z0: Float32Array | undefined,
  options: MeasureOptions,
): Promise<Omit<CaseRecord, "family" | "name" | "start">> {
  const { sampleCount, decoder } = subject;
  const d = decoder.latentSize;
  const { careful, ...ends } = await endsOf(subject, z0, options.solver);
  let lowest = ends.result;
  const findings: { [M in MeasureName]?: readonly number[] } = {};
  for (const name of measuresOf(options)) {
    const found = await MEASURES[name].find({
      ...ends,
      careful: async (evaluations) => {
        lowest = await careful(evaluations);
        return lowest;
      },
    });
    findings[name] = found.filter((i) => ends.result.status[i] === "converged");
  }
  const { result, initial, second } = ends;
  const unmoved = result.status.flatMap((each, i) => {
    return each === "converged" && result.stats.acceptedSteps[i] === 0 ? [i] : [];
  });
  return {
    solver: options.solver,
    latents: d,
    samples: sampleCount,
    statuses: countStatuses(result),
    ...findings,
    unmoved: unmoved.length,
    withoutGradient: unmoved.filter((i) => result.gradientNorm[i] === 0).length,
    passes: Array.from(passesOf(result, d)),
    secondPasses: mean(passesOf(second, d)),
    initialObjective: meanOfFinite(initial),
    objective: meanOfFinite(result.objective),
    objectives: Array.from(result.objective),
    carefulObjective: meanOfFinite(lowest.objective),
  };
}

const atStarts: OwnMethod = (objective, solution, first, control) =>
  evaluateStarts(evaluateOnly, { objective, flow: gradientFlow(), solution, first, control });

async function endsOf(
  { decoder, y, options, units }: Subject,
  z0: Float32Array | undefined,
  solverName: SolverName,
): Promise<Ends> {
  const encodeFrom = (from: Float32Array | undefined, solver: UnitFlowSolver, by = backend) =>
    encode(decoder, y, { ...options, backend: by, solver, ...(from && { z0: from }) });
  const solver = SOLVERS[solverName];
  const result = await encodeFrom(z0, solver);
  const encodeBy = (from: Float32Array | undefined, method: OwnMethod) =>
    encodeFrom(from, solver, solvingBy(backend, method));
  return {
    result,
    second: await encodeFrom(result.z, solver),
    initial: (await encodeBy(z0, atStarts)).objective,
    careful: (evaluations) => encodeBy(result.z, carefulDescent({ evaluations, units })),
  };
}

/** Indices of samples whose objective falls further in `other`, by more than the shares. */
function falling(
  { result: { objective }, initial }: Ends,
  other: EncodeResult,
  { ofObjective, ofFall, ofInitial }: Shares,
): number[] {
  return Array.from(objective.keys()).filter((i) => {
    const [end, begin] = [objective[i]!, initial[i]!];
    const further = end - other.objective[i]!;
    const shown = ofObjective * Math.abs(end) + ofInitial * Math.abs(begin);
    return further > shown && further > ofFall * (begin - end);
  });
}

/** Indices of samples that a second call lowers by more than `stats.remainingFall`, which is Infinity where nothing is said. */
function beyondRemaining({ result: { objective, stats }, second }: Ends): number[] {
  return Array.from(objective.keys()).filter((i) => {
    return objective[i]! - second.objective[i]! > stats.remainingFall[i]!;
  });
}

function countStatuses({ status }: EncodeResult): Partial<Record<Status, number>> {
  const counts: Partial<Record<Status, number>> = {};
  for (const each of status) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}
