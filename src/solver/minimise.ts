import { Blocks } from "../kernels/arena.ts";
import { giveInstanceBack, takeInstance } from "../kernels/idle-instances.ts";
import type { KernelInstance } from "../kernels/instance.ts";
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
import { type SharedCurvature, valuesAt, withoutMatrices } from "./objective.ts";
import type { Recording } from "./recording.ts";
import { collectRecord } from "./sample-record.ts";
import { allocateSolver, NO_SHARED_MATRIX, type SharedMatrixPointers } from "./solver-memory.ts";

/**
 * Runs a solver of assembly/solve/ on samples whose loss is evaluated by any objective, which may be on another backend; called
 * by `solveObjective` for `amd` and `lbfgs`. Each round tries a step of every sample that has not ended; its phases are in
 * assembly/solve/rounds.ts. All samples have a row in memory from the start: row r holds the solution's sample `first` + r.
 */
export async function minimise(solver: LineSearchSolver, problem: FlowProblem): Promise<void> {
  const { objective, control } = problem;
  const { curvature } = objective;
  const isPreconditioned = curvature && curvatureFor(solver, curvature.use).matrix !== "none";
  const shared = isPreconditioned ? await curvature.shared() : undefined;
  const given = objective.kernels as WebAssembly.Module | undefined;
  const module = given ?? (await compileKernels(undefined)).module;
  const instance = await takeInstance(module);
  const blocks = new Blocks({ free: () => giveInstanceBack(module, instance) });
  try {
    const rows = bindRows(instance, blocks, solver, problem, shared);
    while (!control.aborted() && (await rows.round())) await control.pause();
    rows.collectUnfinished();
  } finally {
    blocks.free();
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

/**
 * Gives each sample of an objective a row in the memory of an instance of the WASM kernels, where the solver's steps run; `blocks`
 * frees the memory.
 */
function bindRows(
  { arena, kernels }: KernelInstance,
  blocks: Blocks,
  solver: LineSearchSolver,
  { objective, solution, first }: FlowProblem,
  shared: SharedCurvature | undefined,
) {
  const { sampleCount: count, latentSize: d, curvature } = objective;
  const { own, lowRank } = shared ?? {};
  const { recording } = solution;
  // Computed before anything is allocated: it throws if the caller has transferred the weights meanwhile.
  const records = Array.from({ length: count }, (_, row) => ({
    curvatureScale: curvature?.scale(row) ?? 1,
    lossFloor: objective.lossFloor?.(row) ?? 0,
  }));
  /** Indices of the rows whose samples have not ended. */
  const running = new Set(records.keys());
  /**
   * Number of loss evaluations of each row (sample) at points within steps that `saveAt` requests. The solver's own counters
   * do not include them.
   */
  const evaluationsBetween = new Uint32Array(count);
  const stride = 4 * paddedSize(d);
  const { layout: at } = blocks.add(() =>
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
      latents: piece(stride * count),
      gradients: piece(stride * count),
      samples: piece(Sample.size * count),
      z: piece(8 * d * count),
      factors: piece(own?.factors.byteLength ?? 0),
      ownMatrix: piece(own?.matrix.byteLength ?? 0),
      matrix: piece(shared && !lowRank ? 4 * d * d : 0),
      lowRank: piece(lowRank ? lowRankBytes(lowRank) : 0),
    })),
  );
  const { workspace, values, rows, targets, weights, scales, fixed, priorScales } = at;
  const { losses, priors, objectives, latents, gradients, samples } = at;
  Workspace.set(arena.view(), workspace, { values, rows, targets, weights, scales, fixed, priorScales });
  Workspace.set(arena.view(), workspace, { losses, priors, objectives });
  ValueRows.set(arena.view(), values, { stride, values: latents, gradients });
  const { solver: pointer } = blocks.add(() =>
    allocateSolver(arena, solver, {
      latentSize: d,
      capacity: count,
      ...sharedMatrix(),
      curvature: shared ? curvature!.use : withoutMatrices(curvature?.use),
    }),
  );
  LineSearch.set(arena.view(), pointer, { samples, sampleCount: count });
  arena.f64(at.z, count * d).set(solution.z.subarray(first * d, (first + count) * d));
  for (let row = 0; row < count; row++) {
    const z = at.z + 8 * d * row;
    Sample.set(arena.view(), record(row), { state: SampleState.waiting, z, ...records[row]! });
  }

  /** Copies the Gauss-Newton matrix that all samples share into memory. */
  function sharedMatrix(): SharedMatrixPointers {
    if (lowRank) return writeLowRank(arena, at.lowRank, lowRank);
    if (!own) return NO_SHARED_MATRIX;
    arena.f64(at.factors, own.factors.length).set(own.factors);
    arena.f32(at.ownMatrix, own.matrix.length).set(own.matrix);
    return { ...NO_SHARED_MATRIX, factors: at.factors, matrix: at.ownMatrix, damping: own.damping };
  }

  const give: Readonly<Record<keyof typeof Request, (rows: Int32Array) => Promise<void>>> = {
    async curvatureAlongGradient(rows) {
      const values = await curvature!.alongGradient(rows);
      rows.forEach((row, i) => {
        kernels.solverTakeCurvature(pointer, row, values[i]!);
      });
    },
    sharedJacobianMatrix: async (rows) => giveMatrices(rows, await curvature!.matrices(rows, "shared")),
    ownMatrix: async (rows) => giveMatrices(rows, await curvature!.matrices(rows, "own")),
  };

  /**
   * Computes and passes on what each of the rows `requests` has requested: its Gauss-Newton matrix M, or the curvature gᵀMg/gᵀg
   * along its gradient g.
   */
  async function answer(requests: Int32Array): Promise<void> {
    for (const what of Object.keys(give) as (keyof typeof Request)[]) {
      const asking = requests.filter((row) => get(row, "request") === Request[what]);
      if (asking.length > 0) await give[what](asking);
    }
  }

  /**
   * Passes each row its requested matrix.
   *
   * @param matrices Gauss-Newton matrices of `rows`, [rows.length, d, d]
   */
  function giveMatrices(rows: Int32Array, matrices: Float32Array): void {
    const size = d * d;
    rows.forEach((row, i) => {
      arena.f32(at.matrix, size).set(matrices.subarray(i * size, (i + 1) * size));
      kernels.solverTakeMatrix(pointer, row, at.matrix, 4 * d);
    });
  }

  /** Returns the state before the coming step of a row; z0 for a row before its first step. */
  function startOf(row: number): Start {
    return {
      row,
      isFirst: get(row, "trial") === FIRST_TRIAL,
      accepted: get(row, "acceptedSteps"),
      t: get(row, "t"),
      z: latentOf(row).slice(),
      direction: arena.f64(get(row, "memory"), d).slice(),
    };
  }

  /**
   * Records the points of accepted steps that `saveAt` requests: the ends of steps, or points at chosen times. A point within a
   * step takes an evaluation of the loss.
   *
   * @param starts state before the step, for each row whose trial step has been evaluated
   */
  async function keepSteps(recording: Recording, starts: readonly Start[]): Promise<void> {
    // The step count tells accepted steps: a short step late in a long flow may leave t unchanged by rounding.
    const steps = starts.filter(({ row, accepted }) => get(row, "acceptedSteps") !== accepted);
    for (;;) {
      const due = steps.flatMap(({ row, t, z, direction }) => {
        const time = recording.dueBefore(first + row, get(row, "t"));
        if (time === undefined) return [];
        // A lengthened L-BFGS step, δt > 1, takes a time of 1: its speed is δt.
        const speed = solver.name === "lbfgs" ? Math.max(get(row, "acceptedDt"), 1) : 1;
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
        evaluationsBetween[row]!++;
        recording.keep(first + row, time, z, losses[i]!);
      });
    }
    for (const { row, isFirst } of starts) {
      if (!isFirst && !steps.some((step) => step.row === row)) continue;
      recording.keepStep(first + row, get(row, "t"), latentOf(row), get(row, "loss"));
    }
  }

  function collect(row: number): void {
    solution.z.set(latentOf(row), (first + row) * d);
    collectRecord(arena.view(), record(row), solution, first + row);
    solution.valueEvaluations[first + row]! += evaluationsBetween[row]!;
  }

  /** Writes `numbers`, one for each of `rows`, into an f64 array with an element for every row. */
  function scatter(to: number, rows: Int32Array, numbers: Float64Array): void {
    const all = arena.f64(to, count);
    rows.forEach((row, i) => {
      all[row] = numbers[i]!;
    });
  }

  /** Returns the first `length` row indices in the list that the kernels have written. */
  function listed(length: number): Int32Array {
    return arena.i32(rows, length).slice();
  }

  /** Returns the points that the solver proposes to evaluate for `rows`, [rows.length, d]. */
  function proposals(rows: Int32Array): Float64Array {
    const points = new Float64Array(rows.length * d);
    rows.forEach((row, i) => {
      points.set(arena.f32(latents + row * stride, d), i * d);
    });
    return points;
  }

  /** Returns the accepted z of a row's sample, [d], as a view. */
  function latentOf(row: number): Float64Array {
    return arena.f64(at.z + 8 * d * row, d);
  }

  function get(row: number, name: Parameters<typeof Sample.get>[2]): number {
    return Sample.get(arena.view(), record(row), name);
  }

  function record(row: number): number {
    return samples + row * Sample.size;
  }

  return {
    /** Runs one round: a trial step of each row that has not ended. Returns false if all rows have ended. */
    async round(): Promise<boolean> {
      const proposed = listed(kernels.solverPropose(pointer, workspace, false));
      if (proposed.length === 0) return false;
      const starts = recording ? Array.from(proposed, startOf) : [];
      const evaluated = await valuesAt(objective, proposed, proposals(proposed));
      scatter(objectives, proposed, evaluated.objectives);
      scatter(losses, proposed, evaluated.losses);
      scatter(priors, proposed, evaluated.priors);
      const goOn = listed(kernels.solverAcceptSteps(pointer, workspace, proposed.length));
      if (goOn.length > 0) {
        const computed = await objective.gradient(goOn);
        goOn.forEach((row, i) => {
          arena.f32(gradients + row * stride, d).set(computed.subarray(i * d, (i + 1) * d));
        });
        await answer(listed(kernels.solverTakeGradients(pointer, workspace, goOn.length)));
      }
      // Last, since it evaluates the objective at other points, and the answers above are for the last point.
      if (recording) await keepSteps(recording, starts);
      for (const row of proposed) {
        if (get(row, "state") !== SampleState.done) continue;
        collect(row);
        running.delete(row);
        solution.end(first + row, get(row, "status"));
      }
      return true;
    },
    /** Copies the state of started samples that have not ended into the solution, without a status: after an abort. */
    collectUnfinished(): void {
      for (const row of running) if (get(row, "state") === SampleState.running) collect(row);
    },
  };
}
