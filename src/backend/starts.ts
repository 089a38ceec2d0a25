import { attached } from "../base/realms.ts";
import { gatherRows, scatterRows } from "../base/rows.ts";
import type { Control } from "../solver/base.ts";
import { allRows } from "../solver/objective.ts";
import { Recording } from "../solver/recording.ts";
import type { EndsOfStarts, SolveStatistics } from "../solver/result.ts";
import { PER_SAMPLE_NAMES, RUNNING, Solution } from "../solver/solution.ts";
import type { CheckedPair, Problem, Session } from "./backend.ts";
import { ownRows } from "./own-rows.ts";

// Several starts of each sample: each begins at those codes of a bank where its objective is lowest, and its lowest end is kept.

/** Codes of a bank, [K, d], and the number of starts of each sample, from 1 to K. */
export interface Bank {
  readonly codes: Float32Array;
  readonly count: number;
}

/** Maximum number of starts that are solved together, and of the values of their data: 64 MiB, and as many of weights. */
const MOST_STARTS = 4096;
const MOST_VALUES = 2 ** 24;

/** Statistics that count work: those of a sample are the sums over its starts. */
const COUNTS = [
  "acceptedSteps",
  "backtracks",
  "valueEvaluations",
  "gradientEvaluations",
  "matrixEvaluations",
] as const satisfies readonly (keyof SolveStatistics)[];

/** Allocates the ends of the starts of B samples, none of which has begun. */
export function noEnds(sampleCount: number, latentSize: number, count: number): EndsOfStarts {
  const size = sampleCount * count;
  return {
    count,
    codes: new Float32Array(size * latentSize).fill(Number.NaN),
    objective: new Float32Array(size).fill(Number.NaN),
    start: new Int32Array(size).fill(-1),
  };
}

/** Copies the ends of a part's starts to those of its samples in the whole. */
export function collectEnds(whole: EndsOfStarts, part: EndsOfStarts, samples: ArrayLike<number>): void {
  const { count, codes, objective, start } = part;
  scatterRows(codes, codes.length / samples.length, samples, whole.codes);
  scatterRows(objective, count, samples, whole.objective);
  for (let i = 0; i < samples.length; i++) {
    whole.start.set(start.subarray(i * count, (i + 1) * count), samples[i]! * count);
  }
}

/**
 * Solves a problem as `session.solve` does, each sample from those codes of the bank where its objective is lowest. The solution
 * gets the lowest end of each sample, and the ends of all its starts in `starts`. Samples are taken in slices, and no result
 * depends on how.
 */
export async function solveFromStarts(
  session: Session,
  problem: Problem,
  bank: Bank,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
): Promise<void> {
  const { sampleCount, decoder } = problem;
  solution.starts = noEnds(sampleCount, decoder.latentSize, bank.count);
  const rows = Math.min(MOST_STARTS, MOST_VALUES / decoder.outputSize);
  const size = Math.max(1, Math.floor(rows / bank.count));
  for (let first = 0; first < sampleCount && !control.aborted(); first += size) {
    const chosen = await chooseStarts(
      session,
      problem,
      bank,
      first,
      Math.min(size, sampleCount - first),
      control,
    );
    if (chosen) await solveSlice(session, problem, bank, chosen, pair, solution, control);
  }
}

/** Starts of consecutive samples, one after the other: those of a sample in the order of their objectives. */
interface Chosen {
  /** Index of the sample of each start. */
  readonly samples: Uint32Array;
  /** Index in the bank of the code of each start. */
  readonly codes: Int32Array;
}

/**
 * Evaluates the objective of each sample at every code, and chooses the codes where it is finite and lowest; of equal ones the
 * first. A sample without any begins at the first code, where its solve ends.
 *
 * @returns undefined after an abort
 */
async function chooseStarts(
  session: Session,
  problem: Problem,
  { codes, count }: Bank,
  first: number,
  size: number,
  control: Control,
): Promise<Chosen | undefined> {
  const { latentSize: d } = problem.decoder;
  const lists = Array.from(
    { length: size },
    (): { readonly code: number; readonly objective: number }[] => [],
  );
  const atOnce = session.objectiveSize(problem);
  for (let begin = 0; begin < size; begin += atOnce) {
    const rows = allRows(Math.min(atOnce, size - begin));
    const z = new Float64Array(rows.length * d);
    const objective = await session.objective(problem, first + begin, rows.length);
    try {
      for (let code = 0; code * d < codes.length; code++) {
        await control.pause();
        if (control.aborted()) return undefined;
        for (const row of rows) z.set(codes.subarray(code * d, (code + 1) * d), row * d);
        const values = await objective.value(rows, z);
        for (const row of rows) insert(lists[begin + row]!, { code, objective: values[row]! }, count);
      }
    } finally {
      objective.dispose();
    }
  }
  const starts = lists.flatMap((list, i) =>
    (list.length > 0 ? list : [{ code: 0 }]).map(({ code }) => ({ sample: first + i, code })),
  );
  return {
    samples: Uint32Array.from(starts, ({ sample }) => sample),
    codes: Int32Array.from(starts, ({ code }) => code),
  };
}

/** Inserts an entry into a list of at most `most` entries in ascending order, behind equal ones, unless it is not finite. */
function insert<Entry extends { readonly objective: number }>(
  list: Entry[],
  entry: Entry,
  most: number,
): void {
  if (!Number.isFinite(entry.objective)) return;
  let at = list.length;
  while (at > 0 && entry.objective < list[at - 1]!.objective) at--;
  if (at === most) return;
  list.splice(at, 0, entry);
  if (list.length > most) list.pop();
}

/** Solves the starts of some samples, and keeps the lowest end of each sample. */
async function solveSlice(
  session: Session,
  problem: Problem,
  { codes }: Bank,
  chosen: Chosen,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
): Promise<void> {
  const { decoder, targets } = problem;
  const { latentSize: d, outputSize: n } = decoder;
  const { options, ended } = solution;
  const { samples } = chosen;
  const z0 = gatherRows(codes, d, chosen.codes, new Float64Array(samples.length * d));
  const recording = options.recording && new Recording(options.recording.saveAt, samples.length);
  const part = new Solution(samples.length, d, z0, { ...options, recording });
  const sampleCount = samples.at(-1)! - samples[0]! + 1;
  const before = { ...ended };
  // Until all have ended, the starts that have ended stand for their samples in the progress.
  const counting: Control = {
    aborted: () => control.aborted(),
    pause() {
      ended.count = before.count + Math.floor((part.done / samples.length) * sampleCount);
      ended.losses = before.losses + part.ended.losses;
      ended.lossSum = before.lossSum + part.ended.lossSum;
      return control.pause();
    },
  };
  const rows: Problem = {
    ...problem,
    targets: gatherRows(attached("y", targets), n, samples, new Float32Array(samples.length * n)),
    ...ownRows(problem, samples),
  };
  await session.solve(rows, pair, part, counting);
  Object.assign(ended, before);
  for (let row = 0; row < samples.length; ) {
    let end = row + 1;
    while (samples[end] === samples[row]) end++;
    keepLowest(solution, part, chosen, row, end, codes.length / d);
    row = end;
  }
}

/**
 * Copies the lowest end of a sample, of rows first … end - 1 of the part, to the whole solution, and all its ends in ascending
 * order; of equal ones that of the lower start comes first.
 *
 * @param evaluated number of codes at which the objective was evaluated
 */
function keepLowest(
  whole: Solution,
  part: Solution,
  { samples, codes }: Chosen,
  first: number,
  end: number,
  evaluated: number,
): void {
  const { latentSize: d } = part;
  const sample = samples[first]!;
  const orderOf = (row: number) => {
    const objective = part.objective[row]!;
    return Number.isNaN(objective) ? Number.POSITIVE_INFINITY : objective;
  };
  const rows = Array.from({ length: end - first }, (_, i) => first + i);
  const ordered = [...rows].sort((a, b) => {
    const [lower, other] = [orderOf(a), orderOf(b)];
    return lower < other ? -1 : lower > other ? 1 : a - b;
  });
  const kept = ordered[0]!;
  whole.z.set(part.z.subarray(kept * d, (kept + 1) * d), sample * d);
  whole.v?.set(part.v!.subarray(kept * d, (kept + 1) * d), sample * d);
  if (part.recording) whole.recording!.samples[sample] = part.recording.samples[kept]!;
  for (const name of PER_SAMPLE_NAMES) whole[name][sample] = part[name][kept]!;
  for (const name of COUNTS) whole[name][sample] = rows.reduce((sum, row) => sum + part[name][row]!, 0);
  whole.valueEvaluations[sample]! += evaluated;
  const ends = whole.starts!;
  for (const [rank, row] of ordered.entries()) {
    const at = sample * ends.count + rank;
    ends.codes.set(part.z.subarray(row * d, (row + 1) * d), at * d);
    ends.objective[at] = part.objective[row]!;
    ends.start[at] = codes[row]!;
  }
  if (!rows.some((row) => part.codes[row] === RUNNING)) whole.end(sample, part.codes[kept]!);
}
