// What several threads gain over one, beside what the register peak gains from them in the same run, how soon an abort ends a
// call, and what memory a large decoder takes; bench/main.ts runs this in each runtime, after a build: the workers are those of
// build/lib.

import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { binaryCrossEntropy, createDecoder, type Decoder, decode, encode, summary } from "../src/index.ts";
import { createDataset, type Dataset, evaluate, rmsprop, train } from "../src/train/index.ts";
import { benchBackend } from "./kernels.ts";
import { startPeak } from "./peak.ts";
import { convolutionTask } from "./peers/convolution-task.ts";
import { benchDecoder, testDigits } from "./rig.ts";
import { median } from "./timing.ts";

const ROUNDS = 5;
const ENCODED = 1000;
const TRAINED = 480;
const PICTURES = 64;
const TRAINED_PICTURES = 48;
const DECODED = 2000;
const PEAK_MILLISECONDS = 500;
const ABORTS = 60;
const MOST_BEFORE_ABORT = 150;

const build = process.argv[2] === "relaxed" ? "relaxed" : "plain";
const threads = Number(process.argv[3] ?? availableParallelism());
const workerUrl = new URL("../build/lib/latentflow-worker.js", import.meta.url);
const decoder = await benchDecoder();
const y = await testDigits(ENCODED);
const digits = createDataset(y.subarray(0, TRAINED * decoder.outputSize), { shape: [28, 28] });
const { decoder: generator, y: pictures } = await convolutionTask("elu", PICTURES);
const codes = Float32Array.from({ length: DECODED * generator.latentSize }, (_, i) => Math.sin(i));
const peak = await startPeak(build, threads);
let reason: string | undefined;

/** Each measures the speed on so many threads, in any unit. */
const CASES: { name: string; target?: number; speed(count: number): Promise<number> }[] = [
  { name: "register peak", speed: (count) => peak.measure(count, PEAK_MILLISECONDS) },
  { name: `encode, ${ENCODED} digits`, target: 0.9, speed: encodingSpeed },
  { name: "training, mini-batch 16", target: 0.8, speed: (count) => trainingSpeed(count, 16) },
  { name: "training, mini-batch 5", target: 0.65, speed: (count) => trainingSpeed(count, 5) },
  { name: `DCGAN: encode, ${PICTURES}`, target: 0.9, speed: encodingPictures },
  { name: `DCGAN: decode, ${DECODED}`, target: 0.9, speed: decodingPictures },
  { name: `DCGAN: evaluate, ${PICTURES}`, target: 0.9, speed: evaluatingPictures },
  { name: "DCGAN: training, 16", target: 0.9, speed: trainingPictures },
];

function backend(count: number) {
  return benchBackend(build === "relaxed", { threads: count, worker: workerUrl });
}

async function encodingSpeed(count: number): Promise<number> {
  // Not its start: the first call on a decoder waits for the workers.
  await encode(decoder, y.subarray(0, 2 * decoder.outputSize), { backend: backend(count) });
  const result = await encode(decoder, y, { backend: backend(count) });
  reason ??= result.backend.reason;
  return summary(result).samplesPerSecond;
}

/** How many a second, once there are workers that hold the decoder. */
async function speedOf(units: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (units * 1000) / (performance.now() - start);
}

async function encodingPictures(count: number): Promise<number> {
  const options = { backend: backend(count) };
  await encode(generator, pictures.subarray(0, 2 * generator.outputSize), options);
  return speedOf(PICTURES, () => encode(generator, pictures, options));
}

async function evaluatingPictures(count: number): Promise<number> {
  return speedOf(PICTURES, () => evaluate(generator, pictures, { backend: backend(count) }));
}

async function decodingPictures(count: number): Promise<number> {
  return speedOf(DECODED, () => decode(generator, codes, { backend: backend(count) }));
}

function trainingPictures(count: number): Promise<number> {
  return imagesPerSecond(generator, pictures.subarray(0, TRAINED_PICTURES * generator.outputSize), 16, count);
}

function trainingSpeed(count: number, batchSize: number): Promise<number> {
  const layers = [20, 150, 300, 600, 784];
  const untrained = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [28, 28] });
  return imagesPerSecond(untrained, digits, batchSize, count);
}

async function imagesPerSecond(
  untrained: Decoder,
  data: Dataset | Float32Array,
  batchSize: number,
  count: number,
): Promise<number> {
  // Not its start: the first mini-batch waits for the workers and sends them the decoder.
  const times: { images: number; at: number }[] = [];
  await train(untrained, data, {
    optimizer: rmsprop(),
    batchSize,
    backend: backend(count),
    onProgress: ({ images }) => void times.push({ images, at: performance.now() }),
  });
  const [first, last] = [times[0]!, times.at(-1)!];
  return ((last.images - first.images) * 1000) / (last.at - first.at);
}

/** Milliseconds from each of some aborts, at random moments of a call, to the call's end, in ascending order. */
async function abortTimes(): Promise<number[]> {
  const times: number[] = [];
  while (times.length < ABORTS) {
    const controller = new AbortController();
    let aborted: number | undefined;
    const abort = () => {
      aborted = performance.now();
      controller.abort();
    };
    setTimeout(abort, Math.random() * MOST_BEFORE_ABORT);
    await encode(decoder, y, { backend: backend(threads), signal: controller.signal }).catch(() => {});
    if (aborted !== undefined) times.push(performance.now() - aborted);
  }
  return times.sort((a, b) => a - b);
}

/** Peak memory in MB of a process that encodes with a decoder of 65 million weights on so many threads. */
function peakMemory(count: number): number {
  const child = fileURLToPath(new URL("threads-memory.ts", import.meta.url));
  const args = [...process.execArgv, child, String(count), String(workerUrl)];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

// In turns, so that a machine that slows down slows all of them.
const rounds: { alone: number; together: number }[][] = [];
for (let round = 0; round < ROUNDS; round++) {
  const speeds = [];
  for (const { speed } of CASES) speeds.push({ alone: await speed(1), together: await speed(threads) });
  rounds.push(speeds);
}
const aborts = await abortTimes();
await peak.dispose();
decoder.dispose();
if (reason) throw new Error(reason);

console.log(`\n${process.version}, ${build} build: ${threads} threads over one`);
console.log("                          one thread   gain   gain ÷ the peak's   target");
CASES.forEach(({ name, target }, i) => {
  const alone = median(rounds.map((speeds) => speeds[i]!.alone));
  const gain = (speeds: (typeof rounds)[number], j: number) => speeds[j]!.together / speeds[j]!.alone;
  const share = median(rounds.map((speeds) => gain(speeds, i) / gain(speeds, 0)));
  const cells = [
    name.padEnd(24),
    `${alone.toFixed(1)}${i === 0 ? " GF" : " /s"}`.padStart(12),
    median(rounds.map((speeds) => gain(speeds, i)))
      .toFixed(2)
      .padStart(5),
    share.toFixed(3).padStart(18),
    (target === undefined ? "" : `>= ${target}`).padStart(7),
  ];
  console.log(cells.join("  "));
});
const [one, eight] = [peakMemory(1), peakMemory(8)];
console.log(
  `aborts: ${aborts[ABORTS / 2]!.toFixed(1)} ms to the call's end, at most ${aborts.at(-1)!.toFixed(1)}   target <= 20`,
);
console.log(
  `65 million weights: ${one} MB on one thread, ${eight} MB on 8, ${(eight / one).toFixed(2)} times as much   target <= 1.3`,
);
