import { paddedSize } from "../../src/backend/wasm/layout.ts";
import { compileKernels } from "../../src/backend/wasm/load.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { allocateWorkspace } from "../../src/backend/wasm/workspace.ts";
import type { ConvolutionTask } from "./convolution-task.ts";
import { type Peer, repeatTimed } from "./peer.ts";

/** Our kernels on one thread, called without anything around them. */
export async function latentflowConvolutions(
  { decoder, y, z }: ConvolutionTask,
  relaxed: boolean,
): Promise<Peer> {
  const build = relaxed ? "relaxed" : "plain";
  const packed = await packDecoder(decoder, await compileKernels(relaxed));
  const { arena, kernels, graph } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  return {
    name: `latentflow, ${build} SIMD`,
    about: `our kernels with ${build} SIMD, one thread`,
    async gradient(rows) {
      const workspace = allocateWorkspace(packed, rows, "squaredError");
      const targets = arena.allocate((piece) => piece(4 * paddedSize(n) * rows)).layout;
      arena.i32(workspace.weights, rows).fill(0);
      arena.f64(workspace.scales, rows).fill(1 / n);
      for (let row = 0; row < rows; row++) {
        const target = targets + row * 4 * paddedSize(n);
        arena.f32(target, n).set(y.subarray(row * n, (row + 1) * n));
        arena.i32(workspace.targets, rows)[row] = target;
        arena.i32(workspace.rows, rows)[row] = row;
      }
      const result = new Float32Array(rows * d);
      const rowOf = ({ pointer, stride }: { pointer: number; stride: number }, row: number) =>
        arena.f32(pointer + row * stride, d);
      function once(): void {
        for (let row = 0; row < rows; row++) {
          rowOf(workspace.latents, row).set(z.subarray(row * d, (row + 1) * d));
        }
        kernels.objectiveValue(graph, workspace.pointer, rows);
        kernels.objectiveGradient(graph, workspace.pointer, rows);
        for (let row = 0; row < rows; row++) result.set(rowOf(workspace.gradients, row), row * d);
      }
      return {
        run: (repeats) => repeatTimed(repeats, once),
        async gradients() {
          once();
          return result;
        },
      };
    },
    encode: undefined,
    dispose() {},
  };
}
