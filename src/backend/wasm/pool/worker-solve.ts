import type { Decoder } from "../../../decoder/decoder.ts";
import type { Flow } from "../../../flow.ts";
import { fromRecipe, type Makers } from "../../../recipe.ts";
import type { Control, Solver } from "../../../solver/base.ts";
import { Solution, type SolutionPart } from "../../../solver/solution.ts";
import type { Problem, Task } from "../../backend.ts";
import type { SampleFeed, SampleRange } from "../../feed.ts";
import { solveOn } from "../../solve.ts";
import type { WasmEngine } from "../engine.ts";
import type { SolveData, SolveDescription } from "./messages.ts";

const NOTHING = new Float32Array(0);

/** Samples that have come and wait for a place. */
interface Delivery {
  readonly samples: readonly number[];
  readonly data: SolveData;
  /** How many of them have got one. */
  taken: number;
}

/**
 * A worker's part of a solve: a problem and a solution of a few places, which samples take in turn. Results leave
 * as soon as there are any.
 */
export class WorkerSolve implements SampleFeed {
  private readonly problem: Problem;
  private readonly task: Task;
  private readonly solution: Solution;
  private readonly deliveries: Delivery[] = [];
  /** The sample in each place, or -1. */
  private readonly samples: Int32Array;
  /** The places without a sample; the last one is taken next. */
  private free: number[] = [];
  /** The places whose samples have ended, and whose results have not left. */
  private ended: number[] = [];

  constructor(
    private readonly engine: WasmEngine,
    decoder: Decoder,
    description: SolveDescription,
    makers: Makers,
    private readonly send: (samples: number[], results: SolutionPart) => void,
  ) {
    const { loss, saveAt, sampleCount, batchSize, sharedWeights } = description;
    const pair = {
      flow: fromRecipe(description.flow, makers) as Flow,
      solver: fromRecipe(description.solver, makers) as Solver<Flow>,
    };
    const size = decoder.outputSize;
    const whole = { decoder, loss, sampleCount, batchSize, targets: NOTHING, weights: sharedWeights };
    // Twice the resident rows are staged at once, and as many may have ended and not left yet.
    const places = 4 * engine.objectiveSize(whole);
    this.problem = {
      ...whole,
      sampleCount: places,
      targets: new Float32Array(places * size),
      weights: sharedWeights ?? (description.hasOwnWeights ? new Float32Array(places * size) : undefined),
      batchSize: engine.objectiveSize(whole),
    };
    this.samples = new Int32Array(places).fill(-1);
    const { order } = pair.flow;
    this.solution = new Solution(places, decoder.latentSize, undefined, { order, saveAt });
    const { problem, solution } = this;
    this.task = { problem, pair, solution, isFused: description.isFused };
    this.solution.onEnd = (place) => void this.ended.push(place);
    this.freeAll();
  }

  get hasMore(): boolean {
    return this.deliveries.length > 0;
  }

  add(samples: readonly number[], data: SolveData): void {
    this.deliveries.push({ samples, data, taken: 0 });
  }

  /** Works until it has nothing left; then all results have left. */
  async run(control: Control): Promise<void> {
    await solveOn(this.engine, this.task, control, this);
    this.flush();
    if (!control.aborted()) return;
    const unfinished = Array.from(this.samples.keys()).filter((place) => this.samples[place]! >= 0);
    this.post(unfinished);
  }

  take(most: number): SampleRange | undefined {
    if (most > 1 || this.free.length === 0) this.flush();
    const first = this.free.at(-1)!;
    let count = 0;
    while (count < most && this.hasMore && this.free.at(-1) === first + count) {
      this.occupy(this.free.pop()!);
      count++;
    }
    return count > 0 ? { first, count } : undefined;
  }

  /** Sends what has ended. */
  flush(): void {
    const { ended } = this;
    if (ended.length === 0) return;
    this.ended = [];
    this.post(ended);
    for (const place of ended) this.samples[place] = -1;
    this.free.push(...ended);
    if (this.free.length === this.samples.length) this.freeAll();
  }

  private post(places: number[]): void {
    const samples = places.map((place) => this.samples[place]!);
    if (samples.length > 0) this.send(samples, this.solution.copyOut(places));
  }

  /** All places are free, to be taken in their order: some solvers take several at once, one after the other. */
  private freeAll(): void {
    this.free = Array.from(this.samples.keys()).reverse();
  }

  /** Gives a place to the next sample. */
  private occupy(place: number): void {
    const delivery = this.deliveries[0]!;
    const i = delivery.taken++;
    if (delivery.taken === delivery.samples.length) this.deliveries.shift();
    const { targets, weights, z0 } = delivery.data;
    const { latentSize: d, outputSize: n } = this.problem.decoder;
    this.samples[place] = delivery.samples[i]!;
    this.problem.targets.set(targets.subarray(i * n, (i + 1) * n), place * n);
    if (weights) this.problem.weights!.set(weights.subarray(i * n, (i + 1) * n), place * n);
    this.solution.restart(place, z0.subarray(i * d, (i + 1) * d));
  }
}
