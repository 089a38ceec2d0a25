import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { layersOf } from "../../src/graph/layers.ts";
import {
  binaryCrossEntropy,
  type Decoder,
  type Loss,
  loadDecoder,
  type Reduction,
  squaredError,
} from "../../src/index.ts";
import { norm } from "./reference.ts";

// Results of an independent program in double precision: see section 9 of its description in test/vectors.

/** Sampled entries of the gradients of each of a decoder's tensors, by PyTorch's name, and their norms. */
export type TensorEntries = Record<string, { index: number[]; value: number[]; norm: number }>;

export interface ValueVectors {
  loss: "bce" | "mse";
  y?: number[][];
  value_and_gradient: {
    z: number[][];
    loss: number[];
    grad_z: number[][];
    v: number[][];
    hessian_v: number[][];
  };
  partial_theta_at_z: TensorEntries;
  mixed_theta_v: TensorEntries;
}

/** Holds a whole gradient against sampled entries and norms of each tensor. */
export function checkTensors(
  decoder: Decoder,
  gradient: Float32Array,
  expected: TensorEntries,
  label: string,
  tolerance = 1e-5,
): void {
  let first = 0;
  for (const { name, weight, bias } of layersOf(decoder)) {
    for (const [part, length] of [
      ["weight", weight.length],
      ["bias", bias.length],
    ] as const) {
      const got = gradient.subarray(first, first + length);
      first += length;
      const { index, value, norm: expectedNorm } = expected[`${name}.${part}`]!;
      // Relative to the entries' own norm, or to what an average draw of as many would have.
      const scale = Math.max(norm(value), expectedNorm * Math.sqrt(index.length / length));
      const error = norm(index.map((at, i) => got[at]! - value[i]!)) / scale;
      assert.ok(error < tolerance, `${label} ${name}.${part} off by ${error}`);
      assert.ok(Math.abs(norm(got) / expectedNorm - 1) < tolerance, `${label} ${name}.${part}: norm`);
    }
  }
  assert.is(first, gradient.length);
}

export const VECTOR_NAMES = ["tiny-bce-elu", "tiny-mse-tanh", "mlp20"];

export async function loadVectors<Vectors extends ValueVectors>(
  name: string,
): Promise<{ vectors: Vectors; decoder: Decoder; y: Float32Array }> {
  const url = (file: string) => new URL(`../vectors/${file}`, import.meta.url);
  const vectors: Vectors = JSON.parse(readFileSync(url(`${name}.json`), "utf8"));
  const decoder = await loadDecoder(url(`${name}.safetensors`));
  return { vectors, decoder, y: vectors.y ? Float32Array.from(vectors.y.flat()) : testImages() };
}

/** images.safetensors: 8 × 784 bytes at its end. */
function testImages(): Float32Array {
  const bytes = readFileSync(new URL("../vectors/images.safetensors", import.meta.url));
  return Float32Array.from(bytes.subarray(bytes.length - 8 * 784), (value) => value / 255);
}

/** The loss that the vectors are for. */
export function vectorLoss(vectors: ValueVectors, reduction?: Reduction): Loss {
  const options = reduction ? { reduction } : {};
  return vectors.loss === "bce" ? binaryCrossEntropy(options) : squaredError(options);
}
