// What the examples have already, each where it does not make its own.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createDecoder } from "latentflow";
import { concat, dense, elu, embedding, graph, sigmoid } from "latentflow/graph";

const HEADER = 16;
const pixels = gunzipSync(readFileSync("images.idx3-ubyte.gz")).subarray(HEADER);

export const decoder = createDecoder({ layers: [2, 10, 784], outputShape: [28, 28], loss: "bce", seed: 1 });
/** Five digits. */
export const y = Float32Array.from(pixels.subarray(0, 5 * 784), (value) => value / 255);
/** The same, as pages name whole ones beside those with gaps. */
export const digits = y;
export const weights = new Float32Array(784).fill(1);
export const z0 = new Float32Array(5 * 2);
export const { signal } = new AbortController();

/** Samples of 784 numbers with a class beside the latent. */
export const conditional = createDecoder(
  graph(({ latent, fixed }) => {
    const label = embedding({ classes: 10, units: 3 })(fixed("label", { classes: 10 }));
    return sigmoid()(dense(784)(concat()(latent(2), label)));
  }),
  { loss: "bce" },
);
/** Distances of points from a shape. */
export const sdf = createDecoder(
  graph(({ latent, points }) => dense(1)(elu()(dense(8)(concat()(latent(2), points("xyz", 3)))))),
  { loss: "mse" },
);
/** Two samples of 2,000 points. */
export const distances = new Float32Array(2 * 2000).fill(0.1);
export const xyz = Float32Array.from({ length: 2000 * 3 }, (_, i) => Math.sin(i));
export const z = new Float32Array(2);
export const grid = Float32Array.from({ length: 3 * 64 ** 3 }, (_, i) => {
  const point = Math.floor(i / 3);
  return (Math.floor(point / 64 ** (i % 3)) % 64) / 32 - 1;
});
