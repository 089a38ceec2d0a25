import { type Arena, Blocks } from "../kernels/arena.ts";
import { giveInstanceBack, takeInstance } from "../kernels/idle-instances.ts";
import type { KernelInstance, Kernels } from "../kernels/instance.ts";
import {
  FIRST_TRIAL,
  LineSearch,
  paddedSize,
  Request,
  Sample,
  SampleState,
  ValueRows,
  Workspace,
} from "../kernels/layout.ts";
import { compileKernels } from "../kernels/load.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { curvatureFor, type LineSearchSolver } from "./line-search.ts";
import { lowRankBytes, writeLowRank } from "./low-rank-memory.ts";
import { type Objective, type SharedCurvature, valuesAt, withoutMatrices } from "./objective.ts";
import { collectRecord } from "./sample-record.ts";
import type { Solution } from "./solution.ts";
import { allocateSolver, NO_SHARED_MATRIX, type SharedMatrixPointers } from "./solver-memory.ts";

/**
 * Runs a solver of assembly/solve/ on samples whose loss is evaluated by any objective, which may be on another backend; called
 * by `solveObjective` for `amd` and `lbfgs`. Each round tries a step of every sample that has not ended; its phases are in
 * assembly/solve/rounds.ts. All samples have a row in memory from the start: row r holds the solution's sample `first` + r.
 */
export async function minimise(
  solver: LineSearchSolver,
  { objective, solution, first, control }: FlowProblem,
): Promise<void> {
  const { curvature } = objective;
  const isPreconditioned = curvature && curvatureFor(solver, curvature.use).matrix !== "none";
  const shared = isPreconditioned ? await curvature.shared() : undefined;
  const given = objective.kernels as WebAssembly.Module | undefined;
  const module = given ?? (await compileKernels(undefined)).module;
  const instance = await takeInstance(module);
  let rows: Rows | undefined;
  try {
    rows = new Rows(instance, solver, objective, shared, solution, first);
    while (!control.aborted() && (await rows.round())) await control.pause();
    rows.collectUnfinished();
  } finally {
    rows?.free();
    giveInstanceBack(module, instance);
  }
}

/** State of a sample before a step: the points recorded within the step are computed from it. */
interface Start {
  readonly row: number;
  /** True if z0 itself is being evaluated, before the first step. */
  readonly isFirst: boolean;
  /** Number of steps that the sample has accepted before this one. */
  readonly accepted: number;
  readonly t: number;
  readonly z: Float64Array;
  /**
   * Step direction p, [d]. With the time t and the z of this state, the point of the step at `time` is z + (time - t)·p, or
   * z + (time - t)·δt·p for a step lengthened to δt > 1.
   */
  readonly direction: Float64Array;
}

/** Samples of an objective, a row each, in the memory of an instance of the WASM kernels, where the solver's steps run. */
class Rows {
  private readonly arena: Arena;
  private readonly kernels: Kernels;
  private readonly blocks = new Blocks();
  private readonly d: number;
  private readonly solver: number;
  private readonly solverName: LineSearchSolver["name"];
  private readonly at;
  private readonly stride: number;
  /** Indices of the rows whose samples have not ended. */
  private readonly running: Set<number>;
  /**
   * Number of loss evaluations of each row (sample) at points within steps that `saveAt` requests. The solver's own counters
   * do not include them.
   */
  private readonly evaluationsBetween: Uint32Array;

  constructor(
    { arena, kernels }: KernelInstance,
    solver: LineSearchSolver,
    private readonly objective: Objective,
    shared: SharedCurvature | undefined,
    private readonly solution: Solution,
    private readonly first: number,
  ) {
    this.arena = arena;
    this.kernels = kernels;
    const { sampleCount: count, latentSize: d, curvature } = objective;
    const { own, lowRank } = shared ?? {};
    // Computed before anything is allocated: it throws if the caller has transferred the weights meanwhile.
    const records = Array.from({ length: count }, (_, row) => ({
      curvatureScale: curvature?.scale(row) ?? 1,
      lossFloor: objective.lossFloor?.(row) ?? 0,
    }));
    this.d = d;
    this.solverName = solver.name;
    this.running = new Set(Array.from({ length: count }, (_, row) => row));
    this.evaluationsBetween = new Uint32Array(count);
    this.stride = 4 * paddedSize(d);
    const rooms = this.blocks.add(() =>
      arena.allocate((piece) => ({
        workspace: piece(Workspace.size),
        values: piece(ValueRows.size),
        rows: piece(4 * count),
        targets: piece(4 * count),
        weights: piece(4 * count),
        scales: piece(8 * count),
        fixed: piece(4 * count),
        priorScales: piece(8 * count),
        losses: piece(8 * count),
        priors: piece(8 * count),
        objectives: piece(8 * count),
        latents: piece(this.stride * count),
        gradients: piece(this.stride * count),
        samples: piece(Sample.size * count),
        z: piece(8 * d * count),
        factors: piece(own?.factors.byteLength ?? 0),
        ownMatrix: piece(own?.matrix.byteLength ?? 0),
        matrix: piece(shared && !lowRank ? 4 * d * d : 0),
        lowRank: piece(lowRank ? lowRankBytes(lowRank) : 0),
      })),
    );
    this.at = rooms.layout;
    const { workspace, values, rows, targets, weights, scales, fixed, priorScales } = this.at;
    const { losses, priors, objectives, latents, gradients, samples } = this.at;
    const view = arena.view();
    Workspace.set(view, workspace, { values, rows, targets, weights, scales, fixed, priorScales });
    Workspace.set(view, workspace, { losses, priors, objectives });
    ValueRows.set(view, values, { stride: this.stride, values: latents, gradients });
    const block = this.blocks.add(() =>
      allocateSolver(arena, solver, {
        latentSize: d,
        capacity: count,
        ...this.sharedMatrix(shared),
        curvature: shared ? curvature!.use : withoutMatrices(curvature?.use),
      }),
    );
    this.solver = block.solver;
    LineSearch.set(arena.view(), this.solver, { samples, sampleCount: count });
    arena.f64(this.at.z, count * d).set(solution.z.subarray(first * d, (first + count) * d));
    for (let row = 0; row < count; row++) {
      Sample.set(arena.view(), this.record(row), {
        state: SampleState.waiting,
        z: this.at.z + 8 * d * row,
        ...records[row]!,
      });
    }
  }

  /** Copies the Gauss-Newton matrix that all samples share into memory. */
  private sharedMatrix({ own, lowRank }: SharedCurvature = {}): SharedMatrixPointers {
    const { arena, at } = this;
    if (lowRank) return writeLowRank(arena, at.lowRank, lowRank);
    if (!own) return NO_SHARED_MATRIX;
    arena.f64(at.factors, own.factors.length).set(own.factors);
    arena.f32(at.ownMatrix, own.matrix.length).set(own.matrix);
    return { ...NO_SHARED_MATRIX, factors: at.factors, matrix: at.ownMatrix, damping: own.damping };
  }

  /** Runs one round: a trial step of each row that has not ended. Returns false if all rows have ended. */
  async round(): Promise<boolean> {
    const { kernels, objective, solver } = this;
    const { workspace } = this.at;
    const proposed = this.listed(kernels.solverPropose(solver, workspace, false));
    if (proposed.length === 0) return false;
    const starts = this.solution.recording ? this.startsOf(proposed) : [];
    const { objectives, losses, priors } = await valuesAt(objective, proposed, this.latentsOf(proposed));
    this.scatter(this.at.objectives, proposed, objectives);
    this.scatter(this.at.losses, proposed, losses);
    this.scatter(this.at.priors, proposed, priors);
    const goOn = this.listed(kernels.solverAcceptSteps(solver, workspace, proposed.length));
    if (goOn.length > 0) {
      const gradients = await objective.gradient(goOn);
      goOn.forEach((row, i) => {
        this.rowOf(this.at.gradients, row).set(gradients.subarray(i * this.d, (i + 1) * this.d));
      });
      await this.answer(this.listed(kernels.solverTakeGradients(solver, workspace, goOn.length)));
    }
    // Last, since it evaluates the objective at other points, and the answers above are for the last point.
    if (this.solution.recording) await this.keepSteps(starts);
    for (const row of proposed) {
      if (this.of(row, "state") !== SampleState.done) continue;
      this.collect(row);
      this.running.delete(row);
      this.solution.end(this.first + row, this.of(row, "status"));
    }
    return true;
  }

  /** Copies the state of started samples that have not ended into the solution, without a status: after an abort. */
  collectUnfinished(): void {
    for (const row of this.running) {
      if (this.of(row, "state") === SampleState.running) this.collect(row);
    }
  }

  free(): void {
    this.blocks.free();
  }

  /**
   * Computes and passes on what each of the rows `requests` has requested: its Gauss-Newton matrix M, or the curvature gᵀMg/gᵀg
   * along its gradient g.
   */
  private async answer(requests: Int32Array): Promise<void> {
    const { curvature } = this.objective;
    const give: Readonly<Record<keyof typeof Request, (rows: Int32Array) => Promise<void>>> = {
      curvatureAlongGradient: async (rows) => {
        const values = await curvature!.alongGradient(rows);
        rows.forEach((row, i) => {
          this.kernels.solverTakeCurvature(this.solver, row, values[i]!);
        });
      },
      sharedJacobianMatrix: async (rows) =>
        this.giveMatrices(rows, await curvature!.matrices(rows, "shared")),
      ownMatrix: async (rows) => this.giveMatrices(rows, await curvature!.matrices(rows, "own")),
    };
    for (const what of Object.keys(give) as (keyof typeof Request)[]) {
      const rows = requests.filter((row) => this.of(row, "request") === Request[what]);
      if (rows.length > 0) await give[what](rows);
    }
  }

  /**
   * Passes each row its requested matrix.
   *
   * @param matrices Gauss-Newton matrices of `rows`, [rows.length, d, d]
   */
  private giveMatrices(rows: Int32Array, matrices: Float32Array): void {
    const size = this.d * this.d;
    rows.forEach((row, i) => {
      this.arena.f32(this.at.matrix, size).set(matrices.subarray(i * size, (i + 1) * size));
      this.kernels.solverTakeMatrix(this.solver, row, this.at.matrix, 4 * this.d);
    });
  }

  /** Returns the state before the coming step of each row; z0 for a row before its first step. */
  private startsOf(rows: Int32Array): Start[] {
    return Array.from(rows, (row) => ({
      row,
      isFirst: this.of(row, "trial") === FIRST_TRIAL,
      accepted: this.of(row, "acceptedSteps"),
      t: this.of(row, "t"),
      z: this.latentOf(row).slice(),
      direction: this.arena.f64(this.of(row, "memory"), this.d).slice(),
    }));
  }

  /**
   * Records the points of accepted steps that `saveAt` requests: the ends of steps, or points at chosen times. A point within a
   * step takes an evaluation of the loss.
   *
   * @param starts state before the step, for each row whose trial step has been evaluated
   */
  private async keepSteps(starts: readonly Start[]): Promise<void> {
    const { first, objective, solution, d } = this;
    const recording = solution.recording!;
    // The step count tells accepted steps: a short step late in a long flow may leave t unchanged by rounding.
    const steps = starts.filter(({ row, accepted }) => this.of(row, "acceptedSteps") !== accepted);
    for (;;) {
      const due = steps.flatMap(({ row, t, z, direction }) => {
        const time = recording.dueBefore(first + row, this.of(row, "t"));
        if (time === undefined) return [];
        // A lengthened L-BFGS step, δt > 1, takes a time of 1: its speed is δt.
        const speed = this.solverName === "lbfgs" ? Math.max(this.of(row, "acceptedDt"), 1) : 1;
        return [{ row, time, z: z.map((value, k) => value + (time - t) * speed * direction[k]!) }];
      });
      if (due.length === 0) break;
      const points = new Float64Array(due.length * d);
      due.forEach(({ z }, i) => {
        points.set(z, i * d);
      });
      const rows = Int32Array.from(due, ({ row }) => row);
      const { losses } = await valuesAt(objective, rows, points);
      due.forEach(({ row, time, z }, i) => {
        this.evaluationsBetween[row]!++;
        recording.keep(first + row, time, z, losses[i]!);
      });
    }
    for (const { row, isFirst } of starts) {
      if (!isFirst && !steps.some((step) => step.row === row)) continue;
      recording.keepStep(first + row, this.of(row, "t"), this.latentOf(row), this.of(row, "loss"));
    }
  }

  private collect(row: number): void {
    const { solution, first, d } = this;
    solution.z.set(this.latentOf(row), (first + row) * d);
    collectRecord(this.arena.view(), this.record(row), solution, first + row);
    solution.valueEvaluations[first + row]! += this.evaluationsBetween[row]!;
  }

  /** Writes `numbers`, one for each of `rows`, into an f64 array with an element for every row. */
  private scatter(pointer: number, rows: Int32Array, numbers: Float64Array): void {
    const all = this.arena.f64(pointer, this.evaluationsBetween.length);
    rows.forEach((row, i) => {
      all[row] = numbers[i]!;
    });
  }

  /** Returns the first `count` row indices in the list that the kernels have written. */
  private listed(count: number): Int32Array {
    return this.arena.i32(this.at.rows, count).slice();
  }

  /** Returns the points that the solver proposes to evaluate for `rows`, [rows.length, d]. */
  private latentsOf(rows: Int32Array): Float64Array {
    const latents = new Float64Array(rows.length * this.d);
    rows.forEach((row, i) => {
      latents.set(this.rowOf(this.at.latents, row), i * this.d);
    });
    return latents;
  }

  private rowOf(rows: number, row: number): Float32Array {
    return this.arena.f32(rows + row * this.stride, this.d);
  }

  /** Returns the accepted z of a row's sample, [d], as a view. */
  private latentOf(row: number): Float64Array {
    return this.arena.f64(this.at.z + 8 * this.d * row, this.d);
  }

  private of(row: number, name: Parameters<typeof Sample.get>[2]): number {
    return Sample.get(this.arena.view(), this.record(row), name);
  }

  private record(row: number): number {
    return this.at.samples + row * Sample.size;
  }
}
