// run: both, slow
// Tests src/solver/result.ts.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readArray } from "../../src/files/read.ts";
import { activations } from "../../src/graph/activation.ts";
import {
  type ActivationName,
  amd,
  binaryCrossEntropy,
  createDecoder,
  decode,
  type EncodeOptions,
  type EncodeProgress,
  encode,
  gaussian,
  loadDecoder,
  openObjective,
  squaredError,
  summary,
  wasm,
} from "../../src/index.ts";
import { makeControl } from "../../src/solver/control.ts";
import { train } from "../../src/train/train.ts";
import { builds } from "../support/builds.ts";
import { deadDecoder } from "../support/dead-decoder.ts";
import { bindObjective } from "../support/objective.ts";
import { randomArray } from "../support/random.ts";
import { objectiveOf, relativeDistance } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { solvers } from "../support/solvers.ts";

const small = createDecoder({
  layers: [3, 9, 7],
  seed: 5,
  outputActivation: "sigmoid",
  loss: binaryCrossEntropy(),
});
const smallData = randomArray(8, 20 * 7, 0, 1);

async function digits(count: number): Promise<Float32Array> {
  const file = new URL("../../demo/mnist-test-300.idx.gz", import.meta.url);
  const { data } = await readArray(readFileSync(file));
  return Float32Array.from(data.subarray(0, count * 784), (value) => value / 255);
}

const mnistDecoder = () => loadDecoder(new URL("../../demo/decoder.safetensors", import.meta.url));

const ACTIVATION_NAMES = Object.keys(activations) as ActivationName[];

test("a loss by its name is the loss", async () => {
  const solver = amd({ maxSteps: 20 });
  for (const [name, loss] of [
    ["bce", binaryCrossEntropy()],
    ["binaryCrossEntropy", binaryCrossEntropy()],
    ["mse", squaredError()],
    ["squaredError", squaredError()],
  ] as const) {
    const byName = await encode(small, smallData, { loss: name, solver });
    const byValue = await encode(small, smallData, { loss, solver });
    assert.equal(byName.loss, byValue.loss, name);
    assert.equal(createDecoder({ layers: [2, 3], loss: name }).loss, loss);
  }
});

for (const { name, backend } of builds) {
  test(`${name}: gradients agree with float64 and with finite differences, over sizes with tails`, async () => {
    for (const layers of [
      [1, 1],
      [3, 5],
      [5, 17, 3],
      [1, 3, 17, 5],
      [17, 64, 75],
    ]) {
      for (const activation of ACTIVATION_NAMES) {
        for (const loss of [binaryCrossEntropy(), squaredError()]) {
          const decoder = createDecoder({ layers, activation, outputActivation: "sigmoid", seed: 1 });
          const [d, n] = [decoder.latentSize, decoder.outputSize];
          const z = randomArray(2, d);
          const y = randomArray(3, n, 0, 1);
          const objective = await bindObjective(backend, decoder, loss, y);
          const row = Int32Array.of(0);
          const value = (await objective.value(row, Float64Array.from(z)))[0]!;
          const gradient = await objective.gradient(row);
          objective.dispose();
          const expected = objectiveOf(decoder, loss, z, y);
          const label = `${layers.join("-")} ${activation} ${loss.name}`;
          assert.ok(Math.abs(value - expected.value) < 1e-6 * expected.value, `${label}: value ${value}`);
          const error = relativeDistance(gradient, expected.gradient);
          assert.ok(error < 5e-6, `${label}: gradient off by ${error}`);
          const h = 1e-6;
          const differences = Array.from(z, (_, k) => {
            const at = (shift: number) =>
              objectiveOf(
                decoder,
                loss,
                Array.from(z, (v, i) => (i === k ? v + shift : v)),
                y,
              ).value;
            return (at(h) - at(-h)) / (2 * h);
          });
          const differenceError = relativeDistance(gradient, differences);
          assert.ok(differenceError < 1e-4, `${label}: off finite differences by ${differenceError}`);
        }
      }
    }
  });

  test(`${name}: the loss never rises along a run`, async () => {
    let before: Float32Array | undefined;
    for (let maxSteps = 0; maxSteps <= 40; maxSteps++) {
      const { loss } = await encode(small, smallData, { backend, solver: amd({ maxSteps, stepMax: 50 }) });
      for (const [i, value] of loss.entries()) {
        assert.ok(before === undefined || value <= before[i]!, `sample ${i}, step ${maxSteps}`);
      }
      before = loss;
    }
  });

  test(`${name}: real digits are encoded and come back`, async () => {
    const decoder = await mnistDecoder();
    const y = await digits(name === "debug" ? 4 : 32);
    const result = await encode(decoder, y, { backend });
    const report = summary(result);
    const { meanInitialLoss, meanLoss } = report;
    assert.ok(
      meanLoss < 0.1 && meanLoss < meanInitialLoss / 3,
      `mean loss ${meanInitialLoss}, then ${meanLoss}`,
    );
    // Where float32 resolves no further decrease, a sample has stalled before it was seen to converge.
    assert.ok(result.status.every((status) => status === "converged" || status === "stalled"));
    // The reported loss is that of the returned z.
    const logits = await decode(decoder, result.z, { backend, output: "preActivation" });
    for (const [i, loss] of result.loss.entries()) {
      let sum = 0;
      for (let k = i * 784; k < (i + 1) * 784; k++) {
        const o = logits[k]!;
        sum += Math.max(o, 0) - o * y[k]! + Math.log1p(Math.exp(-Math.abs(o)));
      }
      assert.ok(Math.abs(sum / 784 - loss) < 1e-6, `sample ${i}: ${sum / 784}, reported ${loss}`);
    }
  });

  test(`${name}: decode gives data, or what is before the output activation`, async () => {
    const z = randomArray(9, 3 * 11);
    const data = await decode(small, z, { backend });
    const logits = await decode(small, z, { backend, output: "preActivation" });
    for (let i = 0; i < 11; i++) {
      const sample = z.subarray(3 * i, 3 * i + 3);
      const expected = objectiveOf(small, binaryCrossEntropy(), sample, smallData.subarray(0, 7)).output;
      assert.ok(relativeDistance(logits.subarray(7 * i, 7 * i + 7), expected) < 1e-6);
    }
    for (const [i, value] of data.entries()) {
      assert.ok(Math.abs(value - 1 / (1 + Math.exp(-logits[i]!))) < 1e-6);
    }
  });
}

test("weights of 0 leave out data: they may be missing, and have no influence at all", async () => {
  const weights = Float32Array.from(smallData, (_, i) => (i % 3 === 0 ? 0 : 1));
  const results = [0.5, Number.NaN, Number.POSITIVE_INFINITY, 7].map((junk) => {
    const y = smallData.map((value, i) => (i % 3 === 0 ? junk : value));
    return encode(small, y, { weights });
  });
  const [first, ...others] = await Promise.all(results);
  for (const other of others) {
    assert.equal(other.z, first!.z);
    assert.equal(other.loss, first!.loss);
  }
});

test("weights may be bytes or booleans", async () => {
  const numbers = Float32Array.from(smallData, (_, i) => (i % 3 === 0 ? 0 : 1));
  const expected = await encode(small, smallData, { weights: numbers });
  for (const weights of [Uint8Array.from(numbers), Array.from(numbers, Boolean)]) {
    const result = await encode(small, smallData, { weights });
    assert.equal([result.z, result.loss], [expected.z, expected.loss]);
  }
  const mask = Uint8Array.from(numbers, (weight) => 255 * weight);
  await rejected(
    encode(small, smallData, { weights: mask, prior: gaussian() }),
    "invalid_argument",
    /weights is 255 at element 1, expected 0 or 1 in a Uint8Array; divide by 255/,
  );
});

test("weights of height × width values serve all channels of a picture", async () => {
  const [height, width, channels] = [2, 5, 3];
  for (const isFirst of [true, false]) {
    const decoder = createDecoder({
      layers: [2, height * width * channels],
      seed: 1,
      loss: "bce",
      outputShape: isFirst ? [channels, height, width] : [height, width, channels],
    });
    const y = randomArray(1, 2 * decoder.outputSize, 0, 1);
    const plane = [1, 0, 1, 1, 0, 0, 1, 1, 0, 1];
    const all = Float32Array.from(
      { length: decoder.outputSize },
      (_, i) => plane[isFirst ? i % 10 : Math.floor(i / channels)]!,
    );
    const { z } = await encode(decoder, y, { weights: all });
    for (const weights of [Float32Array.from(plane), Uint8Array.from(plane), plane.map(Boolean)])
      assert.equal((await encode(decoder, y, { weights })).z, z);
    const objective = await openObjective(decoder, y, { weights: Float32Array.from(plane) });
    const whole = await openObjective(decoder, y, { weights: all });
    assert.equal(await objective.value([0, 1], z), await whole.value([0, 1], z));
    const options = { epochs: 2, batchSize: 2 };
    const trained = await train(decoder, y, { ...options, weights: Float32Array.from(plane) });
    assert.equal(
      trained.decoder.parameters,
      (await train(decoder, y, { ...options, weights: all })).decoder.parameters,
    );
    await rejected(
      encode(decoder, y, { weights: new Float32Array(5) }),
      "invalid_argument",
      /weights has 5 values/,
    );
  }
});

test("weights that are all alike change nothing but the sum", async () => {
  const options = { loss: squaredError(), solver: amd({ maxSteps: 0 }) };
  const plain = await encode(small, smallData, options);
  const shared = await encode(small, smallData, { ...options, weights: new Float32Array(7).fill(3) });
  const own = await encode(small, smallData, { ...options, weights: new Float32Array(140).fill(3) });
  assert.equal(shared.loss, own.loss);
  for (const [i, loss] of plain.loss.entries()) assert.ok(Math.abs(shared.loss[i]! / loss - 1) < 1e-6);
});

test("an empty batch returns empty", async () => {
  const result = await encode(small, new Float32Array(0));
  assert.is(result.z.length, 0);
  assert.equal(result.status, []);
  assert.is(summary(result).samples, 0);
  assert.is((await decode(small, new Float32Array(0))).length, 0);
});

test("every status can be had, and keeps the best z", async () => {
  const status = async (options: Parameters<typeof amd>[0]) =>
    (await encode(small, smallData.subarray(0, 7), { solver: amd(options) })).status[0];
  assert.is(await status({}), "converged");
  assert.is(await status({ t1: 10, tolerance: 0 }), "reached_t1");
  assert.is(await status({ maxSteps: 3 }), "max_steps");
  assert.is(await status({ stepInit: 1e6, stepMax: 1e6, t1: 1e9, maxBacktracks: 0 }), "stalled");

  const huge = createDecoder({ layers: [1, 1], outputActivation: "identity", loss: squaredError() });
  const overflowing = await encode(huge, Float32Array.of(3e38), { z0: Float32Array.of(0) });
  assert.is(overflowing.status[0], "nonfinite");
  assert.is(overflowing.z[0], 0);
});

test("a latent at rest has converged at once", async () => {
  const result = await encode(deadDecoder(), Float32Array.of(0, 1));
  assert.is(result.status[0], "converged");
  assert.is(result.stats.valueEvaluations[0], 1);
});

test("t1 is reached exactly", async () => {
  const t1 = 12.3456789;
  const { status, stats } = await encode(small, smallData, { solver: amd({ t1, tolerance: 0 }) });
  assert.ok(status.every((value) => value === "reached_t1"));
  assert.ok(stats.t.every((t) => t === t1));
});

test("every solver's last report is of all samples, be it one", async () => {
  for (const solver of solvers) {
    for (const count of [1, 3, 5]) {
      const done: number[] = [];
      const y = smallData.slice(0, count * small.outputSize);
      for (const saveAt of [undefined, "steps"] as const) {
        await encode(small, y, {
          solver,
          saveAt,
          batchSize: 2,
          onProgress: (report) => void done.push(report.done),
        } as EncodeOptions);
        assert.is(done.pop(), count, `${solver.name}, ${count}`);
      }
    }
  }
});

test("progress counts up to the total, with a finite mean loss", async () => {
  const reports: EncodeProgress[] = [];
  const y = await digits(60);
  const result = await encode(await mnistDecoder(), y, {
    batchSize: 8,
    onProgress: (p) => void reports.push(p),
  });
  assert.ok(reports.length > 5);
  assert.is(reports.at(-1)!.done, 60);
  for (const [i, { done, total, meanLoss, samplesPerSecond }] of reports.entries()) {
    assert.ok(done > (reports[i - 1]?.done ?? 0));
    assert.is(total, 60);
    assert.ok(meanLoss > 0 && meanLoss < 1 && samplesPerSecond > 0);
  }
  const mean = result.loss.reduce((sum, loss) => sum + loss, 0) / 60;
  assert.ok(Math.abs(reports.at(-1)!.meanLoss - mean) < 1e-6);
});

test("an abort throws its reason, or returns what there is", async () => {
  const decoder = await mnistDecoder();
  const y = await digits(100);
  const reason = new Error("enough");
  const early = AbortSignal.abort(reason);
  await encode(decoder, y, { signal: early }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );

  const whole = await encode(decoder, y, { batchSize: 8 });
  for (const onAbort of ["throw", "return"] as const) {
    const controller = new AbortController();
    const call = encode(decoder, y, {
      batchSize: 8,
      signal: controller.signal,
      onAbort,
      onProgress: ({ done }) => done >= 10 && controller.abort(reason),
    });
    if (onAbort === "throw") {
      await call.then(
        () => assert.unreachable(),
        (error) => assert.is(error, reason),
      );
      continue;
    }
    const { status, loss, initialLoss, z } = await call;
    const aborted = status.filter((value) => value === "aborted").length;
    assert.ok(aborted > 0 && aborted <= 90, `${aborted} aborted`);
    for (const [i, value] of status.entries()) {
      const row = (values: Float32Array) => values.slice(i * 20, (i + 1) * 20);
      if (value !== "aborted") assert.equal(row(z), row(whole.z));
      // Its best z so far: a sample on its way has come down, one that never started has no loss.
      else assert.ok(Number.isNaN(initialLoss[i]) || loss[i]! <= initialLoss[i]!);
    }
  }
});

test("an aborted sample has its own losses, or none if it was never started", async () => {
  const y = randomArray(12, 60 * 7, 0, 1);
  for (const batchSize of [3, 8, 16]) {
    const options = { batchSize, solver: amd({ maxSteps: 40, stepMax: 50, tolerance: 3e-5 }) };
    const whole = await encode(small, y, options);
    for (let stop = 1; stop < 60; stop += 3) {
      const controller = new AbortController();
      const { loss, initialLoss, stats } = await encode(small, y, {
        ...options,
        signal: controller.signal,
        onAbort: "return",
        onProgress: ({ done }) => done >= stop && controller.abort(),
      });
      for (const [i, evaluations] of stats.valueEvaluations.entries()) {
        if (evaluations > 0) assert.is(initialLoss[i], whole.initialLoss[i]);
        else assert.ok(Number.isNaN(initialLoss[i]) && Number.isNaN(loss[i]), `sample ${i}`);
      }
    }
  }
});

test("the scale of the weights does not matter to a mean", async () => {
  const mask = Float32Array.from(smallData, (_, i) => (i % 4 ? 1 : 0));
  const solver = amd({ maxSteps: 20 });
  const plain = await encode(small, smallData, { weights: mask, solver });
  for (const scale of [1e-44, 1e-38, 1e-20, 1e20, 3e38]) {
    const weights = mask.map((weight) => weight * scale);
    const { z, status } = await encode(small, smallData, { weights, solver });
    assert.ok(relativeDistance(z, plain.z) < 1e-4, `${scale}`);
    assert.equal(status, plain.status);
  }
});

test("calls at work at the same time go on in turns of their own", async () => {
  let turn = 0;
  let isCounting = true;
  const count = () => {
    turn++;
    if (isCounting) setImmediate(count);
  };
  setImmediate(count);
  const turns = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const control = makeControl(undefined);
      const start = performance.now();
      while (performance.now() - start < 10); // A piece of work, longer than a turn may be.
      await control.pause();
      return turn;
    }),
  );
  isCounting = false;
  assert.is(new Set(turns).size, 6, `turns ${turns.join(", ")}`);
});

test("an error thrown by onProgress ends the call and frees its memory", async () => {
  const thrown = new Error("from the caller");
  const fail = () => {
    throw thrown;
  };
  const call = encode(small, smallData, { onProgress: fail });
  await call.then(
    () => assert.unreachable(),
    (error) => assert.is(error, thrown),
  );
  assert.is((await encode(small, smallData)).status.length, 20);
});

test("the event loop runs during a long call", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await encode(await mnistDecoder(), await digits(400));
  clearInterval(timer);
  assert.ok(ticks > 5, `${ticks} ticks`);
});

test("results name the backend, the build and the threads", async () => {
  const { backend, seconds } = await encode(small, smallData, { backend: wasm({ relaxed: false }) });
  assert.equal(backend, { name: "wasm", build: "plain", threads: 1 });
  assert.ok(seconds > 0);
});

test.run();
