import type { Backend, CheckedPair, Problem } from "../backend/backend.ts";
import type { Bank } from "../backend/starts.ts";
import { loadObjectives } from "../backend/wasm/load-objectives.ts";
import { attached } from "../base/realms.ts";
import { objection } from "../base/refuse.ts";
import { rowsOfSamples } from "../base/rows.ts";
import type { Control } from "../solver/base.ts";
import type { BackendInfo } from "../solver/result.ts";
import type { Solution } from "../solver/solution.ts";
import type { Loss } from "../terms/losses.ts";
import type { Residual } from "../terms/residual.ts";
import { openSession, solve } from "./check-data.ts";
import {
  type MeasuredResidual,
  measuredResidual,
  whitened,
  whitenedDecoder,
  whiteningOf,
} from "./whitening.ts";

/** Function that solves a problem with a residual; `encode` has it from the residual. */
export type SolveWhitened = (
  backend: Backend,
  loss: Loss,
  problem: Problem,
  missing: Uint32Array | undefined,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
  starts: Bank | undefined,
) => Promise<BackendInfo | undefined>;

/** Makes a function that solves problems with a residual. */
export function solverWith(given: Residual): SolveWhitened {
  return (...run) => solveWhitened(given, ...run);
}

/**
 * Solves a problem in the whitened space of a decoder's residual: each sample's loss is the χ² of its fit, divided by the number of
 * its values that are seen. Samples that lack the same values, with the same weights, share a whitening.
 *
 * @param loss loss of the call; `problem` has it in its own units, without a scale
 * @param missing number of missing values of each sample, as `checkValues` returns it
 * @returns the backend that ran the call; undefined if an abort came before the work
 * @throws LatentflowError `invalid_argument` if the residual does not fit, or the loss is not a plain squared error
 */
async function solveWhitened(
  given: Residual,
  ...[backend, loss, problem, missing, pair, solution, control, starts]: Parameters<SolveWhitened>
): Promise<BackendInfo | undefined> {
  const { decoder } = problem;
  if (loss.name !== "squaredError" || loss.scale !== undefined) {
    throw objection("residual", "is for a squared error without a scale", '; give loss: "mse"');
  }
  if (control.aborted()) return undefined;
  // Imported at once, these parts would be in every program's bundle of `encode`.
  const { collectEnds, collectPart, noEnds, ownRows, partOfSolution } = await loadObjectives();
  const residual = await measuredResidual(decoder, given, backend, control);
  if (starts) solution.starts = noEnds(problem.sampleCount, solution.latentSize, starts.count);
  const m = decoder.outputSize;
  const isRecorded = solution.recording !== undefined;
  let info: BackendInfo | undefined;
  for (const { samples, seen, weights } of groupsOf(problem)) {
    await control.pause();
    if (control.aborted()) break;
    const part = partOfSolution(solution, samples);
    if (seen.length === 0) {
      // Only the prior says where such samples end.
      const group = {
        ...problem,
        ...ownRows(problem, samples),
        targets: rowsOfSamples(problem.targets, m, samples),
      };
      const session = await openSession(backend, decoder, "solve", { problem: group, pair, isRecorded });
      const unseen = new Uint32Array(samples.length).fill(m);
      await solve(session, group, unseen, pair, part, control, starts);
    } else {
      const whitening = whiteningOf(residual, seen, weights);
      const own = whitenedDecoder(decoder, whitening);
      const group: Problem = {
        ...problem,
        ...ownRows({ ...problem, weights: undefined }, samples),
        decoder: own,
        loss: { name: "squaredError", reduction: "mean" },
        targets: whitenedRows(problem, residual, whitening, samples),
        // ‖·‖²/m + 2·prior/m, of which the density is e to the power of -m/2 times it.
        prior: problem.prior && { ...problem.prior, weight: 2 * problem.prior.weight },
      };
      const session = await openSession(backend, own, "solve", {
        problem: group,
        pair,
        isRecorded,
      });
      info = session.info;
      await solve(session, group, undefined, pair, part, control, starts);
      part.prior.forEach((value, i) => {
        part.prior[i] = value / 2;
      });
      own.dispose();
    }
    collectPart(solution, part, samples);
    if (part.starts) collectEnds(solution.starts!, part.starts, samples);
  }
  if (missing) solution.missing.set(missing);
  return info;
}

/** Samples of which the same values are seen, with the same weights. */
interface Group {
  readonly samples: Uint32Array;
  readonly seen: readonly number[];
  /** Weights of the values, [m]; undefined for none. */
  readonly weights: Float32Array | undefined;
}

/** Divides samples by the values of them that are seen, and by their weights, in the order of each group's first sample. */
export function groupsOf({ decoder, sampleCount, targets, weights }: Problem): Group[] {
  const m = decoder.outputSize;
  const y = attached("y", targets);
  const groups = new Map<string, { samples: number[]; seen: number[]; weights: Float32Array | undefined }>();
  for (let sample = 0; sample < sampleCount; sample++) {
    const from = weights && weights.length > m ? sample * m : 0;
    const own = weights?.subarray(from, from + m);
    const seen: number[] = [];
    for (let i = 0; i < m; i++) {
      if (!Number.isNaN(y[sample * m + i]) && (own === undefined || own[i]! > 0)) seen.push(i);
    }
    const key = own ? `${seen};${seen.map((i) => own[i])}` : String(seen);
    const group = groups.get(key);
    if (group) group.samples.push(sample);
    else groups.set(key, { samples: [sample], seen, weights: own });
  }
  return [...groups.values()].map((group) => ({ ...group, samples: Uint32Array.from(group.samples) }));
}

/** Returns the whitened measurements of some samples, [samples, seen]. */
function whitenedRows(
  { targets, decoder }: Problem,
  residual: MeasuredResidual,
  whitening: ReturnType<typeof whiteningOf>,
  samples: Uint32Array,
): Float32Array {
  const m = decoder.outputSize;
  const k = whitening.seen.length;
  const rows = new Float32Array(samples.length * k);
  samples.forEach((sample, i) => {
    rows.set(whitened(whitening, residual, targets.subarray(sample * m, (sample + 1) * m)), i * k);
  });
  return rows;
}
