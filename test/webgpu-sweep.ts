// npm run sweep:webgpu: random decoders on this machine's GPU and in WASM. Kernels of onnxruntime-web have been found to
// compute wrongly for some channels, groups and lengths: with a new version of it, or for a GPU's driver, this looks for
// more. Dawn takes the first GPU that the machine's driver offers, and else a program on the CPU.

import { Command } from "commander";
import { startDawn } from "../bench/dawn.ts";
import type { Problem } from "../src/backend/backend.ts";
import { webgpu } from "../src/backend/webgpu/index.ts";
import type { GraphDefinition } from "../src/graph/index.ts";
import { type Backend, createDecoder, squaredError, wasm } from "../src/index.ts";
import { allRows } from "../src/solver/objective.ts";
import { problemOf } from "./support/problem.ts";
import { randomArray } from "./support/random.ts";
import { randomGraph } from "./support/random-graph.ts";
import { randomPixels } from "./support/random-pixels.ts";
import { norm, relativeDistance } from "./support/reference.ts";

const program = new Command("sweep:webgpu")
  .description("random decoders on the GPU, held against WASM")
  .option("--seconds <n>", "for how long", "120")
  .option("--seed <n>", "where to begin", "1")
  .parse();
const { seconds, seed: first } = program.opts<{ seconds: string; seed: string }>();

const ROWS = 3;
const TOLERANCE = 1e-3;

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
