import { collectRecord } from "../../solver/sample-record.ts";
import type { Solution } from "../../solver/solution.ts";
import type { Problem } from "../backend.ts";
import type { SampleFeed } from "../feed.ts";
import { Descent, paddedSize, Sample, SampleState } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { type LossScales, lossScales, sampleTarget, sampleWeights, writeWeights } from "./workspace.ts";

/**
 * The samples at hand in WASM memory, about twice as many as there are resident rows: those that have a row,
 * those that wait for one, and those that are done and wait to be collected. However many samples a call has,
 * it takes this much memory.
 */
export class Staging {
  private readonly packed: PackedDecoder;
  private readonly problem: Problem;
  private readonly solution: Solution;
  private readonly block;
  /** The sample in each place, or -1. */
  private readonly samples: Int32Array;
  private readonly feed: SampleFeed;
  /** The samples' scales, unless each has weights of its own. */
  private readonly sharedScales: LossScales | undefined;

  /**
   * @param solver points to the solver's struct, which extends Descent
   * @param capacity resident rows
   */
  constructor(
    packed: PackedDecoder,
    problem: Problem,
    solver: number,
    capacity: number,
    solution: Solution,
    feed: SampleFeed,
  ) {
    this.feed = feed;
    this.packed = packed;
    this.problem = problem;
    this.solution = solution;
    const { latentSize, outputSize } = packed.decoder;
    const rowSize = 4 * paddedSize(outputSize);
    const places = Math.min(problem.sampleCount, 2 * capacity);
    const weightRows = !problem.weights ? 0 : problem.weights.length === outputSize ? 1 : places;
    this.samples = new Int32Array(places).fill(-1);
    this.block = packed.arena.allocate((piece) => ({
      samples: piece(Sample.size * places),
      targets: piece(rowSize * places),
      weights: piece(rowSize * weightRows),
      z: piece(8 * latentSize * places),
    }));
    const { layout } = this.block;
    Descent.set(packed.arena.view(), solver, { samples: layout.samples, sampleCount: places });
    if (weightRows === 1) {
      const row = packed.arena.f32(layout.weights, outputSize);
      this.sharedScales = writeWeights(problem, problem.weights!, row);
    } else if (weightRows === 0) {
      this.sharedScales = lossScales(problem);
    }
  }

  /** Are there samples that have not been staged? */
  get hasMore(): boolean {
    return this.feed.hasMore;
  }

  /** Have all samples been collected, and is there none to follow now? */
  get isFinished(): boolean {
    return this.samples.every((sample) => sample < 0);
  }

  /** Collects what is done and stages new samples in free places. */
  exchange(): void {
    const view = this.packed.arena.view();
    this.samples.forEach((sample, place) => {
      if (sample >= 0) {
        const record = this.record(place);
        if (Sample.get(view, record, "state") !== SampleState.done) return;
        this.collect(view, place);
        this.solution.end(sample, Sample.get(view, record, "status"));
      }
      this.samples[place] = this.feed.take(1)?.first ?? -1;
      this.stage(view, place);
    });
  }

  /** Collects what is done, and the state of samples on their way, which get no status; nothing is staged any more. */
  collectUnfinished(): void {
    const view = this.packed.arena.view();
    this.samples.forEach((sample, place) => {
      if (sample < 0) return;
      const state = Sample.get(view, this.record(place), "state");
      if (state === SampleState.waiting) return;
      this.collect(view, place);
      if (state === SampleState.done)
        this.solution.end(sample, Sample.get(view, this.record(place), "status"));
    });
  }

  free(): void {
    this.block.free();
  }

  private record(place: number): number {
    return this.block.layout.samples + place * Sample.size;
  }

  private stage(view: DataView, place: number): void {
    const sample = this.samples[place]!;
    if (sample < 0) {
      Sample.set(view, this.record(place), { state: SampleState.empty });
      return;
    }
    const { arena, decoder } = this.packed;
    const { layout } = this.block;
    const { latentSize: d, outputSize: n } = decoder;
    const rowSize = 4 * paddedSize(n);
    const target = layout.targets + place * rowSize;
    const z = layout.z + place * 8 * d;
    const weights = this.sharedScales === undefined ? sampleWeights(this.problem, sample) : undefined;
    const weightRow = !this.problem.weights ? 0 : layout.weights + (weights ? place * rowSize : 0);
    const scales = weights
      ? writeWeights(this.problem, weights, arena.f32(weightRow, n))
      : this.sharedScales!;
    arena.f32(target, n).set(sampleTarget(this.problem, sample));
    arena.f64(z, d).set(this.solution.z.subarray(sample * d, (sample + 1) * d));
    Sample.set(view, this.record(place), {
      state: SampleState.waiting,
      target,
      weights: weightRow,
      z,
      ...scales,
    });
  }

  /** Copies a sample's results out. */
  private collect(view: DataView, place: number): void {
    const sample = this.samples[place]!;
    const record = this.record(place);
    const d = this.packed.decoder.latentSize;
    const { arena } = this.packed;
    this.solution.z.set(arena.f64(Sample.get(view, record, "z"), d), sample * d);
    collectRecord(view, record, this.solution, sample);
  }
}
