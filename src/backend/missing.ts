import { attached } from "../base/realms.ts";
import { rowsOfSamples } from "../base/rows.ts";
import type { Control } from "../solver/base.ts";
import type { Solution } from "../solver/solution.ts";
import { collectPart, partOfSolution } from "../solver/solution-part.ts";
import type { CheckedPair, Problem, Session } from "./backend.ts";
import { ownRows } from "./own-rows.ts";
import { type Bank, collectEnds, noEnds, solveFromStarts } from "./starts.ts";

// Missing values, which are NaN in the data, have weight 0. A sample without any is computed as in a call without missing values:
// kernels with and without weights round differently, and no result may depend on the other samples of a call.

/** Some samples of a problem, in a problem of their own. */
export interface Group {
  /** Numbers of the samples in the whole problem. */
  readonly samples: Uint32Array;
  readonly problem: Problem;
}

/** Returns the problem with weights of each sample: 0 where its data are NaN, else the problem's weights, or 1 if it has none. */
export function withSeenWeights(problem: Problem): Problem {
  const { targets, weights } = problem;
  const seen = targets.map((value, i) => (Number.isNaN(value) ? 0 : (weights?.[i % weights.length] ?? 1)));
  return { ...problem, weights: seen };
}

/**
 * Divides a problem into its samples without missing values and those with some, which get weights; one with weights is
 * not divided.
 *
 * @param missing number of values of each sample that are missing, [B]
 */
export function groupsOf(problem: Problem, missing: Uint32Array): Group[] {
  const all = missing.map((_, sample) => sample);
  if (problem.weights) return [{ samples: all, problem: withSeenWeights(problem) }];
  const complete = all.filter((sample) => missing[sample] === 0);
  const others = all.filter((sample) => missing[sample]! > 0);
  return [
    { samples: complete, problem: partOf(problem, complete) },
    { samples: others, problem: withSeenWeights(partOf(problem, others)) },
  ].filter(({ samples }) => samples.length > 0);
}

function partOf(problem: Problem, samples: Uint32Array): Problem {
  if (samples.length === problem.sampleCount) return problem;
  const targets = rowsOfSamples(attached("y", problem.targets), problem.decoder.outputSize, samples);
  return { ...problem, targets, ...ownRows(problem, samples) };
}

/** True if nothing is seen of a sample of a problem that `withSeenWeights` has made: a mean over no value is no number. */
export function isUnseen({ weights, decoder }: Problem, sample: number): boolean {
  const n = decoder.outputSize;
  return weights?.subarray(sample * n, (sample + 1) * n).every((weight) => weight === 0) ?? false;
}

/** Figures of a sample that are NaN if nothing is seen of it. */
const LOSSES = ["loss", "initialLoss", "objective", "initialObjective"] as const;

/**
 * Solves a problem whose data have missing values, as `session.solve` does one without.
 *
 * @param bank codes at which each sample begins, several of them. Default: each begins once, at its z in the solution
 */
export async function solveSeen(
  session: Session,
  problem: Problem,
  missing: Uint32Array,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
  bank?: Bank,
): Promise<void> {
  if (bank) solution.starts = noEnds(problem.sampleCount, solution.latentSize, bank.count);
  for (const { samples, problem: group } of groupsOf(problem, missing)) {
    const part = partOfSolution(solution, samples);
    if (bank) await solveFromStarts(session, group, bank, pair, part, control);
    else await session.solve(group, pair, part, control);
    for (let row = 0; row < samples.length; row++) {
      if (!isUnseen(group, row)) continue;
      for (const name of LOSSES) part[name][row] = Number.NaN;
      part.recording?.samples[row]?.losses.fill(Number.NaN);
      part.starts?.objective
        .subarray(row * part.starts.count, (row + 1) * part.starts.count)
        .fill(Number.NaN);
    }
    collectPart(solution, part, samples);
    if (part.starts) collectEnds(solution.starts!, part.starts, samples);
  }
  solution.missing.set(missing);
}
