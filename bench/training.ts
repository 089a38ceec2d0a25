// How much of training at mini-batch 5 is decoder passes; bench/main.ts runs this in each runtime.

import { binaryCrossEntropy, createDecoder } from "../src/index.ts";
import { createDataset, rmsprop, train } from "../src/train/index.ts";
import { testDigits } from "./rig.ts";
import { timedBackend } from "./timed-backend.ts";
import { median } from "./timing.ts";

const DIGITS = 480;
const ROUNDS = 3;

/** The kernels that run the decoder, forward or back; the solver's steps are in there and a few per cent of it. */
const PASSES = ["solverRun", "objectiveValue", "objectiveGradient", "objectiveParameterGradient"];

const build = process.argv[2] === "relaxed" ? "relaxed" : "plain";
const digits = createDataset(await testDigits(DIGITS), { shape: [28, 28] });
const shares: number[] = [];
const speeds: number[] = [];
const others = new Map<string, number>();
for (let round = 0; round < ROUNDS; round++) {
  const spent = new Map<string, number>();
  const decoder = createDecoder({
    layers: [20, 150, 300, 600, 784],
    loss: binaryCrossEntropy(),
    outputShape: [28, 28],
  });
  const start = performance.now();
  await train(decoder, digits, {
    optimizer: rmsprop(),
    batchSize: 5,
    backend: timedBackend(build === "relaxed", spent),
  });
  const total = performance.now() - start;
  const passes = PASSES.reduce((sum, name) => sum + (spent.get(name) ?? 0), 0);
  shares.push(passes / total);
  speeds.push((DIGITS * 1000) / total);
  for (const [name, time] of spent) if (!PASSES.includes(name)) others.set(name, time / total);
}
console.log(`\n${process.version}, ${build} build: training, mini-batch 5, ${DIGITS} digits`);
console.log(`${median(speeds).toFixed(1)} images a second`);
console.log(`in decoder passes: ${median(shares).toFixed(3)} of the time   target >= 0.85`);
const rest = [...others].map(([name, share]) => `${name} ${share.toFixed(3)}`).join(", ");
console.log(`other kernels: ${rest}; what is left is JavaScript`);
