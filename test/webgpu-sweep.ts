// npm run sweep:webgpu: random decoders on this machine's GPU and in WASM. Kernels of onnxruntime-web have been found to
// compute wrongly for some channels, groups and lengths: with a new version of it, or for a GPU's driver, this looks for
// more. Dawn takes the first GPU that the machine's driver offers, and else a program on the CPU.

import { Command } from "commander";
import { startDawn } from "../bench/dawn.ts";
import type { Problem } from "../src/backend/backend.ts";
import { webgpu } from "../src/backend/webgpu/index.ts";
import { createRandom } from "../src/base/random.ts";
import {
  averagePool,
  conv,
  convTranspose,
  dense,
  type GraphDefinition,
  type Layer,
  reshape,
  resize,
  sequential,
  slice,
  tanh,
  upsample,
} from "../src/graph/index.ts";
import { type Backend, createDecoder, squaredError, wasm } from "../src/index.ts";
import { allRows } from "../src/solver/objective.ts";
import { problemOf } from "./support/problem.ts";
import { randomArray } from "./support/random.ts";
import { randomGraph } from "./support/random-graph.ts";
import { norm, relativeDistance } from "./support/reference.ts";

const program = new Command("sweep:webgpu")
  .description("random decoders on the GPU, held against WASM")
  .option("--seconds <n>", "for how long", "120")
  .option("--seed <n>", "where to begin", "1")
  .parse();
const { seconds, seed: first } = program.opts<{ seconds: string; seed: string }>();

const ROWS = 3;
const TOLERANCE = 1e-3;

/** A layer or two on pixels, of any settings. */
function randomPixels(seed: number): GraphDefinition {
  const random = createRandom(seed);
  const from = (low: number, high: number) => low + Math.floor(random.uniform() * (high - low + 1));
  const of = <T>(list: readonly T[]): T => list[from(0, list.length - 1)]!;
  const axes = of([1, 2, 2, 2]);
  const each = (draw: () => number) => Array.from({ length: axes }, draw);
  const groups = of([1, 1, 1, 2, 3]);
  const channels = () => groups * from(1, 12);
  const kernel = each(() => from(1, 5));
  const [stride, dilation] = [of([1, 1, 2, 3]), of([1, 1, 1, 2])];
  const lengths = kernel.map((length) => dilation * (length - 1) + 1 + from(0, 8));
  const inside = [...kernel, ...kernel].map((length) => from(0, length - 1));
  const settings = { channels: channels(), kernel, stride, dilation, groups };
  const layer: Layer = of([
    () => conv({ ...settings, padding: inside }),
    () => conv({ ...settings, padding: inside.map((pixels) => (pixels > 1 ? pixels : 0)) }),
    () => convTranspose({ ...settings, outputPadding: from(0, Math.max(stride, dilation) - 1) }),
    () => convTranspose({ ...settings, padding: inside.map((pixels) => Math.min(pixels, 1)) }),
    () => averagePool({ kernel, stride, padding: inside, countPadding: from(0, 1) === 0 }),
    () => upsample({ scale: each(() => from(1, 3)), mode: of(["nearest", "bilinear"]) }),
    () => resize({ size: each(() => from(1, 20)), mode: of(["nearest", "linear", "cubic"]) }),
    () => slice({ axis: 0, start: -1, step: -from(1, 2) }),
  ])();
  const shape = [...lengths, channels()];
  const size = shape.reduce((product, length) => product * length);
  return sequential(3, [dense(size), tanh(), reshape(shape), layer, tanh()]);
}

async function evaluate(backend: Backend, problem: Problem) {
  const session = await backend.open(problem.decoder);
  const objective = await session.objective(problem, 0, ROWS);
  const z = Float64Array.from(randomArray(3, ROWS * problem.decoder.latentSize, -1, 1));
  const losses = await objective.value(allRows(ROWS), z);
  const gradients = await objective.gradient(allRows(ROWS));
  objective.dispose();
  return { losses, gradients };
}

/** How far the GPU's losses and gradients are off. */
async function errorOf(definition: GraphDefinition): Promise<number> {
  const decoder = createDecoder(definition, { seed: 1 });
  const targets = randomArray(4, ROWS * decoder.outputSize, 0.1, 0.9);
  const problem = problemOf(decoder, squaredError(), targets);
  const [got, expected] = [await evaluate(gpu, problem), await evaluate(cpu, problem)];
  decoder.dispose();
  const distance = (a: Float64Array, b: Float64Array) => (norm(b) === 0 ? norm(a) : relativeDistance(a, b));
  return Math.max(distance(got.losses, expected.losses), distance(got.gradients, expected.gradients));
}

startDawn();
const [gpu, cpu] = [webgpu(), wasm({ threads: 1 })];
const end = performance.now() + 1000 * Number(seconds);
let [tried, wrong] = [0, 0];
for (let seed = Number(first); performance.now() < end; seed++) {
  let definition: GraphDefinition;
  try {
    definition = seed % 4 === 0 ? randomGraph(seed) : randomPixels(seed);
  } catch {
    // Settings that do not fit together.
    continue;
  }
  tried++;
  const error = await errorOf(definition).catch(String);
  if (typeof error === "number" && error < TOLERANCE) continue;
  wrong++;
  const operations = definition.operations.map(({ kind, name, inputs, ...rest }) => ({ kind, ...rest }));
  console.log(`seed ${seed}: off by ${error}: ${JSON.stringify(operations)}`);
}
console.log(`${tried} decoders, ${wrong} wrong`);
process.exit(wrong > 0 ? 1 : 0);
