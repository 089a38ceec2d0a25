import { Blocks } from "../../kernels/arena.ts";
import { paddedSize } from "../../kernels/layout.ts";
import type { DifferentiableObjective, SessionObjective } from "../../solver/objective.ts";
import { isCustom, type Loss } from "../../terms/losses.ts";
import type { Problem } from "../backend.ts";
import { wasmCurvature } from "./curvature.ts";
import { customLossPasses } from "./custom-loss.ts";
import { allocateFixed } from "./fixed-rows.ts";
import { jacobianProducts } from "./jacobian-product.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateParameterSums } from "./parameter-gradient.ts";
import type { Passes } from "./passes.ts";
import { allocatePrior } from "./prior-block.ts";
import { shareWorkspace } from "./share-workspace.ts";
import { AT_ONCE, onEach, type Run, shareOf, teamOfOne } from "./team.ts";
import {
  allocateWorkspace,
  lossFloor,
  lossScales,
  type Rows,
  sampleTarget,
  sampleWeights,
  type Workspace,
  writeWeights,
} from "./workspace.ts";

/** Makes the objective of samples first … first + count - 1, all resident in WASM memory: row r holds sample first + r. */
export function wasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
  team = teamOfOne(packed.run),
): SessionObjective {
  return bindRows(packed, problem, first, count, { team }).objective;
}

/**
 * Makes an objective of all samples with parameter gradients and tangents, and with `copies` rows per sample: row
 * copy · sampleCount + r holds sample r.
 *
 * @param gradients pointer to a cleared block of `parameterBlock(decoder)`, to which parameter gradients are added; a new one
 *   by default
 */
export function differentiableWasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  copies: number,
  gradients?: number,
  team = teamOfOne(packed.run),
): DifferentiableObjective {
  const { graph, decoder } = packed;
  const { sampleCount } = problem;
  const bound = bindRows(packed, problem, 0, sampleCount, { copies, withTangents: true, team });
  const { objective, blocks, workspace, workspaceOf, onRows, choose, read, write } = bound;
  const sums = blocks.add(() => allocateParameterSums(packed, sampleCount * copies, gradients));
  /** Parameter sums of each thread: the same gradients, with scratch of its own. */
  const sumsOf = [sums];

  /** Adds gradients of all rows to the parameter sums, each thread those of its part of the parameters. */
  function addGradients(rows: Int32Array, isMixed: boolean): Promise<void> {
    return team("pass", rows.length, async (runs) => {
      while (sumsOf.length < runs.length) {
        const own = allocateParameterSums(packed, sampleCount * copies, sums.gradients);
        sumsOf.push(blocks.add(() => own));
      }
      for (const thread of runs.keys()) choose(workspaceOf(thread), rows);
      await onEach(runs, AT_ONCE, async (run, _, thread) => {
        const [{ pointer }, { sums: own }] = [workspaceOf(thread), sumsOf[thread]!];
        await run(
          "objectiveParameterGradient",
          graph,
          pointer,
          own,
          rows.length,
          isMixed,
          thread,
          runs.length,
        );
      });
    });
  }

  return {
    ...objective,
    parameterCount: decoder.parameterCount,
    addParameterGradient: (rows) => addGradients(rows, false),
    async tangent(rows, v) {
      write(workspace.latentTangents, rows, v);
      await onRows(rows, async (passes, run, { pointer }, count) => {
        await run("objectiveTangentForward", graph, pointer, count);
        await passes.tangent(count);
        await run("objectiveTangentBackward", graph, pointer, count);
      });
      return read(workspace.hessianProducts, rows);
    },
    addMixedGradient: (rows) => addGradients(rows, true),
    async takeParameterSums() {
      const values = sums.read();
      sums.clear();
      return values;
    },
  };
}

/** Makes an objective, and allocates and fills the rows that it works on. */
function bindRows(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
  { copies = 1, withTangents = false, team = teamOfOne(packed.run) } = {},
) {
  const { arena, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rowSize = 4 * paddedSize(n);
  const rowCount = count * copies;
  const blocks = new Blocks();
  const { pointer: prior } = blocks.add(() => allocatePrior(arena, problem.prior));
  const workspace = blocks.add(() =>
    allocateWorkspace(packed, rowCount, problem.loss.name, { withTangents, prior }),
  );
  const given = blocks.add(() => allocateFixed(packed, count));
  given.point(workspace, copies);
  const data = blocks.add(() =>
    arena.allocate((piece) => ({
      targets: piece(rowSize * count),
      weights: problem.weights ? piece(rowSize * count) : 0,
    })),
  );
  /** Workspace of each thread: the same rows, with lists and scratch of its own. */
  const workspaces = [workspace];

  function workspaceOf(thread: number): Workspace {
    while (workspaces.length <= thread) {
      // If there is no memory for another thread, the others' stays.
      const own = new Blocks();
      const { pointer } = own.add(() => allocatePrior(arena, problem.prior));
      workspaces.push(own.add(() => shareWorkspace(packed, workspace, rowCount, pointer)));
      blocks.add(() => own);
    }
    return workspaces[thread]!;
  }

  /** Divides passes over the chosen rows among the team's threads: `work` runs them over `count` rows of one thread. */
  function onRows(
    rows: Int32Array,
    work: (passes: Passes, run: Run, workspace: Workspace, count: number) => Promise<unknown>,
  ): Promise<void> {
    return team("pass", rows.length, async (runs) => {
      // All memory is allocated before the first thread works on it.
      workspaceOf(runs.length - 1);
      await onEach(runs, AT_ONCE, async (run, _, thread) => {
        const { first, end } = shareOf(rows.length, thread, runs.length);
        const own = workspaceOf(thread);
        choose(own, rows.subarray(first, end));
        if (end > first) await work(passesOf(packed, own, problem.loss, run), run, own, end - first);
      });
    });
  }

  const { curvatures } = passesOf(packed, workspace, problem.loss, packed.run);
  const curvature = blocks.add(() =>
    wasmCurvature(packed, problem, workspace, curvatures, (row) => first + (row % count)),
  );

  const products = blocks.add(() => jacobianProducts(packed, problem, first, count));

  function bindSample(index: number): void {
    const sample = first + index;
    const target = data.layout.targets + index * rowSize;
    const weights = sampleWeights(problem, sample);
    const weight = weights ? data.layout.weights + index * rowSize : 0;
    arena.f32(target, n).set(sampleTarget(problem, sample));
    given.write(index, problem.fixed, sample);
    const { scale, priorScale } = weights
      ? writeWeights(problem, weights, arena.f32(weight, n))
      : lossScales(problem);
    const view = arena.view();
    for (let row = index; row < rowCount; row += count) {
      view.setUint32(workspace.targets + 4 * row, target, true);
      view.setUint32(workspace.weights + 4 * row, weight, true);
      view.setFloat64(workspace.scales + 8 * row, scale, true);
      view.setFloat64(workspace.priorScales + 8 * row, priorScale, true);
    }
  }

  blocks.guard(() => {
    for (let index = 0; index < count; index++) bindSample(index);
  });

  /** Returns a view of the d numbers of a row of latents. */
  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, d);
  }

  /** Returns copies of the chosen rows of latents, one after the other. */
  function read(rows: Rows, chosen: Int32Array): Float64Array {
    const values = new Float64Array(chosen.length * d);
    chosen.forEach((row, i) => {
      values.set(rowOf(rows, row), i * d);
    });
    return values;
  }

  /** Writes `values`, one row of d numbers after the other, into the chosen rows of latents. */
  function write(rows: Rows, chosen: Int32Array, values: Float64Array): void {
    chosen.forEach((row, i) => {
      rowOf(rows, row).set(values.subarray(i * d, (i + 1) * d));
    });
  }

  /** Returns the elements of f64[rowCount] at `pointer` that belong to the chosen rows. */
  function pick(pointer: number, rows: Int32Array): Float64Array {
    const values = arena.f64(pointer, rowCount);
    return Float64Array.from(rows, (row) => values[row]!);
  }

  function choose({ rows }: Workspace, chosen: Int32Array): void {
    arena.i32(rows, chosen.length).set(chosen);
  }

  const objective: SessionObjective = {
    sampleCount: count,
    latentSize: d,
    async value(rows, z) {
      write(workspace.latents, rows, z);
      await onRows(rows, (passes, _run, _workspace, count) => passes.value(count));
      return pick(workspace.objectives, rows);
    },
    terms: (rows) => ({ losses: pick(workspace.losses, rows), priors: pick(workspace.priors, rows) }),
    async gradient(rows) {
      await onRows(rows, (passes, _run, _workspace, count) => passes.gradient(count));
      return read(workspace.gradients, rows);
    },
    lossFloor: (row) => lossFloor(problem, first + (row % count)),
    jacobianProduct: async (rows, v) => products.at(rows, read(workspace.latents, rows), v),
    ...(curvature.use.hasCurvature && { curvature }),
    kernels: packed.compiled.module,
    dispose: blocks.free,
  };
  return { objective, blocks, workspace, workspaceOf, onRows, choose, read, write };
}

/** Returns the passes over the rows of a workspace, with kernels called by `run`. */
function passesOf(packed: PackedDecoder, workspace: Workspace, loss: Loss, run: Run): Passes {
  if (isCustom(loss)) return customLossPasses(packed, workspace, loss, run);
  const { graph } = packed;
  const { pointer } = workspace;
  return {
    value: async (count) => run("objectiveValue", graph, pointer, count),
    gradient: async (count) => run("objectiveGradient", graph, pointer, count),
    tangent: async (count) => run("objectiveLossTangents", graph, pointer, count),
  };
}
