import { layersOf } from "../../src/graph/layers.ts";
import { bestOf, compilePeak } from "../peak.ts";
import { latentflowGradient } from "./latentflow.ts";
import type { GradientRun, Peer, Task } from "./peer.ts";
import { inTurns, medianOf, type Rounds, ratioOf, type Timed } from "./rounds.ts";

export const RELAXED = "latentflow, relaxed SIMD";
export const PLAIN = "latentflow, plain SIMD";
const PEAK = "register peak";

/**
 * A run does z-gradients of so many samples, or of one batch where that is more. As in a flow, where hundreds of passes
 * follow each other, the first few, which fetch what the run before has pushed out of the caches, are a small part. (With
 * 200 all took a few per cent longer.)
 */
const SAMPLES_A_RUN = 600;

/** The largest difference from our gradient that counts as rounding, as a share of the row's largest gradient. */
const TOLERANCE = 1e-3;

/** One implementation's figures at one size of batch. */
export interface GradientFigure {
  readonly name: string;
  readonly rows: number;
  readonly microsecondsPerSample: number;
  /** Of the relaxed build's peak, measured in the same rounds; the plain build's is of its own. */
  readonly shareOfPeak: number;
  /** Its time divided by that of our relaxed build. */
  readonly ratio: number;
}

/** The z-gradients of all, each checked against ours before any is timed. */
export async function measureGradients(
  task: Task,
  peers: readonly Peer[],
  batches: readonly number[],
  rounds: number,
): Promise<GradientFigure[]> {
  const prepared: { readonly rows: number; readonly runs: ReadonlyMap<string, GradientRun> }[] = [];
  for (const rows of batches) {
    const runs = new Map<string, GradientRun>([
      [RELAXED, await latentflowGradient(task, true, rows)],
      [PLAIN, await latentflowGradient(task, false, rows)],
    ]);
    for (const peer of peers) runs.set(peer.name, await peer.gradient(rows));
    await checkAlike(runs, PLAIN, task.decoder.latentSize, TOLERANCE);
    prepared.push({ rows, runs });
  }

  const peak = await compilePeak("relaxed");
  const plainPeak = await compilePeak("plain");
  const operations = 4 * layersOf(task.decoder).reduce((sum, { weight }) => sum + weight.length, 0);
  const figures: GradientFigure[] = [];
  for (const { rows, runs } of prepared) {
    const repeats = Math.ceil(SAMPLES_A_RUN / rows);
    const cases: Timed[] = [
      { name: PEAK, time: async () => bestOf(peak) },
      { name: `${PEAK}, plain`, time: async () => bestOf(plainPeak) },
    ];
    for (const [name, run] of runs) {
      await run.run(repeats);
      cases.push({ name, time: async () => ((await run.run(repeats)) * 1000) / (rows * repeats) });
    }
    const times = await inTurns(cases, rounds);
    for (const name of runs.keys()) {
      figures.push({
        name,
        rows,
        microsecondsPerSample: medianOf(times, name),
        shareOfPeak: shareOf(times, name, operations),
        ratio: ratioOf(times, name, RELAXED),
      });
    }
  }
  return figures;
}

function shareOf(times: Rounds, name: string, operations: number): number {
  const peaks = times.get(name === PLAIN ? `${PEAK}, plain` : PEAK)!;
  const shares = times
    .get(name)!
    .map((microseconds, round) => operations / (microseconds * 1000) / peaks[round]!);
  return shares.sort((a, b) => a - b)[shares.length >> 1]!;
}

/**
 * Holds the gradients of all runs against those of one of them.
 *
 * @param tolerance the largest difference that counts as rounding, as a share of the row's largest element
 * @throws Error that names the first run whose gradient is another one
 */
export async function checkAlike(
  runs: ReadonlyMap<string, GradientRun>,
  reference: string,
  latentSize: number,
  tolerance: number,
): Promise<void> {
  const expected = Float32Array.from(await runs.get(reference)!.gradients());
  for (const [name, run] of runs) {
    const off = largestDifference(await run.gradients(), expected, latentSize);
    if (!(off <= tolerance)) {
      throw new Error(
        `${name}: its gradient differs from that of ${reference} by ${off} of the row's largest element, expected at most ${tolerance}`,
      );
    }
  }
}

/** The largest difference of two gradients, each row's as a share of its largest element; NaN for other sizes. */
export function largestDifference(theirs: Float32Array, ours: Float32Array, latentSize: number): number {
  if (theirs.length !== ours.length) return Number.NaN;
  let largest = 0;
  for (let row = 0; row < ours.length; row += latentSize) {
    let size = 0;
    let off = 0;
    for (let k = row; k < row + latentSize; k++) {
      size = Math.max(size, Math.abs(ours[k]!));
      off = Math.max(off, Math.abs(theirs[k]! - ours[k]!));
    }
    largest = Math.max(largest, off / size);
  }
  return largest;
}
