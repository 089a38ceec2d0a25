import { Blocks } from "../../kernels/arena.ts";
import { LineSearch, paddedSize, Sample, SampleState } from "../../kernels/layout.ts";
import { collectRecord } from "../../solver/sample-record.ts";
import type { Task } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { allocateFixed, type FixedRows } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import {
  type LossScales,
  lossFloor,
  lossScales,
  sampleTarget,
  sampleWeights,
  writeWeights,
} from "./workspace.ts";

/**
 * Window on a call's samples: those in WASM memory, at most twice as many as are solved at once. They are being solved, wait
 * to be solved, or have finished and are to be collected. The window's size is bounded, however many samples the call has.
 */
export class Staging {
  private readonly blocks = new Blocks();
  private readonly layout;
  private readonly given: FixedRows;
  /** Index of the sample in each place of WASM memory; undefined in a free place. */
  private readonly places: (number | undefined)[];
  private readonly hasWeights: boolean;
  /**
   * Factors of the loss and the prior that all samples share, if they have no weights or share one row of weights; undefined if
   * each sample has weights of its own.
   */
  private readonly sharedScales: LossScales | undefined;

  /**
   * Allocates WASM memory for the samples that are kept there, at most 2 · capacity, and stores its addresses in the solver's
   * struct.
   *
   * @param solver pointer to the solver's struct, which extends LineSearch of assembly/solve/line-search.ts
   * @param capacity number of samples that are solved at once
   * @param feed source of the samples to copy to WASM memory
   */
  constructor(
    private readonly packed: PackedDecoder,
    private readonly task: Task,
    solver: number,
    capacity: number,
    private readonly feed: Feed,
  ) {
    const { problem } = task;
    this.hasWeights = problem.weights !== undefined;
    const { latentSize, outputSize } = packed.decoder;
    const rowSize = 4 * paddedSize(outputSize);
    const places = Math.min(problem.sampleCount, 2 * capacity);
    const weightRows = !problem.weights ? 0 : problem.weights.length === outputSize ? 1 : places;
    this.places = new Array(places).fill(undefined);
    const { layout } = this.blocks.add(() =>
      packed.arena.allocate((piece) => ({
        samples: piece(Sample.size * places),
        targets: piece(rowSize * places),
        weights: piece(rowSize * weightRows),
        z: piece(8 * latentSize * places),
      })),
    );
    this.layout = layout;
    this.given = this.blocks.add(() => allocateFixed(packed, places));
    LineSearch.set(packed.arena.view(), solver, { samples: layout.samples, sampleCount: places });
    if (weightRows === 1) {
      const row = packed.arena.f32(layout.weights, outputSize);
      this.sharedScales = writeWeights(problem, problem.weights!, row);
    } else if (weightRows === 0) {
      this.sharedScales = lossScales(problem);
    }
  }

  /** True if the feed, the source of samples, has some that have not been copied to WASM memory. */
  get hasMore(): boolean {
    return this.feed.hasMore;
  }

  /** True if the results of all samples taken from the feed, the source of samples, have been collected. */
  get isFinished(): boolean {
    return this.places.every((sample) => sample === undefined);
  }

  /** Collects the results of finished samples, and copies new samples into the free places of WASM memory. */
  exchange(): void {
    const view = this.packed.arena.view();
    this.places.forEach((sample, place) => {
      if (sample !== undefined) {
        if (Sample.get(view, this.record(place), "state") !== SampleState.done) return;
        this.collect(view, place, sample);
      }
      const next = this.feed.take(1)?.first;
      this.places[place] = next;
      if (next !== undefined) this.stage(view, place, next);
      else Sample.set(view, this.record(place), { state: SampleState.empty });
    });
  }

  /**
   * Collects finished samples, and the current state of unfinished ones, which get no status. Called once, at the end of a call
   * or after its abort.
   */
  collectUnfinished(): void {
    const view = this.packed.arena.view();
    this.places.forEach((sample, place) => {
      if (sample !== undefined && Sample.get(view, this.record(place), "state") !== SampleState.waiting)
        this.collect(view, place, sample);
    });
  }

  /** Function that frees the memory of the staged samples; a second call is a no-op. */
  get free(): () => void {
    return this.blocks.free;
  }

  private record(place: number): number {
    return this.layout.samples + place * Sample.size;
  }

  private stage(view: DataView, place: number, sample: number): void {
    const { problem, solution } = this.task;
    const { arena, decoder } = this.packed;
    const { layout } = this;
    const { latentSize: d, outputSize: n } = decoder;
    const rowSize = 4 * paddedSize(n);
    const target = layout.targets + place * rowSize;
    const z = layout.z + place * 8 * d;
    const weights = this.sharedScales === undefined ? sampleWeights(problem, sample) : undefined;
    const weightRow = !this.hasWeights ? 0 : layout.weights + (weights ? place * rowSize : 0);
    const scales = weights ? writeWeights(problem, weights, arena.f32(weightRow, n)) : this.sharedScales!;
    arena.f32(target, n).set(sampleTarget(problem, sample));
    this.given.write(place, problem.fixed, sample);
    arena.f64(z, d).set(solution.z.subarray(sample * d, (sample + 1) * d));
    Sample.set(view, this.record(place), {
      state: SampleState.waiting,
      target,
      weights: weightRow,
      fixed: this.given.at(place),
      z,
      lossFloor: lossFloor(problem, sample),
      ...scales,
    });
  }

  /** Copies a sample's latent and statistics from WASM memory into its solution; its status too if it has finished. */
  private collect(view: DataView, place: number, sample: number): void {
    const { solution } = this.task;
    const record = this.record(place);
    const d = this.packed.decoder.latentSize;
    const { arena } = this.packed;
    solution.z.set(arena.f64(Sample.get(view, record, "z"), d), sample * d);
    collectRecord(view, record, solution, sample);
    if (Sample.get(view, record, "state") !== SampleState.done) return;
    solution.end(sample, Sample.get(view, record, "status"));
    this.feed.end(1);
  }
}
