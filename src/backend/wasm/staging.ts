import { Blocks } from "../../kernels/arena.ts";
import { LineSearch, paddedSize, Sample, SampleState } from "../../kernels/layout.ts";
import { collectRecord } from "../../solver/sample-record.ts";
import type { Task } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { allocateFixed } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import { lossFloor, lossScales, sampleTarget, sampleWeights, writeWeights } from "./workspace.ts";

/**
 * Makes a window on a call's samples: those in WASM memory, at most twice as many as are solved at once. They are being solved, wait
 * to be solved, or have finished and are to be collected. The window's size is bounded, however many samples the call has. Its
 * addresses are stored in the solver's struct.
 *
 * @param solver pointer to the solver's struct, which extends LineSearch of assembly/solve/line-search.ts
 * @param capacity number of samples that are solved at once
 * @param feed source of the samples to copy to WASM memory
 */
export function stageSamples(
  packed: PackedDecoder,
  { problem, solution }: Task,
  solver: number,
  capacity: number,
  feed: Feed,
) {
  const { arena, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rowSize = 4 * paddedSize(n);
  const places = Math.min(problem.sampleCount, 2 * capacity);
  const weightRows = !problem.weights ? 0 : problem.weights.length === n ? 1 : places;
  /** Index of the sample in each place of WASM memory; undefined in a free place. */
  const staged: (number | undefined)[] = new Array(places).fill(undefined);
  const blocks = new Blocks();
  const { layout } = blocks.add(() =>
    arena.allocate((piece) => ({
      samples: piece(Sample.size * places),
      targets: piece(rowSize * places),
      weights: piece(rowSize * weightRows),
      z: piece(8 * d * places),
    })),
  );
  const given = blocks.add(() => allocateFixed(packed, places));
  LineSearch.set(arena.view(), solver, { samples: layout.samples, sampleCount: places });
  /**
   * Factors of the loss and the prior that all samples share, if they have no weights or share one row of weights; undefined if
   * each sample has weights of its own.
   */
  const sharedScales = blocks.guard(() => {
    if (weightRows === 1) return writeWeights(problem, problem.weights!, arena.f32(layout.weights, n));
    return weightRows === 0 ? lossScales(problem) : undefined;
  });

  function record(place: number): number {
    return layout.samples + place * Sample.size;
  }

  function stage(view: DataView, place: number, sample: number): void {
    const target = layout.targets + place * rowSize;
    const z = layout.z + place * 8 * d;
    const weights = sharedScales ? undefined : sampleWeights(problem, sample);
    const weightRow = weightRows === 0 ? 0 : layout.weights + (weights ? place * rowSize : 0);
    const scales = weights ? writeWeights(problem, weights, arena.f32(weightRow, n)) : sharedScales!;
    arena.f32(target, n).set(sampleTarget(problem, sample));
    given.write(place, problem.fixed, sample);
    arena.f64(z, d).set(solution.z.subarray(sample * d, (sample + 1) * d));
    Sample.set(view, record(place), {
      state: SampleState.waiting,
      target,
      weights: weightRow,
      fixed: given.at(place),
      z,
      lossFloor: lossFloor(problem, sample),
      ...scales,
    });
  }

  /** Copies a sample's latent and statistics from WASM memory into its solution; its status too if it has finished. */
  function collect(view: DataView, place: number, sample: number): void {
    const at = record(place);
    solution.z.set(arena.f64(Sample.get(view, at, "z"), d), sample * d);
    collectRecord(view, at, solution, sample);
    if (Sample.get(view, at, "state") !== SampleState.done) return;
    solution.end(sample, Sample.get(view, at, "status"));
    feed.end(1);
  }

  return {
    /** Returns true if the results of all samples taken from the feed, the source of samples, have been collected. */
    isFinished: () => staged.every((sample) => sample === undefined),
    /** Collects the results of finished samples, and copies new samples into the free places of WASM memory. */
    exchange(): void {
      const view = arena.view();
      staged.forEach((sample, place) => {
        if (sample !== undefined) {
          if (Sample.get(view, record(place), "state") !== SampleState.done) return;
          collect(view, place, sample);
        }
        const next = feed.take(1)?.first;
        staged[place] = next;
        if (next !== undefined) stage(view, place, next);
        else Sample.set(view, record(place), { state: SampleState.empty });
      });
    },
    /**
     * Collects finished samples, and the current state of unfinished ones, which get no status. Called once, at the end of a call
     * or after its abort.
     */
    collectUnfinished(): void {
      const view = arena.view();
      staged.forEach((sample, place) => {
        if (sample !== undefined && Sample.get(view, record(place), "state") !== SampleState.waiting)
          collect(view, place, sample);
      });
    },
    free: blocks.free,
  };
}
