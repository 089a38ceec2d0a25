// lbfgs beside amd on MNIST test digits, one core: times to the same losses, in one run of one process.

import { type Amd, amd, type EncodeResult, encode, type Lbfgs, lbfgs } from "../src/index.ts";
import { benchBackend, benchKernels } from "./kernels.ts";
import { passesOf } from "./passes.ts";
import { bestOf, compilePeak } from "./peak.ts";
import { benchDecoder, testDigits, watchSlices } from "./rig.ts";
import { stepsTo } from "./steps-to.ts";
import { mean, median } from "./timing.ts";

const SAMPLES = 1000;
const ROUNDS = 3;
const SINGLE_DIGITS = 100;
/** Decoders whose first call is timed. */
const FIRST_CALLS = 10;
/** The register peak, in GFLOP/s, that the target for digits a second is for. */
const TARGET_PEAK = 58;

const decoder = await benchDecoder();
const digits = await testDigits(SAMPLES);
const backend = benchBackend();
const { build } = await benchKernels();
const peak = await compilePeak(build === "relaxed" ? "relaxed" : "plain");
const longestSlice = await watchSlices(decoder, build === "relaxed");

const solve = (solver: Amd | Lbfgs, y = digits, by = decoder) => encode(by, y, { backend, solver });
const meanLoss = ({ loss }: EncodeResult) => mean(loss);
const passes = (result: EncodeResult) => mean(passesOf(result, decoder.latentSize));

const byAmd = await solve(amd());
longestSlice();
const long = await solve(lbfgs({ tolerance: 1e-9 }));
const toAmdsLoss = lbfgs({
  maxSteps: await stepsTo(meanLoss(byAmd), async (maxSteps) => meanLoss(await solve(lbfgs({ maxSteps })))),
});

// In turns, so that a machine that slows down slows all of them.
const rounds: Record<"amd" | "toAmdsLoss" | "lbfgs", EncodeResult>[] = [];
const peaks: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  peaks.push(bestOf(peak));
  rounds.push({
    amd: await solve(amd()),
    toAmdsLoss: await solve(toAmdsLoss),
    lbfgs: await solve(lbfgs()),
  });
}
const slice = longestSlice();
const seconds = (name: keyof (typeof rounds)[0]) => median(rounds.map((round) => round[name].seconds));
const share = (name: keyof (typeof rounds)[0]) =>
  median(rounds.map((round) => round[name].seconds / round.amd.seconds));
const first = rounds[0]!;

console.log(`\n${process.version}, ${build} build: ${SAMPLES} MNIST test digits, one core`);
report("amd", first.amd, seconds("amd"));
report("lbfgs", first.lbfgs, seconds("lbfgs"));
report("to amd's end loss", first.toAmdsLoss, seconds("toAmdsLoss"));
console.log(
  `to amd's end loss: ${share("toAmdsLoss").toFixed(3)} of its time   target <= 0.5, of 28 decoders each`,
);
console.log(`to its own end: ${share("lbfgs").toFixed(3)} of amd's time`);
console.log(
  `its end loss less that of a long run: ${(meanLoss(first.lbfgs) - meanLoss(long)).toExponential(1)}`,
);
const perSecond = median(rounds.map(({ lbfgs }, r) => (SAMPLES / lbfgs.seconds / peaks[r]!) * TARGET_PEAK));
console.log(
  `${(SAMPLES / seconds("lbfgs")).toFixed(0)} digits a second at a register peak of ${median(peaks).toFixed(1)} GFLOP/s; at ${TARGET_PEAK} that is ${perSecond.toFixed(0)}   target >= 850`,
);
console.log(`one digit, from call to result: ${(await oneDigit()).toFixed(2)} ms   target <= 1.5`);
const [firstByLbfgs, firstByAmd] = await firstCalls();
console.log(
  `the first call on a decoder: ${firstByLbfgs.toFixed(1)} ms; without a step, by amd, which makes no preconditioner: ${firstByAmd.toFixed(1)} ms`,
);
console.log(`longest slice: ${slice.toFixed(1)} ms   target <= 30`);

function report(name: string, result: EncodeResult, time: number): void {
  const counts = new Map<string, number>();
  for (const status of result.status) counts.set(status, (counts.get(status) ?? 0) + 1);
  const statuses = Array.from(counts, ([status, count]) => `${count} ${status}`).join(", ");
  console.log(
    `${name.padEnd(17)}  mean loss ${meanLoss(result).toFixed(5)}, ${passes(result).toFixed(1)} passes a digit, ${time.toFixed(2)} s, ${statuses}`,
  );
}

function digit(i: number): Float32Array {
  return digits.slice(i * decoder.outputSize, (i + 1) * decoder.outputSize);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The median over the digits of milliseconds for one alone. */
async function oneDigit(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < SINGLE_DIGITS; i++) times.push(await timed(() => solve(lbfgs(), digit(i))));
  return median(times);
}

/** Medians of milliseconds for a digit with a decoder that nothing is packed or made of yet, by each solver. */
async function firstCalls(): Promise<[byLbfgs: number, byAmd: number]> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < FIRST_CALLS; i++) {
    for (const [j, solver] of [lbfgs(), amd({ maxSteps: 0 })].entries()) {
      const fresh = await benchDecoder();
      times[j]!.push(await timed(() => solve(solver, digit(i), fresh)));
      fresh.dispose();
    }
  }
  return [median(times[0]), median(times[1])];
}
