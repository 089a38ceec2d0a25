import { STATUSES } from "../../result.ts";
import type { Amd } from "../../solver/amd.ts";
import { type Control, Solution } from "../../solver/base.ts";
import type { PreparedBackend } from "../base.ts";
import { amdGraph, NEW_STATE, STATE } from "./amd-graph.ts";
import { AmdState, type StateLayout, stateLayout } from "./amd-state.ts";
import type { BoundGraph } from "./bound-graph.ts";
import type { DeviceKeeper } from "./keeper.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { atOnce, type GpuProblem, paddedRows, shapeKey, shapeOf, writeRow } from "./rows.ts";

/** Fewer live rows than this share of all, and none waiting: they go on in a graph of fewer rows. */
const SPARSE = 1 / 4;

/**
 * AMD on the GPU: chunks of trials for all resident rows (amd-graph.ts), and between them samples that have ended
 * leave and waiting ones take their rows. The state of the rows comes back after each chunk, so that a chunk that
 * was lost with its device is done again on another.
 */
export async function solveAmdOnGpu(
  keeper: DeviceKeeper,
  problem: GpuProblem,
  solver: Amd,
  solution: Solution,
  control: Control,
): Promise<void> {
  const residents = new Residents(problem, solver, solution);
  await keeper.work(
    (loaded) => residents.continueOn(loaded, control),
    (prepared) => solveRest(prepared, problem, solver, residents.unfinished(), solution, control),
  );
  residents.collectUnfinished();
}

/** The samples that have a row, and their states. */
class Residents {
  private readonly problem: GpuProblem;
  private readonly solver: Amd;
  private readonly solution: Solution;
  private readonly layout: StateLayout;
  /** The sample in each row, or -1. */
  private samples = new Int32Array(0);
  private state: AmdState;
  /** The sample that gets the next free row. */
  private next = 0;

  constructor(problem: GpuProblem, solver: Amd, solution: Solution) {
    this.problem = problem;
    this.solver = solver;
    this.solution = solution;
    this.layout = stateLayout(problem.decoder.latentSize, solver);
    this.state = new AmdState(this.layout, solver, 0);
  }

  /** Works until all samples have ended or the call is aborted. */
  async continueOn(loaded: LoadedDecoder, control: Control): Promise<void> {
    const most = atOnce(this.problem, loaded.largestRows);
    while (this.hasLive() && !control.aborted()) {
      const wanted = Math.min(most, this.liveCount() + this.waitingCount());
      await this.runInRows(loaded, paddedRows(wanted, loaded.largestRows), most, control);
    }
  }

  /** Works in a graph of so many rows until they are done, or too few are in use. */
  private async runInRows(
    loaded: LoadedDecoder,
    rows: number,
    most: number,
    control: Control,
  ): Promise<void> {
    const shape = shapeOf(this.problem, rows);
    const key = `amd ${shapeKey(shape)} ${JSON.stringify(this.solver)}`;
    const { graph, release } = await loaded.acquire(key, () => amdGraph(shape, this.solver));
    try {
      this.moveTo(rows, graph);
      do {
        this.admit(most, graph);
        graph.write(STATE, this.state.values);
        const outputs = await graph.run();
        this.state = new AmdState(this.layout, this.solver, rows, outputs[NEW_STATE]!);
        this.collect();
        await control.pause();
      } while (!this.isSparse(rows) && !control.aborted());
    } finally {
      release();
    }
  }

  /** Puts the residents into the first rows of another graph. */
  private moveTo(rows: number, graph: BoundGraph): void {
    const { state, samples } = this;
    this.state = new AmdState(this.layout, this.solver, rows);
    this.samples = new Int32Array(rows).fill(-1);
    let row = 0;
    samples.forEach((sample, from) => {
      if (sample < 0) return;
      this.state.copyRow(row, state, from);
      this.samples[row] = sample;
      writeRow(graph, this.problem, sample, row++);
    });
  }

  /** Gives free rows to waiting samples, up to so many rows in use. */
  private admit(most: number, graph: BoundGraph): void {
    let live = this.liveCount();
    const d = this.layout.latentSize;
    for (let row = 0; row < this.samples.length && live < most && this.waitingCount() > 0; row++) {
      if (this.samples[row]! >= 0) continue;
      const sample = this.next++;
      this.samples[row] = sample;
      this.state.start(row, this.solution.z.subarray(sample * d, (sample + 1) * d));
      writeRow(graph, this.problem, sample, row);
      live++;
    }
  }

  /** Takes the results of samples that have ended, whose rows are then free. */
  private collect(): void {
    this.samples.forEach((sample, row) => {
      if (sample < 0) return;
      if (Number.isNaN(this.solution.initialLoss[sample])) {
        this.solution.initialLoss[sample] = this.state.get(row, "firstLoss");
      }
      const status = this.state.status(row);
      if (!status) return;
      this.copyOut(row, sample);
      this.solution.end(sample, STATUSES.indexOf(status));
      this.samples[row] = -1;
    });
  }

  /** Takes what there is of samples on their way; they get no status. */
  collectUnfinished(): void {
    this.samples.forEach((sample, row) => {
      if (sample >= 0 && this.state.get(row, "points") > 0) this.copyOut(row, sample);
    });
  }

  /** The samples that have not ended. */
  unfinished(): number[] {
    const residents = Array.from(this.samples).filter((sample) => sample >= 0);
    const waiting = Array.from({ length: this.waitingCount() }, (_, i) => this.next + i);
    this.samples.fill(-1);
    this.next = this.problem.sampleCount;
    return [...residents, ...waiting];
  }

  private copyOut(row: number, sample: number): void {
    const { solution, state } = this;
    const points = state.get(row, "points");
    solution.z.set(state.latent(row), sample * this.layout.latentSize);
    solution.loss[sample] = points > 0 ? state.get(row, "loss") : solution.initialLoss[sample]!;
    solution.t[sample] = state.time(row);
    solution.acceptedSteps[sample] = Math.max(0, points - 1);
    solution.backtracks[sample] = state.backtracks(row);
    solution.valueEvaluations[sample] = points + state.get(row, "rejections");
    // As AMD asks for them: none at the last point unless it is what ended there.
    solution.gradientEvaluations[sample] = points - (state.endsWithoutGradient(row) ? 1 : 0);
  }

  private hasLive(): boolean {
    return this.liveCount() + this.waitingCount() > 0;
  }

  private liveCount(): number {
    return this.samples.reduce((count, sample) => count + (sample >= 0 ? 1 : 0), 0);
  }

  private waitingCount(): number {
    return this.problem.sampleCount - this.next;
  }

  private isSparse(rows: number): boolean {
    return this.waitingCount() === 0 && this.liveCount() <= SPARSE * rows;
  }
}

/** Solves some samples in WASM, from their z0 on: a sample's results are never half of one kind and half of another. */
async function solveRest(
  prepared: PreparedBackend,
  problem: GpuProblem,
  solver: Amd,
  samples: readonly number[],
  solution: Solution,
  control: Control,
): Promise<void> {
  const { latentSize: d, outputSize: n } = problem.decoder;
  const pick = (values: Float32Array, size: number) => {
    const picked = new Float32Array(samples.length * size);
    samples.forEach((sample, i) => {
      picked.set(values.subarray(sample * size, (sample + 1) * size), i * size);
    });
    return picked;
  };
  const { weights } = problem;
  const rest = {
    ...problem,
    sampleCount: samples.length,
    targets: pick(problem.targets, n),
    weights: weights && weights.length !== n ? pick(weights, n) : weights,
  };
  const result = new Solution(samples.length, d, pick(Float32Array.from(solution.z), d));
  await prepared.fused(solver, problem.loss)!(rest, result, control);
  const statuses = result.statuses();
  samples.forEach((sample, i) => {
    solution.z.set(result.z.subarray(i * d, (i + 1) * d), sample * d);
    for (const name of PER_SAMPLE) solution[name][sample] = result[name][i]!;
    if (statuses[i] !== "aborted") solution.end(sample, STATUSES.indexOf(statuses[i]!));
  });
}

/** What a solution holds one number of for each sample. */
const PER_SAMPLE = [
  "loss",
  "initialLoss",
  "acceptedSteps",
  "backtracks",
  "valueEvaluations",
  "gradientEvaluations",
  "t",
] as const;
