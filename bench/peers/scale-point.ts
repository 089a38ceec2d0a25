// One point of the scale table in a process of its own, whose memory is that point's alone.
// Arguments: layers, samples, steps. Prints a line of JSON.

import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { amd, binaryCrossEntropy, createDecoder, encode } from "../../src/index.ts";
import { benchKernels } from "../kernels.ts";
import { testDigits } from "../rig.ts";
import { mean } from "../timing.ts";
import { oneThread } from "./latentflow.ts";

/** As many as there are; a larger number of samples is a multiple of it. */
const TEST_DIGITS = 10_000;

const layers = process.argv[2]!.split(",").map(Number);
const [samples, maxSteps] = process.argv.slice(3).map(Number) as [number, number];
const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), seed: 0 });
const y = await digits(samples);
// So that all take so many steps.
const solver = amd({ maxSteps, tolerance: 0, t1: 1e9 });
const backend = oneThread();

// What reading the digits has left.
globalThis.gc?.();
const residentBefore = process.memoryUsage().rss;
// Compiles and packs.
await encode(decoder, y.subarray(0, decoder.outputSize), { solver, backend });
const { seconds, stats } = await encode(decoder, y, { solver, backend });
const grownBytes = process.memoryUsage().rss - residentBefore;
const passes = mean(stats.valueEvaluations) + mean(stats.gradientEvaluations);
const weights = layersOf(decoder).reduce((sum, { weight }) => sum + weight.length, 0);
const { arena } = await packDecoder(decoder, await benchKernels());
const point = {
  weights,
  seconds,
  microsecondsPerPass: (seconds * 1e6) / (samples * passes),
  gigaflops: (2 * weights * passes * samples) / (seconds * 1e9),
  wasmBytes: arena.byteLength,
  grownBytes,
  dataBytes: y.byteLength,
};
console.log(JSON.stringify(point));

/** MNIST test digits, again from the first after the last. */
async function digits(count: number): Promise<Float32Array> {
  const all = await testDigits(Math.min(count, TEST_DIGITS));
  const repeated = new Float32Array((count * all.length) / Math.min(count, TEST_DIGITS));
  for (let at = 0; at < repeated.length; at += all.length) repeated.set(all, at);
  return repeated;
}
