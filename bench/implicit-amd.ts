// implicitAmd beside amd on MNIST test digits, one core: times to the same losses, in one run of one process.
import { compileKernels } from "../src/backend/wasm/load.ts";
import { amd, type EncodeResult, encode, implicitAmd, wasm } from "../src/index.ts";
import { median } from "./measure.ts";
import { compilePeak } from "./peak.ts";
import { benchDecoder, testDigits, watchSlices } from "./rig.ts";
import { stepsTo } from "./steps-to.ts";

const SAMPLES = 1000;
const ROUNDS = 3;
/** The register peak, in GFLOP/s, that the target for digits a second is for. */
const TARGET_PEAK = 58;

const decoder = await benchDecoder();
const digits = await testDigits(SAMPLES);
const backend = wasm({ threads: 1 });
const { build } = await compileKernels(undefined);
const peak = await compilePeak(build === "relaxed" ? "relaxed" : "plain");
const longestSlice = await watchSlices(decoder, build === "relaxed", "solveImplicitAmd");

const solve = (solver: ReturnType<typeof amd> | ReturnType<typeof implicitAmd>, y = digits) =>
  encode(decoder, y, { backend, solver });
const meanOf = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const meanLoss = ({ loss }: EncodeResult) => meanOf(loss);
/** Passes of one row through the decoder, forward or back; a matrix is as many as its tangents. */
const passes = ({ stats }: EncodeResult) =>
  meanOf(stats.valueEvaluations) +
  meanOf(stats.gradientEvaluations) +
  decoder.latentSize * meanOf(stats.matrixEvaluations);

const stepsOfImplicit = (loss: number) =>
  stepsTo(loss, async (maxSteps) => meanLoss(await solve(implicitAmd({ maxSteps }))));

const thousand = await solve(amd({ maxSteps: 1000, tolerance: 0, t1: 1e9 }));
const long = await solve(implicitAmd({ tolerance: 1e-9 }));
const explicitLoss = meanLoss(await solve(amd()));
const toExplicit = implicitAmd({ maxSteps: await stepsOfImplicit(explicitLoss) });
const toThousand = implicitAmd({ maxSteps: await stepsOfImplicit(meanLoss(thousand)) });

// In turns, so that a machine that slows down slows all of them.
const rounds: Record<"amd" | "toExplicit" | "toThousand" | "implicit", EncodeResult>[] = [];
const peaks: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  peaks.push(Math.max(...Array.from({ length: 40 }, () => peak.measure())));
  rounds.push({
    amd: await solve(amd()),
    toExplicit: await solve(toExplicit),
    toThousand: await solve(toThousand),
    implicit: await solve(implicitAmd()),
  });
}
const seconds = (name: keyof (typeof rounds)[0]) => median(rounds.map((round) => round[name].seconds));
const share = (name: keyof (typeof rounds)[0]) =>
  median(rounds.map((round) => round[name].seconds / round.amd.seconds));
const first = rounds[0]!;

console.log(`\n${process.version}, ${build} build: ${SAMPLES} MNIST test digits, one core`);
report("amd", first.amd, seconds("amd"));
report("implicitAmd", first.implicit, seconds("implicit"));
report("amd, 1,000 steps", thousand, thousand.seconds);
console.log(
  `to amd's end loss: ${share("toExplicit").toFixed(3)} of its time   target <= 0.25, stretch 0.167`,
);
console.log(
  `to the loss of 1,000 amd steps: ${(seconds("toThousand") / thousand.seconds).toFixed(3)} of their time   target <= 0.125`,
);
console.log(
  `its end loss less that of a long run: ${(meanLoss(first.implicit) - meanLoss(long)).toExponential(1)}   target <= 3e-4`,
);
console.log(`to its end: ${share("implicit").toFixed(3)} of amd's time   target <= 1, stretch 0.5`);
const perSecond = median(
  rounds.map(({ implicit }, r) => (SAMPLES / implicit.seconds / peaks[r]!) * TARGET_PEAK),
);
console.log(
  `${(SAMPLES / seconds("implicit")).toFixed(0)} digits a second at a register peak of ${median(peaks).toFixed(1)} GFLOP/s; at ${TARGET_PEAK} that is ${perSecond.toFixed(0)}   target >= 150`,
);
console.log(`one digit, from call to result: ${(await oneDigit()).toFixed(1)} ms   target <= 15`);
console.log(`longest slice: ${longestSlice().toFixed(1)} ms   target <= 30`);

function report(name: string, result: EncodeResult, time: number): void {
  const loss = meanLoss(result).toFixed(5);
  console.log(
    `${name.padEnd(16)}  mean loss ${loss}, ${passes(result).toFixed(0)} passes a digit, ${time.toFixed(2)} s`,
  );
}

/** The median over the digits of milliseconds for one alone. */
async function oneDigit(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 100; i++) {
    const digit = digits.slice(i * decoder.outputSize, (i + 1) * decoder.outputSize);
    const start = performance.now();
    await solve(implicitAmd(), digit);
    times.push(performance.now() - start);
  }
  return median(times);
}
