import { type Arena, Blocks } from "../kernels/arena.ts";
import { giveInstanceBack, type KernelInstance, takeInstance } from "../kernels/idle-instances.ts";
import type { Kernels } from "../kernels/instance.ts";
import {
  Descent,
  FIRST_TRIAL,
  paddedSize,
  Request,
  Sample,
  SampleState,
  ValueRows,
  Workspace,
} from "../kernels/layout.ts";
import { compileKernels } from "../kernels/load.ts";
import { type DescentSolver, isPreconditioned } from "./descent.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { type Objective, type SharedCurvature, valuesAt, withoutMatrices } from "./objective.ts";
import { collectRecord } from "./sample-record.ts";
import type { Solution } from "./solution.ts";
import { allocateSolver } from "./solver-block.ts";

/**
 * Follows samples with a solver of assembly/solve/, whose evaluations are made by any objective: see
 * assembly/solve/rounds.ts for the phases of a round, and `follow` for solution and control. All samples are resident: row r
 * has sample first + r.
 */
export async function descend(
  solver: DescentSolver,
  { objective, solution, first, control }: FlowProblem,
): Promise<void> {
  const { curvature } = objective;
  const shared = curvature && isPreconditioned(solver, curvature.use) ? await curvature.shared() : undefined;
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

/** Start of an accepted step, from which points within the step are computed. */
interface Start {
  readonly row: number;
  /** True while z0 itself is evaluated. */
  readonly isFirst: boolean;
  /** Number of steps accepted before it. */
  readonly accepted: number;
  readonly t: number;
  readonly z: Float64Array;
  /** Direction p: the step's point at `time` is z + (time - t)·p. */
  readonly direction: Float64Array;
}

/** Rows of an objective, staged in the memory of an instance of the kernels. */
class Rows {
  private readonly arena: Arena;
  private readonly kernels: Kernels;
  private readonly blocks = new Blocks();
  private readonly d: number;
  private readonly solver: number;
  private readonly solverName: DescentSolver["name"];
  private readonly at;
  private readonly stride: number;
  /** Rows whose samples have not ended. */
  private readonly running: Set<number>;
  /** Evaluations made for points within steps, which the solver does not count. */
  private readonly evaluationsBetween: Uint32Array;

  constructor(
    { arena, kernels }: KernelInstance,
    solver: DescentSolver,
    private readonly objective: Objective,
    shared: SharedCurvature | undefined,
    private readonly solution: Solution,
    private readonly first: number,
  ) {
    this.arena = arena;
    this.kernels = kernels;
    const { sampleCount: count, latentSize: d, curvature } = objective;
    const own = shared?.own;
    // Before anything is allocated: the caller may have taken the weights away meanwhile.
    const curvatureScales = Array.from({ length: count }, (_, row) => curvature?.scale(row) ?? 1);
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
        matrix: piece(shared ? 4 * d * d : 0),
      })),
    );
    this.at = rooms.layout;
    const { workspace, values, rows, targets, weights, scales, fixed, priorScales } = this.at;
    const { losses, priors, objectives, latents, gradients, samples } = this.at;
    const view = arena.view();
    Workspace.set(view, workspace, { values, rows, targets, weights, scales, fixed, priorScales });
    Workspace.set(view, workspace, { losses, priors, objectives });
    ValueRows.set(view, values, { stride: this.stride, values: latents, gradients });
    if (own) arena.f64(this.at.factors, own.factors.length).set(own.factors);
    if (own) arena.f32(this.at.ownMatrix, own.matrix.length).set(own.matrix);
    const block = this.blocks.add(() =>
      allocateSolver(arena, solver, {
        latentSize: d,
        capacity: count,
        damping: own?.damping ?? 0,
        ...(own ? { factors: this.at.factors, matrix: this.at.ownMatrix } : { factors: 0, matrix: 0 }),
        curvature: shared ? curvature!.use : withoutMatrices(curvature?.use),
      }),
    );
    this.solver = block.solver;
    Descent.set(arena.view(), this.solver, { samples, sampleCount: count });
    arena.f64(this.at.z, count * d).set(solution.z.subarray(first * d, (first + count) * d));
    for (let row = 0; row < count; row++) {
      Sample.set(arena.view(), this.record(row), {
        state: SampleState.waiting,
        z: this.at.z + 8 * d * row,
        curvatureScale: curvatureScales[row]!,
      });
    }
  }

  /** Does one round of all rows that have not ended; returns false if there are none. */
  async round(): Promise<boolean> {
    const { kernels, objective, solver } = this;
    const { workspace } = this.at;
    const proposed = this.listed(kernels.solverPropose(solver, workspace));
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
    // After whatever is taken where the loss was evaluated last.
    if (this.solution.recording) await this.keepSteps(starts);
    for (const row of proposed) {
      if (this.of(row, "state") !== SampleState.done) continue;
      this.collect(row);
      this.running.delete(row);
      this.solution.end(this.first + row, this.of(row, "status"));
    }
    return true;
  }

  /** Collects the state of unfinished samples, which get no status. */
  collectUnfinished(): void {
    for (const row of this.running) {
      if (this.of(row, "state") === SampleState.running) this.collect(row);
    }
  }

  free(): void {
    this.blocks.free();
  }

  /** Answers the requests of rows before their next step: matrices, or curvatures along the gradient. */
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

  /** @param matrices one for each of the rows, [rows.length, d, d] */
  private giveMatrices(rows: Int32Array, matrices: Float32Array): void {
    const size = this.d * this.d;
    rows.forEach((row, i) => {
      this.arena.f32(this.at.matrix, size).set(matrices.subarray(i * size, (i + 1) * size));
      this.kernels.solverTakeMatrix(this.solver, row, this.at.matrix, 4 * this.d);
    });
  }

  /** Returns the points at which the rows' steps begin; z0 for rows before their first step. */
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
   * Records the requested points of accepted steps: the ends, or the points at chosen times, each of which takes an
   * evaluation of the loss.
   */
  private async keepSteps(starts: readonly Start[]): Promise<void> {
    const { first, objective, solution, d } = this;
    const recording = solution.recording!;
    // A short step late in a long flow leaves t as it is, to the last bit.
    const steps = starts.filter(({ row, accepted }) => this.of(row, "acceptedSteps") !== accepted);
    for (;;) {
      const due = steps.flatMap(({ row, t, z, direction }) => {
        const time = recording.dueBefore(first + row, this.of(row, "t"));
        if (time === undefined) return [];
        // A step that was lengthened takes a time of 1.
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

  /** Writes numbers of some rows into an f64 array of all rows. */
  private scatter(pointer: number, rows: Int32Array, numbers: Float64Array): void {
    const all = this.arena.f64(pointer, this.evaluationsBetween.length);
    rows.forEach((row, i) => {
      all[row] = numbers[i]!;
    });
  }

  /** Returns the first `count` rows of the kernels' list. */
  private listed(count: number): Int32Array {
    return this.arena.i32(this.at.rows, count).slice();
  }

  /** Returns the points at which the rows are to be evaluated, [rows.length, d]. */
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

  /** Returns a sample's z. */
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
