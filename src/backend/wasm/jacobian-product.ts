import { Blocks } from "../../kernels/arena.ts";
import type { Problem } from "../backend.ts";
import { allocateFixed } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateWorkspace, type Workspace } from "./workspace.ts";

/** Function that computes the Jacobian-vector products of rows, and the memory that it allocates on the first call. */
interface JacobianProducts {
  /**
   * Returns J v of each chosen row, [rows.length, outputSize]: J the Jacobian of D(z), after the output activation, for z.
   *
   * @param z latent of each chosen row, [rows.length, d]
   * @param v direction of each chosen row, [rows.length, d]
   * @throws LatentflowError `out_of_memory`
   */
  readonly at: (rows: Int32Array, z: Float64Array, v: Float64Array) => Float32Array;
  readonly free: () => void;
}

/**
 * Makes the Jacobian-vector products of samples first … first + count - 1 of a problem, in forward mode: one tangent pass beside
 * a forward pass. The passes have a workspace of their own, since an objective's is without tangents, and may end at the logits.
 */
export function jacobianProducts(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): JacobianProducts {
  const { arena, kernels, graph, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const blocks = new Blocks();
  let room: Workspace | undefined;

  function allocate(): Workspace {
    // The loss is not computed; of the two kinds, it is the one whose passes go on to D(z).
    const workspace = blocks.add(() =>
      allocateWorkspace(packed, count, "squaredError", { withTangents: true }),
    );
    const given = blocks.add(() => allocateFixed(packed, count));
    given.point(workspace);
    for (let row = 0; row < count; row++) given.write(row, problem.fixed, first + row);
    return workspace;
  }

  return {
    at(rows, z, v) {
      room ??= allocate();
      const { pointer, latents, latentTangents, outputTangents } = room;
      arena.i32(room.rows, rows.length).set(rows);
      rows.forEach((row, i) => {
        const [from, end] = [i * d, (i + 1) * d];
        arena.f32(latents.pointer + row * latents.stride, d).set(z.subarray(from, end));
        arena.f32(latentTangents.pointer + row * latentTangents.stride, d).set(v.subarray(from, end));
      });
      kernels.decode(graph, pointer, rows.length, false);
      kernels.objectiveTangentForward(graph, pointer, rows.length);
      const products = new Float32Array(rows.length * n);
      rows.forEach((row, i) => {
        products.set(arena.f32(outputTangents.pointer + row * outputTangents.stride, n), i * n);
      });
      return products;
    },
    free: blocks.free,
  };
}
