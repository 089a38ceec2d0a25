// What the examples have already, each where it does not make its own.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createDecoder } from "latentflow";

const HEADER = 16;
const pixels = gunzipSync(readFileSync("images.idx3-ubyte.gz")).subarray(HEADER);

export const decoder = createDecoder({ layers: [2, 10, 784], outputShape: [28, 28], loss: "bce", seed: 1 });
/** Five digits. */
export const y = Float32Array.from(pixels.subarray(0, 5 * 784), (value) => value / 255);
export const weights = new Float32Array(784).fill(1);
export const z0 = new Float32Array(5 * 2);
export const { signal } = new AbortController();
