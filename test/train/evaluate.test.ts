import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset, Dataset } from "../../src/api/dataset.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  type EncodeProgress,
  encode,
  gaussian,
  type Loss,
  lbfgs,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
  summary,
} from "../../src/index.ts";
import { lossFloors } from "../../src/terms/loss-floor.ts";
import { encodeWith } from "../../src/train/encode-with.ts";
import { type EvaluateReport, evaluate } from "../../src/train/evaluate.ts";
import type { EvaluateEncoderOptions, EvaluateOptions } from "../../src/train/evaluate-options.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { norm, objectiveOf } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

const n = 9;
const decoder = createDecoder({
  layers: [3, 7, n],
  seed: 1,
  loss: binaryCrossEntropy(),
  outputShape: [3, 3],
});
const bytes = (count: number) =>
  createDataset(Uint8Array.from(randomArray(2, count * n, 0, 255.99)), { shape: [3, 3] });
/** More than two pieces, the last one odd. */
const many = bytes(2017);
const few = bytes(17);
const solver = amd({ maxSteps: 12 });

/** All that is not time. */
function timeless({ seconds, samplesPerSecond, ...rest }: EvaluateReport): object {
  return rest;
}

for (const { name, backend } of builds) {
  test(`${name}: the numbers are encode's, bit for bit, also where pieces meet`, async () => {
    const encoded = await encode(decoder, many.toFloat32(), { solver, backend });
    const report = await evaluate(decoder, many, { solver, backend });
    const { loss, prior, objective, initialLoss, gradientNorm, missing, status, stats, warnings } = encoded;
    const { meanExcessLoss } = report;
    const { seconds, samplesPerSecond, ...figures } = summary(encoded);
    const perSample = { loss, prior, objective, initialLoss, gradientNorm, missing, status, stats, warnings };
    // Without a prior it is the loss.
    const meanObjective = figures.meanLoss;
    assert.equal(timeless(report), { ...figures, meanExcessLoss, meanObjective, ...perSample });
    assert.ok(report.seconds > 0 && report.samplesPerSecond > 0);
  });
}

const rowWeights = randomArray(3, n, 0, 1);
const cases: [string, EncodeOptions & EvaluateOptions][] = [
  ["L-BFGS", { solver: lbfgs() }],
  ["the default", {}],
  ["another flow", { flow: nesterovFlow(), solver: rk4({ grid: logGrid({ t1: 5, slices: 3 }) }) }],
  ["a sum", { loss: binaryCrossEntropy({ reduction: "sum" }), solver }],
  ["squared errors, one sample at once", { loss: squaredError(), solver, batchSize: 1 }],
  ["weights for all", { weights: rowWeights, solver }],
  ["weights for each", { weights: randomArray(4, 1005 * n, 0, 1), solver }],
];
for (const [name, options] of cases) {
  test(`${name}: the losses are encode's, and those above the least possible follow`, async () => {
    const data = bytes(1005);
    const y = data.toFloat32();
    const report = await evaluate(decoder, data, options);
    const { loss, stats } = await encode(decoder, y, options);
    assert.equal(report.loss, loss);
    assert.equal(report.stats, stats);
    const { name: lossName, reduction } = (options.loss as Loss | undefined) ?? binaryCrossEntropy();
    const floors =
      lossName === "binaryCrossEntropy"
        ? lossFloors(binaryCrossEntropy({ reduction }), y, n, options.weights as Float32Array | undefined)
        : new Float64Array(data.count);
    const mean = floors.reduce((sum, floor, i) => sum + loss[i]! - floor, 0) / data.count;
    assert.ok(Math.abs(report.meanExcessLoss - mean) < 1e-12, `${report.meanExcessLoss} and ${mean}`);
  });
}

/** As `decoder`'s, the other way round. */
const encoderOf = (seed = 2) => createDecoder({ layers: [n, 7, 3], seed });

test("by an encoder: losses, prior, gradients and their means agree with float64, also where pieces meet", async () => {
  const data = bytes(1005);
  const y = data.toFloat32();
  const encoder = encoderOf();
  const z = await encodeWith(encoder, y);
  const [mean, std, weight] = [[0.5, -1, 2], [0.4, 1, 3], 1.5] as const;
  const near = (actual: number, expected: number, label: string, bound = 1e-6) =>
    assert.ok(
      Math.abs(actual - expected) <= bound * Math.abs(expected),
      `${label}: ${actual}, not ${expected}`,
    );
  for (const of of [binaryCrossEntropy, squaredError]) {
    for (const reduction of ["mean", "sum"] as const) {
      for (const prior of [undefined, gaussian({ mean, std, weight })]) {
        const loss = of({ reduction });
        const report = await evaluate(decoder, data, { encoder, loss, ...(prior && { prior }) });
        const sums = { loss: 0, excess: 0, objective: 0 };
        for (let i = 0; i < data.count; i++) {
          const label = `${loss.name}, ${reduction}, ${prior ? "prior" : "no prior"}, sample ${i}`;
          const [code, sample] = [z.subarray(3 * i, 3 * i + 3), y.subarray(n * i, n * i + n)];
          const { value, gradient } = objectiveOf(decoder, loss, code, sample);
          const share = (prior ? weight : 0) / (reduction === "sum" ? 1 : n);
          const away = Array.from(code, (c, k) => (c - mean[k]!) / std[k]!);
          const priorShare = (share * norm(away) ** 2) / 2;
          const objective = value + priorShare;
          const slope = gradient.map((g, k) => g + (share * away[k]!) / std[k]!);
          near(report.loss[i]!, value, `${label}: loss`, 1e-6 + (1e-7 * priorShare) / value);
          near(report.objective[i]!, objective, `${label}: objective`);
          if (prior) near(report.prior![i]!, (weight * norm(away) ** 2) / 2, `${label}: prior`);
          else assert.is(report.prior, undefined);
          near(report.gradientNorm[i]!, norm(slope), `${label}: gradient norm`, 2e-5);
          sums.loss += value;
          sums.excess += value - lossFloors(loss, sample, n)[0]!;
          sums.objective += objective;
        }
        const label = `${loss.name}, ${reduction}, ${prior ? "prior" : "no prior"}`;
        near(report.meanLoss, sums.loss / data.count, `${label}: mean loss`);
        near(report.meanExcessLoss, sums.excess / data.count, `${label}: mean excess`, 1e-5);
        near(report.meanObjective, sums.objective / data.count, `${label}: mean objective`);
        assert.equal([report.samples, report.nonfinite], [data.count, 0]);
        // @ts-expect-error no flow has ended
        assert.is(report.status, undefined);
      }
    }
  }
  // @ts-expect-error a flow starts there
  const start: EvaluateEncoderOptions = { encoder, z0: z };
  await rejected(evaluate(decoder, y, start), "invalid_argument", /encoder and z0 are both given/);
});

test("the gap is the encoder's loss less the flow's, in float64, too; all else is as without it", async () => {
  const data = bytes(1005);
  const y = data.toFloat32();
  const encoder = encoderOf();
  const z0 = randomArray(6, 1005 * 3, -1, 1);
  const given = { loss: squaredError(), solver: amd({ maxSteps: 40 }), z0, prior: gaussian() } as const;
  for (const options of [{}, given] as readonly Partial<typeof given>[]) {
    const progress: EncodeProgress[] = [];
    const onProgress = (each: EncodeProgress) => void progress.push(each);
    const report = await evaluate(decoder, data, { encoder, gap: true, onProgress, ...options });
    const encoded = await encode(decoder, y, options);
    const { loss: flowLosses, z, stats } = encoded;
    assert.ok(stats.acceptedSteps.some((steps) => steps > 3));
    const loss = options.loss ?? binaryCrossEntropy();
    const gaps: number[] = [];
    for (let i = 0; i < data.count; i++) {
      const sample = y.subarray(n * i, n * i + n);
      const code = objectiveOf(encoder, squaredError(), sample, new Float32Array(3)).output;
      const byEncoder = objectiveOf(decoder, loss, code, sample).value;
      const byFlow = objectiveOf(decoder, loss, z.subarray(3 * i, 3 * i + 3), sample).value;
      gaps.push(byEncoder - byFlow);
      assert.ok(
        Math.abs(report.gap![i]! - gaps[i]!) < 2e-6 * byEncoder,
        `${i}: ${report.gap![i]}, ${gaps[i]}`,
      );
      assert.is(report.gap![i], report.loss[i]! - flowLosses[i]!);
    }
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    assert.ok(mean > 0 && Math.abs(report.meanGap! - mean) < 1e-6, `${report.meanGap}, ${mean}`);
    assert.equal([progress.at(-1)!.done, progress.at(-1)!.total], [1005, 1005]);
    assert.ok(progress.every(({ done }, i) => i === 0 || done >= progress[i - 1]!.done));
    const { seconds, samplesPerSecond, gap, meanGap, flows, ...others } = report;
    const { meanLoss, meanAcceptedSteps, meanBacktracks, statuses } = summary(encoded);
    const { loss: losses, status } = encoded;
    const beside = { meanLoss, meanAcceptedSteps, meanBacktracks, statuses, loss: losses, status, stats };
    assert.equal(flows, beside);
    const { loss: of, prior } = options;
    const plain = await evaluate(decoder, data, {
      encoder,
      ...(of && { loss: of }),
      ...(prior && { prior }),
    });
    assert.equal([plain.gap, plain.meanGap, plain.flows], [undefined, undefined, undefined]);
    for (const [name, value] of Object.entries(others)) assert.equal(plain[name as "loss"], value, name);
  }
});

test("by an encoder: codes whose losses are not finite are counted, and left out of the mean", async () => {
  const encoder = encoderOf();
  const y = few.toFloat32();
  // The square of its first output, which is as the code's first number, is a float32 for about half of the codes.
  const steep = createDecoder({ layers: [3, n], outputActivation: "identity" });
  const codes = await encodeWith(encoder, y);
  const middle = Float32Array.from({ length: 17 }, (_, i) => Math.abs(codes[3 * i]!)).sort()[8]!;
  steep.parameters.fill(0);
  steep.parameters[0] = 1.8e19 / middle;
  const options = { encoder, loss: squaredError({ reduction: "sum" }) } as const;
  const report = await evaluate(steep, y, options);
  const finite = Array.from(report.loss).filter(Number.isFinite);
  assert.ok(finite.length > 0 && finite.length < 17);
  assert.is(report.nonfinite, 17 - finite.length);
  assert.equal(
    Array.from(report.gradientNorm, Number.isNaN),
    Array.from(report.loss, (x) => !Number.isFinite(x)),
  );
  assert.is(report.meanLoss, finite.reduce((sum, value) => sum + value, 0) / finite.length);
  const { gap, meanGap, nonfinite } = await evaluate(steep, y, { ...options, gap: true });
  assert.is(nonfinite, report.nonfinite);
  const gaps = Array.from(gap).filter(Number.isFinite);
  assert.ok(gaps.length > 0 && gaps.length < 17);
  assert.is(meanGap, gaps.reduce((sum, value) => sum + value, 0) / gaps.length);
  // However large a prior is, the losses beside it are those without.
  const beside = await evaluate(decoder, y, { encoder, prior: gaussian({ mean: 1e10, std: 1e-3 }) });
  assert.equal(beside.loss, (await evaluate(decoder, y, { encoder })).loss);
  assert.is(beside.nonfinite, 0);
});

test("an encoder that is disposed of while it works has been taken, however many pieces there are", async () => {
  const encoder = encoderOf();
  const { loss } = await evaluate(decoder, many, { encoder });
  const running = evaluate(decoder, many, { encoder });
  encoder.dispose();
  assert.equal((await running).loss, loss);
});

test("an encoder is given no missing data", async () => {
  const y = few.toFloat32();
  y[40] = Number.NaN;
  for (const loss of [binaryCrossEntropy(), squaredError()]) {
    const call = evaluate(decoder, y, { encoder: encoderOf(), loss });
    await rejected(call, "invalid_argument", /^evaluate: .*is NaN at sample 4, element 4(?!.*weight)/);
  }
});

test("large samples are read a few at once, in the memory that many small ones take", async () => {
  const size = 2 ** 18;
  const wide = createDecoder({ layers: [1, size], loss: squaredError() });
  const large = createDataset(new Uint8Array(11 * size).fill(3), { shape: [size] });
  const solver = amd({ maxSteps: 1 });
  const { loss } = await encode(wide, large.toFloat32(), { solver });
  const { rows } = Dataset.prototype;
  let most = 0;
  Dataset.prototype.rows = function (indices, ...more) {
    most = Math.max(most, indices.length * this.size);
    return rows.call(this, indices, ...more) as never;
  };
  try {
    assert.equal((await evaluate(wide, large, { solver })).loss, loss);
  } finally {
    Dataset.prototype.rows = rows;
  }
  assert.is(most, 2 ** 20);
});

test("the error of hidden values that the data have is that of their reconstructions, also where pieces meet", async () => {
  const data = many.toFloat32();
  const row = Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const own = data.map((_, i) => (i % 7 === 2 ? 0 : 1));
  for (const weights of [row, own]) {
    const { meanHiddenError } = await evaluate(decoder, many, { weights, solver });
    const x = await decode(decoder, (await encode(decoder, data, { weights, solver })).z);
    const errors = [...data.keys()]
      .filter((i) => weights[i % weights.length] === 0)
      .map((i) => (x[i]! - data[i]!) ** 2);
    const expected = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    assert.ok(Math.abs(meanHiddenError! - expected) < 1e-9, `${meanHiddenError}, ${expected}`);
  }
  assert.not(
    "meanHiddenError" in (await evaluate(decoder, few, { weights: new Float32Array(n).fill(0.5), solver })),
  );
});

test("missing data and samples without a finite loss", async () => {
  const y = few.toFloat32();
  const weights = new Float32Array(y.length).fill(1);
  for (const i of [0, 40, 152]) [y[i], weights[i]] = [Number.NaN, 0];
  const report = await evaluate(decoder, y, { weights, solver });
  assert.equal(report.loss, (await encode(decoder, y, { weights, solver })).loss);
  assert.ok(report.meanExcessLoss > 0 && report.meanExcessLoss < report.meanLoss);
  assert.not("meanHiddenError" in report, "none of the hidden values is known");

  const mark = few.rows([5])[3]!;
  const fragile = customLoss({
    value: (output, target) => (target === mark ? Number.NaN : (output - target) ** 2),
    gradient: (output, target) => 2 * (output - target),
  });
  const marked = Array.from(few.toFloat32()).filter((value) => value === mark).length;
  const { meanLoss, meanExcessLoss, statuses, samples } = await evaluate(decoder, few, {
    loss: fragile,
    solver,
  });
  assert.is(samples, 17);
  assert.ok(marked >= 1 && statuses.nonfinite! >= 1 && statuses.nonfinite! <= marked);
  assert.ok(meanLoss > 0 && Number.isFinite(meanLoss));
  assert.is(meanExcessLoss, meanLoss);
});

test("samples are read in pieces, never all at once", async () => {
  const { rows, toFloat32 } = Dataset.prototype;
  let most = 0;
  Dataset.prototype.rows = function (indices, ...into) {
    most = Math.max(most, indices.length);
    return rows.call(this, indices, ...into);
  };
  Dataset.prototype.toFloat32 = () => {
    throw new Error("all samples at once");
  };
  try {
    await evaluate(decoder, many, { solver });
  } finally {
    Object.assign(Dataset.prototype, { rows, toFloat32 });
  }
  assert.ok(most >= 1 && most <= 1000, `${most} at once`);
});

test("progress counts all samples; an abort rejects with its reason", async () => {
  const reports: EncodeProgress[] = [];
  const { meanLoss } = await evaluate(decoder, many, {
    solver,
    onProgress: (progress) => void reports.push(progress),
  });
  assert.ok(reports.every(({ done, total }, i) => total === 2017 && done > (reports[i - 1]?.done ?? 0)));
  const last = reports.at(-1)!;
  assert.is(last.done, 2017);
  assert.ok(Math.abs(last.meanLoss - meanLoss) < 1e-7 * meanLoss);

  const reason = new Error("enough");
  const controller = new AbortController();
  const aborted = evaluate(decoder, many, {
    solver,
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done > 1000) controller.abort(reason);
    },
  });
  await aborted.then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
});

test("progress tells how many samples a second have ended, of all that have", async () => {
  const { now } = performance;
  let clock = 1e6;
  // Every look takes a hundredth of a second.
  performance.now = () => {
    clock += 10;
    return clock;
  };
  const start = clock;
  let told = 0;
  try {
    await evaluate(decoder, many, {
      solver,
      onProgress({ done, samplesPerSecond }) {
        told++;
        const seconds = (clock - start) / 1000;
        // The first look is the start.
        assert.ok(Math.abs(samplesPerSecond / (done / (seconds - 0.01)) - 1) < 1e-9);
      },
    });
  } finally {
    performance.now = now;
  }
  assert.ok(told > 2);
});

test("evaluate refuses what it cannot use, before any work", async () => {
  const encoder = createDecoder({ layers: [n, 7, 3], seed: 2 });
  const disposed = createDecoder({ layers: [n, 3] });
  disposed.dispose();
  const cases: [object, RegExp][] = [
    [{ saveAt: "steps" }, /unknown option "saveAt"; the options are loss, prior, flow, solver/],
    [{ loss: "l1" }, /^evaluate: loss is "l1"/],
    [{ solver: 5 }, /^evaluate: solver is 5/],
    [{ flow: nesterovFlow() }, /^evaluate: solver is lbfgs, expected/],
    [{ weights: new Float32Array(10) }, /^evaluate: weights has 10 values, expected 9 .* or 153/],
    [{ weights: new Float32Array(9) }, /^evaluate: all weights are 0/],
    [{ batchSize: 0 }, /^evaluate: batchSize is 0/],
    [{ batchSize: 2 ** 53 }, /^evaluate: batchSize is 9007199254740992/],
    [{ backend: "wasm" }, /^evaluate: backend is "wasm"/],
    [{ signal: {} }, /^evaluate: signal is/],
    [{ onProgress: 1 }, /^evaluate: onProgress is 1, expected a function/],
    [{ encoder: decoder }, /the encoder goes from 3 to 9 values, expected 9 to 3/],
    [{ encoder: createDecoder({ layers: [n, 4] }) }, /the encoder goes from 9 to 4 values, expected 9 to 3/],
    [
      { encoder: createDecoder({ layers: [n + 1, 3] }) },
      /the encoder goes from 10 to 3 values, expected 9 to 3/,
    ],
    [{ encoder, flow: nesterovFlow() }, /encoder and flow are both given, expected one of them: no flow/],
    [{ encoder: {} }, /^evaluate: the encoder is an object/],
    [{ encoder, solver }, /encoder and solver are both given, expected one of them: no flow/],
    [{ encoder, gap: true, weights: rowWeights }, /encoder and weights are both given.*all values alike/],
    [{ encoder, gap: true, flow: nesterovFlow() }, /^evaluate: solver is lbfgs, expected/],
    [{ encoder, gap: 1 }, /^evaluate: gap is 1, expected true or false/],
    [{ gap: true }, /^evaluate: gap is given without an encoder, expected both/],
    [{ encoder, weights: rowWeights }, /encoder and weights are both given.*takes all values alike/],
  ];
  for (const [options, message] of cases) {
    await rejected(evaluate(decoder, few, options), "invalid_argument", message);
  }
  await rejected(evaluate(decoder, few, { encoder: disposed }), "disposed", /encoder/);
  await rejected(evaluate(decoder, new Float32Array(0)), "invalid_argument", /data has no samples/);
  await rejected(evaluate(decoder, new Float32Array(10)), "invalid_argument", /10 values/);
  const bad = many.toFloat32();
  bad[1999 * n + 4] = 1.5;
  await rejected(evaluate(decoder, bad), "invalid_argument", /data is 1.5 at sample 1999, element 4/);
  const weights = new Float32Array(many.count * n).fill(1);
  weights.fill(0, 1500 * n, 1501 * n);
  await rejected(
    evaluate(decoder, many, { weights }),
    "invalid_argument",
    /all weights of sample 1500 are 0/,
  );
});

test.run();
