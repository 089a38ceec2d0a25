import type { Objective } from "../../objective.ts";
import type { PreparedBackend } from "../base.ts";
import { gaussNewtonOnGpu, matricesAtOnce } from "./gauss-newton.ts";
import { GRADIENTS, LATENTS, LOSSES, objectiveGraph } from "./graphs.ts";
import type { DeviceKeeper } from "./keeper.ts";
import type { Lease, LoadedDecoder } from "./loaded.ts";
import { type GpuProblem, paddedRows, shapeKey, shapeOf, writeRow } from "./rows.ts";

/** The data of an objective, bound to what computes it. */
interface Bound {
  evaluate(rows: Int32Array, z: Float64Array): Promise<Evaluated>;
  /** [rows.length, d, d] */
  gaussNewton(rows: Int32Array, z: Float64Array): Promise<Float64Array>;
  dispose(): void;
}

/** Losses [rows.length] and gradients [rows.length, d] of the chosen samples at z. */
interface Evaluated {
  readonly losses: Float64Array;
  readonly gradients: ArrayLike<number>;
}

/**
 * The objective of samples first … first + count - 1, row r for sample first + r. Every `value` computes the
 * gradients too; `gradient` only looks them up.
 */
export function gpuObjective(
  keeper: DeviceKeeper,
  problem: GpuProblem,
  first: number,
  count: number,
): Objective {
  const d = problem.decoder.latentSize;
  /** Where each sample's last value was taken, and its gradient there. */
  const points = new Float64Array(count * d);
  const gradients = new Float64Array(count * d);
  /** Bound anew after a loss. */
  let bound: (Bound & { readonly to: object }) | undefined;

  async function boundTo<T extends object>(to: T, bind: (to: T) => Promise<Bound>): Promise<Bound> {
    if (bound?.to !== to) {
      bound?.dispose();
      bound = undefined;
      bound = { to, ...(await bind(to)) };
    }
    return bound;
  }

  function work<T>(use: (bound: Bound) => Promise<T>): Promise<T> {
    const bindGpu = (loaded: LoadedDecoder) => bindToGpu(loaded, problem, first, count);
    const bindWasm = async (prepared: PreparedBackend) =>
      bindToWasm(prepared.objective(problem, first, count));
    return keeper.work(
      async (loaded) => use(await boundTo(loaded, bindGpu)),
      async (prepared) => use(await boundTo(prepared, bindWasm)),
    );
  }

  return {
    batchSize: count,
    latentSize: d,
    async value(rows, z) {
      const evaluated = await work((to) => to.evaluate(rows, z));
      rows.forEach((row, i) => {
        points.set(z.subarray(i * d, (i + 1) * d), row * d);
        for (let k = 0; k < d; k++) gradients[row * d + k] = evaluated.gradients[i * d + k]!;
      });
      return evaluated.losses;
    },
    gradient: async (rows) => pick(gradients, rows, d),
    matricesAtOnce: matricesAtOnce(keeper.largestRows, d),
    gaussNewton: (rows) => work((to) => to.gaussNewton(rows, pick(points, rows, d))),
    dispose() {
      bound?.dispose();
      bound = undefined;
    },
  };
}

/** The chosen rows of `values`, d numbers each. */
function pick(values: Float64Array, rows: Int32Array, d: number): Float64Array {
  const chosen = new Float64Array(rows.length * d);
  rows.forEach((row, i) => {
    chosen.set(values.subarray(row * d, (row + 1) * d), i * d);
  });
  return chosen;
}

/** On the GPU all rows are computed, whichever are chosen. */
async function bindToGpu(
  loaded: LoadedDecoder,
  problem: GpuProblem,
  first: number,
  count: number,
): Promise<Bound> {
  const d = problem.decoder.latentSize;
  const shape = shapeOf(problem, paddedRows(count, loaded.largestRows));
  const lease: Lease = await loaded.acquire(`objective ${shapeKey(shape)}`, () => objectiveGraph(shape));
  const points = new Float32Array(shape.rows * d);
  for (let row = 0; row < count; row++) writeRow(lease.graph, problem, first + row, row);

  async function evaluate(rows: Int32Array, z: Float64Array): Promise<Evaluated> {
    rows.forEach((row, i) => {
      points.set(z.subarray(i * d, (i + 1) * d), row * d);
    });
    lease.graph.write(LATENTS, points);
    const outputs = await lease.graph.run();
    const gradients = new Float32Array(rows.length * d);
    rows.forEach((row, i) => {
      gradients.set(outputs[GRADIENTS]!.subarray(row * d, (row + 1) * d), i * d);
    });
    return { losses: Float64Array.from(rows, (row) => outputs[LOSSES]![row]!), gradients };
  }
  return {
    evaluate,
    gaussNewton: (rows, z) => gaussNewtonOnGpu(loaded, problem, first, rows, z),
    dispose: lease.release,
  };
}

function bindToWasm(objective: Objective): Bound {
  return {
    async evaluate(rows, z) {
      const losses = await objective.value(rows, z);
      return { losses, gradients: await objective.gradient(rows) };
    },
    async gaussNewton(rows, z) {
      // The values at these points may have been the GPU's.
      await objective.value(rows, z);
      return objective.gaussNewton!(rows);
    },
    dispose: objective.dispose,
  };
}
