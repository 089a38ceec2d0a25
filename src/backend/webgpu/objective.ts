import { gatherRows, scatterRows } from "../../base/rows.ts";
import { Blocks } from "../../kernels/arena.ts";
import {
  allRows,
  type Curvature,
  type Objective,
  type SessionObjective,
  type SharedCurvature,
  type Values,
  valuesAt,
} from "../../solver/objective.ts";
import type { Session } from "../backend.ts";
import { curvatureScale } from "../wasm/curvature.ts";
import { curvatureUse } from "../wasm/preconditioner.ts";
import { priorValues, scalesOf } from "../wasm/prior-values.ts";
import { wasm } from "../wasm/wasm.ts";
import { lossFloor } from "../wasm/workspace.ts";
import { paddedRows } from "./batch-size.ts";
import type { DeviceRecovery } from "./device-recovery.ts";
import { GRADIENTS, LATENTS, LOSSES, objectiveGraph } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { chosenSamples } from "./problem.ts";
import { type GpuProblem, shapeKey, shapeOf, writeRow, writeShared } from "./rows.ts";

/** Objective whose data has been bound to a graph on the GPU, or to a session in WASM. */
interface BoundObjective {
  evaluate(rows: Int32Array, z: Float64Array): Promise<Evaluated>;
  dispose(): void;
}

/** Objectives, losses and priors, [count], and gradients, [count, latentSize], of the `count` samples that were evaluated. */
interface Evaluated extends Values {
  readonly gradients: Float32Array | Float64Array;
}

/**
 * Makes the objective of samples first … first + count - 1 on the GPU, row r for sample first + r. Every call of `value`
 * computes the gradients too; `gradient` returns the stored ones.
 */
export function gpuObjective(
  recovery: DeviceRecovery,
  problem: GpuProblem,
  first: number,
  count: number,
): SessionObjective {
  const { latentSize: d, outputSize: n } = problem.decoder;
  /** Latents of each sample's last evaluation, [count, latentSize]. */
  const points = new Float64Array(count * d);
  /** Loss of each sample at `points`, without the prior, [count]. */
  const losses = new Float64Array(count);
  /** Prior term of each sample at `points`, [count]. */
  const priors = new Float64Array(count);
  /** Gradient of each sample's objective at `points`, [count, latentSize]. */
  const gradients = new Float64Array(count * d);
  /** Bound objective in use; replaced after the loss of its device. */
  let bound: (BoundObjective & { readonly to: object }) | undefined;

  async function boundTo<T extends object>(
    to: T,
    bind: (to: T) => Promise<BoundObjective>,
  ): Promise<BoundObjective> {
    if (bound?.to !== to) {
      bound?.dispose();
      bound = undefined;
      bound = { to, ...(await bind(to)) };
    }
    return bound;
  }

  function work<T>(use: (bound: BoundObjective) => Promise<T>): Promise<T> {
    const bindGpu = (loaded: LoadedDecoder) => bindToGpu(loaded, problem, first, count);
    const bindWasm = async (session: Session) => bindToWasm(await session.objective(problem, first, count));
    return recovery.work(
      async (loaded) => use(await boundTo(loaded, bindGpu)),
      async (session) => use(await boundTo(session, bindWasm)),
    );
  }

  const inWasm: InWasm = (rows, use) => evaluateInWasm(problem, first, rows, pick(points, rows, d), use);

  return {
    sampleCount: count,
    latentSize: d,
    async value(rows, z) {
      const evaluated = await work((to) => to.evaluate(rows, z));
      scatterRows(z, d, rows, points);
      scatterRows(evaluated.losses, 1, rows, losses);
      scatterRows(evaluated.priors, 1, rows, priors);
      scatterRows(evaluated.gradients, d, rows, gradients);
      return evaluated.objectives;
    },
    terms: (rows) => ({ losses: pick(losses, rows, 1), priors: pick(priors, rows, 1) }),
    gradient: async (rows) => pick(gradients, rows, d),
    lossFloor: (row) => lossFloor(problem, first + row),
    async jacobianProduct(rows, v) {
      const products = new Float32Array(rows.length * n);
      await inWasm(rows, async (objective, at, from) => {
        const directions = v.subarray(from * d, (from + at.length) * d);
        products.set(await objective.jacobianProduct(at, directions), from * n);
      });
      return products;
    },
    curvature: curvatureInWasm(problem, first, inWasm),
    dispose() {
      bound?.dispose();
      bound = undefined;
    },
  };
}

/** Maximum number of rows evaluated at once in WASM, for what no graph computes. */
const ROWS_IN_WASM = 48;

/**
 * Evaluates the chosen rows at their last latents in WASM, a group at a time. Calls `use` for each group with its objective, the
 * indices `at` of its rows in the group (0, 1, …), and the index `from` of its first row in `rows`.
 */
type InWasm = (
  rows: Int32Array,
  use: (objective: SessionObjective, at: Int32Array, from: number) => Promise<void>,
) => Promise<void>;

/**
 * As `InWasm`, for an objective whose row 0 is sample `first` of the problem; at most ROWS_IN_WASM rows at a time.
 *
 * @param points latents of the chosen rows' last evaluations, [rows.length, latentSize]
 */
async function evaluateInWasm(
  problem: GpuProblem,
  first: number,
  rows: Int32Array,
  points: Float64Array,
  use: Parameters<InWasm>[1],
): Promise<void> {
  const d = problem.decoder.latentSize;
  const session = await wasm({ threads: 1 }).open(problem.decoder);
  for (let from = 0; from < rows.length; from += ROWS_IN_WASM) {
    const samples = rows.subarray(from, from + ROWS_IN_WASM).map((row) => first + row);
    const objective = await session.objective(chosenSamples(problem, samples), 0, samples.length);
    try {
      const at = allRows(samples.length);
      await objective.value(at, points.subarray(from * d, (from + samples.length) * d));
      await use(objective, at, from);
    } finally {
      objective.dispose();
    }
  }
}

/**
 * Makes the curvature of samples first … first + count - 1, computed in WASM for the rows that solvers request.
 */
function curvatureInWasm(problem: GpuProblem, first: number, inWasm: InWasm): Curvature {
  const { latentSize: d } = problem.decoder;
  return {
    use: curvatureUse(problem),
    scale: (row) => curvatureScale(problem, first + row),
    async shared() {
      let shared: SharedCurvature | undefined;
      await inWasm(Int32Array.of(0), async ({ curvature }) => {
        shared = await curvature!.shared();
      });
      return shared;
    },
    async matrices(rows, kind) {
      const matrices = new Float32Array(rows.length * d * d);
      await inWasm(rows, async ({ curvature }, at, from) => {
        await curvature!.shared();
        matrices.set(await curvature!.matrices(at, kind), from * d * d);
      });
      return matrices;
    },
    async alongGradient(rows) {
      const curvatures = new Float64Array(rows.length);
      await inWasm(rows, async ({ curvature, gradient }, at, from) => {
        await gradient(at);
        curvatures.set(await curvature!.alongGradient(at), from);
      });
      return curvatures;
    },
  };
}

/** Copies the chosen rows of `values`, d numbers each, into a new array. */
function pick(values: Float64Array, rows: Int32Array, d: number): Float64Array {
  return gatherRows(values, d, rows, new Float64Array(rows.length * d));
}

/** Fraction of a graph's rows: if fewer samples than that remain, they move to a graph with fewer rows. */
const SPARSE = 1 / 4;

/**
 * Binds the objective of some samples to graphs on the GPU. A graph computes all of its rows, even if only some are requested.
 */
async function bindToGpu(
  loaded: LoadedDecoder,
  problem: GpuProblem,
  first: number,
  count: number,
): Promise<BoundObjective> {
  const d = problem.decoder.latentSize;
  const scaleOf = scalesOf(problem);
  /** Graph in use, with the row that each sample occupies in it. */
  let bound = await bindRows(allRows(count));
  // Computed on the CPU: it costs little next to a decoder.
  const prior =
    problem.prior &&
    (await priorValues(problem.prior).catch((error) => {
      bound.lease.release();
      throw error;
    }));

  async function bindRows(rows: Int32Array) {
    const shape = shapeOf(problem, paddedRows(rows.length, loaded.largestRows));
    const lease = await loaded.acquire(`objective ${shapeKey(shape)}`, () => objectiveGraph(shape));
    // The data may have been transferred away meanwhile, which throws.
    new Blocks({ free: () => lease.release() }).guard(() => {
      writeShared(lease.graph, shape, problem.fixed);
      rows.forEach((row, place) => {
        writeRow(lease.graph, shape, problem, first + row, place);
      });
    });
    const places = new Map(Array.from(rows, (row, place) => [row, place]));
    return { lease, places, rows: shape.rows, points: new Float32Array(shape.rows * d) };
  }

  /** Binds a graph for the given rows, unless the graph in use has them all and is not much too large. */
  async function fit(rows: Int32Array): Promise<void> {
    const isSparse = rows.length <= SPARSE * bound.rows && paddedRows(rows.length, bound.rows) < bound.rows;
    if (!isSparse && rows.every((row) => bound.places.has(row))) return;
    bound.lease.release();
    bound = await bindRows(rows);
  }

  async function evaluate(rows: Int32Array, z: Float64Array): Promise<Evaluated> {
    await fit(rows);
    const { lease, places, points } = bound;
    rows.forEach((row, i) => {
      points.set(z.subarray(i * d, (i + 1) * d), places.get(row)! * d);
    });
    lease.graph.write(LATENTS, points);
    const outputs = await lease.graph.run();
    const gradients = new Float32Array(rows.length * d);
    const losses = new Float64Array(rows.length);
    const priors = new Float64Array(rows.length);
    const objectives = Float64Array.from(rows, (row, i) => {
      const place = places.get(row)!;
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      gradient.set(outputs[GRADIENTS]!.subarray(place * d, (place + 1) * d));
      const loss = outputs[LOSSES]![place]!;
      losses[i] = loss;
      if (!prior) return loss;
      const z = points.subarray(place * d, (place + 1) * d);
      const scale = scaleOf(first + row);
      prior.addGradient(z, scale, gradient);
      priors[i] = prior.value(z);
      return loss + scale * priors[i]!;
    });
    return { objectives, losses, priors, gradients };
  }
  return {
    evaluate,
    dispose() {
      bound.lease.release();
      prior?.free();
    },
  };
}

function bindToWasm(objective: Objective): BoundObjective {
  return {
    async evaluate(rows, z) {
      const values = await valuesAt(objective, rows, z);
      return { ...values, gradients: await objective.gradient(rows) };
    },
    dispose: objective.dispose,
  };
}
