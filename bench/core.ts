// One runtime's figures; bench/main.ts runs this in each. Everything is a ratio inside one run.

import { residentRows } from "../src/backend/wasm/batch-size.ts";
import { costOf } from "../src/graph/graph.ts";
import { type Amd, amd, encode, type Lbfgs, lbfgs, summary } from "../src/index.ts";
import { benchBackend } from "./kernels.ts";
import { passesOf } from "./passes.ts";
import { bestOf, compilePeak } from "./peak.ts";
import { benchDecoder, makeDigitRig, testDigits, watchSlices } from "./rig.ts";
import { type Case, interleave, median, total } from "./timing.ts";

const ROUNDS = 15;
const ROWS = [1, 5, 32, 36, 96, 128];
const LOOP_SAMPLES = 1000;

/** Shares of the register peak that the z-gradient is meant to reach, by rows; of the machine that set them. */
const TARGETS: Record<string, Record<number, number>> = {
  "relaxed v24": { 5: 0.68, 36: 0.88, 96: 0.88 },
  "plain v24": { 5: 0.68, 36: 0.74, 96: 0.74 },
  "plain v20": { 5: 0.66, 36: 0.74, 96: 0.74 },
};

const build = process.argv[2] === "relaxed" ? "relaxed" : "plain";
const runtime = process.version.split(".")[0]!;
const decoder = await benchDecoder();
// Multiply and add, forward and backward, for each weight.
const gradientOperations = 4 * costOf(decoder).multiplications;
const residents = residentRows(decoder);
const rig = await makeDigitRig(decoder, build === "relaxed", Math.max(...ROWS));
const peak = await compilePeak(build);

await reportGradient();
const longestSlice = await watchSlices(decoder, build === "relaxed");
await reportLoop(lbfgs(), 1.15);
await reportLoop(amd(), 1.05);

async function reportGradient(): Promise<void> {
  const peaks: number[] = [];
  const cases = ROWS.map((rows): Case => {
    const repeats = Math.ceil(200 / rows);
    return {
      name: String(rows),
      units: rows * repeats,
      run() {
        for (let i = 0; i < repeats; i++) {
          rig.forward(rows);
          rig.backward(rows);
        }
      },
    };
  });
  // Each round begins with the peak, the best of many short runs.
  const peakCase: Case = {
    name: "peak",
    units: 1,
    run: () => void peaks.push(bestOf(peak)),
  };
  const times = interleave([peakCase, ...cases], ROUNDS);
  const best = peaks.slice(-ROUNDS);
  console.log(`\n${process.version}, ${build} build: register peak ${median(best).toFixed(1)} GFLOP/s`);
  console.log("rows   µs a sample   share of the peak   target");
  ROWS.forEach((rows, i) => {
    const microseconds = median(times.map((round) => round[i + 1]! * 1000));
    const share = median(times.map((round, r) => gradientOperations / (round[i + 1]! * 1e6) / best[r]!));
    const target = TARGETS[`${build} ${runtime}`]?.[rows];
    const cells = [
      String(rows).padStart(4),
      microseconds.toFixed(1).padStart(11),
      share.toFixed(3).padStart(19),
      (target === undefined ? "" : `>= ${target}`).padStart(13),
    ];
    console.log(cells.join("  "));
  });
}

/** How much of encode is not passes: the solver's own work, staging, crossing, collecting. */
async function reportLoop(solver: Amd | Lbfgs, target: number): Promise<void> {
  const y = await testDigits(LOOP_SAMPLES);
  const backend = benchBackend(build === "relaxed");
  const ratios: number[] = [];
  let line = "";
  longestSlice();
  for (let round = 0; round < 3; round++) {
    const before = passTimes();
    const result = await encode(decoder, y, { backend, solver });
    const after = passTimes();
    const backward = total(result.stats.gradientEvaluations);
    // A tangent is taken for a pass forward.
    const forward = total(passesOf(result, decoder.latentSize)) - backward;
    const milliseconds =
      (forward * (before.forward + after.forward) + backward * (before.backward + after.backward)) / 2;
    ratios.push((result.seconds * 1000) / milliseconds);
    const { meanLoss, samplesPerSecond } = summary(result);
    line = `${LOOP_SAMPLES} digits to a mean loss of ${meanLoss.toFixed(4)}: ${samplesPerSecond.toFixed(1)} a second`;
  }
  console.log(`encode by ${solver.name}, ${residents} resident: ${line}`);
  console.log(`encode ÷ its passes alone: ${median(ratios).toFixed(3)}   target <= ${target}`);
  console.log(`longest slice: ${longestSlice().toFixed(1)} ms   target <= 30`);
}

/** Milliseconds of one row's pass, at as many rows as encode keeps resident. */
function passTimes(): { forward: number; backward: number } {
  const repeats = 10;
  const times = interleave(
    [
      { name: "forward", units: repeats * residents, run: () => repeat(() => rig.forward(residents)) },
      { name: "backward", units: repeats * residents, run: () => repeat(() => rig.backward(residents)) },
    ],
    5,
  );
  function repeat(pass: () => void): void {
    for (let i = 0; i < repeats; i++) pass();
  }
  return { forward: median(times.map((t) => t[0]!)), backward: median(times.map((t) => t[1]!)) };
}
