// What share of the register peak encode reaches as the paper's decoder grows wider, beside what it reaches at ×1.

import { layersOf } from "../src/graph/layers.ts";
import { amd, binaryCrossEntropy, createDecoder, type Decoder, encode } from "../src/index.ts";
import { benchBackend, benchKernels } from "./kernels.ts";
import { bestOf, compilePeak } from "./peak.ts";
import { testDigits } from "./rig.ts";
import { median, total } from "./timing.ts";

const WIDTHS = [1, 2, 4, 8, 16];
const ROUNDS = 3;
/** A call does so many floating point operations at least, so that a narrow decoder's is not over at once. */
const OPERATIONS = 2e10;
/** Samples come in as many as are resident at once at most. */
const ROWS = 48;
/** So that all take as many steps. */
const solver = amd({ maxSteps: 4, tolerance: 0, t1: 1e9 });

interface Subject {
  readonly width: number;
  readonly decoder: Decoder;
  readonly y: Float32Array;
  readonly weights: number;
}

const { build } = await benchKernels();
const peak = await compilePeak(build === "relaxed" ? "relaxed" : "plain");
const backend = benchBackend();
const subjects: Subject[] = [];
for (const width of WIDTHS) subjects.push(await prepare(width));

const shares: number[][] = [];
const times: number[][] = [];
// In turns, so that a machine that slows down slows all of them.
for (let round = 0; round < ROUNDS; round++) {
  const measured = [];
  for (const subject of subjects) measured.push(await measure(subject));
  shares.push(measured.map(({ share }) => share));
  times.push(measured.map(({ microseconds }) => microseconds));
}

console.log(`\n${process.version}, ${build} build: encode by amd, ${solver.maxSteps} steps, one core`);
console.log("width      weights   samples   µs a pass   share of the peak   ÷ ×1's   target");
subjects.forEach(({ width, weights, y, decoder }, i) => {
  const of = (rounds: readonly number[][]) => median(rounds.map((round) => round[i]!));
  const cells = [
    `×${width}`.padStart(5),
    weights.toLocaleString("en").padStart(11),
    String(y.length / decoder.outputSize).padStart(8),
    of(times).toFixed(1).padStart(10),
    of(shares).toFixed(3).padStart(18),
    median(shares.map((round) => round[i]! / round[0]!))
      .toFixed(3)
      .padStart(7),
    (width === 1 ? "" : ">= 0.9").padStart(7),
  ];
  console.log(cells.join("  "));
});

/** The decoder, untrained and packed, and digits for it. */
async function prepare(width: number): Promise<Subject> {
  const layers = [20, ...[150, 300, 600].map((size) => size * width), 784];
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), seed: 0 });
  const weights = layersOf(decoder).reduce((sum, { weight }) => sum + weight.length, 0);
  const operations = 4 * weights * (solver.maxSteps + 1) * ROWS;
  const y = await testDigits(ROWS * Math.ceil(OPERATIONS / operations));
  await encode(decoder, y.subarray(0, decoder.outputSize), { solver, backend });
  return { width, decoder, y, weights };
}

async function measure({ decoder, y, weights }: Subject): Promise<{ share: number; microseconds: number }> {
  const before = bestOf(peak);
  const { seconds, stats } = await encode(decoder, y, { solver, backend });
  const best = Math.max(before, bestOf(peak));
  const passes = total(stats.valueEvaluations) + total(stats.gradientEvaluations);
  return {
    share: (2 * weights * passes) / (seconds * 1e9) / best,
    microseconds: (seconds * 1e6) / passes,
  };
}
