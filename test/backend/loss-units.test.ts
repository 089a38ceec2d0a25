import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  createDecoder,
  type Decoder,
  decode,
  encode,
  gaussian,
  lbfgs,
  loadDecoder,
  openObjective,
  sampleCodes,
  squaredError,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { evaluate, sgd, train } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { refused, rejected } from "../support/refusal.ts";

// The squared error with a scale, held against float64, and against a decoder and data that are divided by the scale by hand.

const [d, n, B] = [2, 6, 9];
/** Powers of two, by which float32 divides without rounding. */
const scale = [2 ** -20, 0.5, 1, 2, 64, 2 ** 20];
const decoder = createDecoder({ layers: [d, 8, n], activation: "tanh", loss: "mse", seed: 4 });

/** Returns a decoder whose outputs, or those of `of` times the scale, are exact multiples: its last layer's rows are scaled. */
function timesScale(of: Decoder): Decoder {
  const made = createDecoder(of.definition, { loss: squaredError({ scale }) });
  made.parameters.set(of.parameters);
  const last = made.operations.filter((operation) => operation.kind === "dense").at(-1)!;
  for (let i = 0; i < n; i++) {
    const width = last.weight.length / n;
    for (let j = 0; j < width; j++) last.weight[i * width + j]! *= scale[i]!;
    last.bias[i]! *= scale[i]!;
  }
  return made;
}

const scaled = timesScale(decoder);
const standard = randomArray(5, B * n, -0.8, 0.8);
const y = standard.map((value, i) => value * scale[i % n]!);
const missing = standard.map((value, i) => (i % 7 === 2 ? Number.NaN : value));
const shared = Float32Array.of(1, 2, 0, 3, 1, 0.5);
const each = randomArray(6, B * n, 0.1, 3).map((value, i) => (i % 5 === 1 ? 0 : value));
const inUnits = (values: Float32Array) => values.map((value, i) => value * scale[i % n]!);

test("losses are those of outputs and data divided by the scale, in float64", async () => {
  for (const reduction of ["mean", "sum"] as const) {
    const loss = squaredError({ scale, reduction });
    for (const weights of [undefined, shared, each]) {
      const result = await encode(scaled, inUnits(missing), {
        loss,
        weights,
        solver: lbfgs({ maxSteps: 4 }),
      });
      const x = await decode(scaled, result.z);
      for (let b = 0; b < B; b++) {
        let [sum, divisor] = [0, 0];
        for (let i = b * n; i < (b + 1) * n; i++) {
          if (Number.isNaN(missing[i]!)) continue;
          const weight = weights?.[i % weights.length] ?? 1;
          sum += weight * ((x[i]! - missing[i]! * scale[i % n]!) / scale[i % n]!) ** 2;
          divisor += weight;
        }
        const expected = reduction === "sum" ? sum : sum / divisor;
        // Outputs are float32.
        assert.ok(
          Math.abs(result.loss[b]! / expected - 1) < 1e-5,
          `${reduction} ${result.loss[b]} ${expected}`,
        );
      }
    }
  }
});

test("a scale gives what a decoder and data in its units give: codes, losses, statuses, priors, missing values", async () => {
  for (const solver of [lbfgs(), amd()]) {
    for (const prior of [undefined, gaussian({ weight: 0.1 })]) {
      for (const weights of [undefined, shared, each]) {
        for (const [values, ofScaled] of [
          [standard, y],
          [missing, inUnits(missing)],
        ] as const) {
          const expected = await encode(decoder, values, { solver, prior, weights });
          const got = await encode(scaled, ofScaled, { solver, prior, weights });
          assert.equal(got.z, expected.z);
          assert.equal([...got.loss], [...expected.loss]);
          assert.equal([got.status, got.missing], [expected.status, expected.missing]);
          assert.equal([...got.gradientNorm], [...expected.gradientNorm]);
          assert.equal(got.prior, expected.prior);
        }
      }
    }
  }
});

test("evaluate, sampleCodes, openObjective and training are in the units of the scale, too", async () => {
  const prior = gaussian();
  const values = inUnits(missing);
  const inNoTime = { seconds: 0, samplesPerSecond: 0 };
  const expected = { ...(await evaluate(decoder, missing, { weights: each })), ...inNoTime };
  const got = { ...(await evaluate(scaled, values, { weights: each })), ...inNoTime };
  assert.ok(got.meanHiddenError! > 0);
  assert.equal(got, expected);

  const { z } = await encode(decoder, missing, { prior });
  const draws = await sampleCodes(decoder, missing, { z }, { prior, count: 5 });
  const scaledDraws = await sampleCodes(scaled, values, { z }, { prior, count: 5 });
  assert.equal(scaledDraws.codes, draws.codes);
  assert.equal(scaledDraws.weights, draws.weights);
  assert.match(scaledDraws.warnings[0]!, /0\.71 of the loss's scale, since the decoder's loss has the scale/);
  const asNoise = await sampleCodes(
    scaled,
    values,
    { z },
    { prior, count: 5, loss: squaredError({ scale }) },
  );
  assert.equal(asNoise.warnings, []);

  const rows = [0, 4];
  const at = Float64Array.of(0.1, 0.2, -0.3, 0.4);
  const [one, other] = [await openObjective(decoder, missing), await openObjective(scaled, values)];
  assert.equal(await other.value(rows, at), await one.value(rows, at));
  assert.equal(await other.gradient(rows), await one.gradient(rows));
  assert.equal(await other.jacobianProduct(rows, at), await one.jacobianProduct(rows, at));
  for (const objective of [one, other]) objective.dispose();

  // The last layer's gradient is divided by the scale: only the layer before moves alike.
  const options = { optimizer: sgd({ learningRate: 1e-9 }), validation: { data: missing } } as const;
  const run = await train(decoder, missing, options);
  const scaledRun = await train(scaled, values, { ...options, validation: { data: values } });
  assert.equal(scaledRun.history[0]!.loss, run.history[0]!.loss);
  assert.equal(scaledRun.validation[0], run.validation[0]);
  assert.equal(scaledRun.decoder.parameterCount, scaled.parameterCount);
  assert.equal(scaledRun.decoder.loss, squaredError({ scale }));
});

test("training by a scale updates the decoder's parameters alone, as by a decoder that ends in the scale", async () => {
  const loss = squaredError({ scale: new Array(n).fill(0.5) });
  const doubled = standard.map((value) => value / 2);
  const options = { optimizer: sgd({ learningRate: 0.05 }), epochs: 3, batchSize: 3 } as const;
  const run = await train(decoder, doubled, { ...options, loss });
  // ((x - y)/½)² is 4·(x - y)², whose gradients are four times as long.
  const plain = await train(decoder, doubled, {
    optimizer: sgd({ learningRate: 0.2 }),
    epochs: 3,
    batchSize: 3,
  });
  for (const [i, value] of run.decoder.parameters.entries()) {
    assert.ok(Math.abs(value - plain.decoder.parameters[i]!) < 1e-5);
  }
  assert.ok(Math.abs(run.history.at(-1)!.loss / plain.history.at(-1)!.loss - 4) < 1e-4);
});

test("outputs of several axes have a scale for each element", async () => {
  const options = { layers: [d, 8, n], outputShape: [2, 3], activation: "tanh", seed: 4 } as const;
  const picture = createDecoder({ ...options, loss: squaredError({ scale }) });
  picture.parameters.set(scaled.parameters);
  const [got, expected] = [await encode(picture, y), await encode(scaled, y)];
  assert.equal(got.z, expected.z);
});

test("files keep a scale: safetensors and ONNX", async () => {
  const odd = squaredError({ scale: [0.1, 1 / 3, 1e-30, 7, 1e30, Math.PI], reduction: "sum" });
  const made = createDecoder({ layers: [d, n], loss: odd, seed: 1 });
  assert.equal((await loadDecoder(made.toSafetensors())).loss, odd);
  assert.equal((await loadOnnx(await toOnnx(made))).loss, odd);
  assert.equal((await loadDecoder(made.toSafetensors(), { loss: "mse" })).loss, squaredError());
});

test("a scale that does not fit is refused", async () => {
  refused(
    () => squaredError({ scale: [1, 0] }),
    "invalid_argument",
    /^squaredError: scale\[1\] is 0, expected/,
  );
  refused(() => squaredError({ scale: [] }), "invalid_argument", /scale is empty/);
  refused(() => squaredError({ scale: 3 as never }), "invalid_argument", /scale is 3, expected an array/);
  const short = squaredError({ scale: [1, 2] });
  const message = /loss\.scale has 2 values, expected 6/;
  await rejected(encode(decoder, y, { loss: short }), "invalid_argument", message);
  await rejected(evaluate(decoder, y, { loss: short }), "invalid_argument", message);
  await rejected(train(decoder, y, { loss: short }), "invalid_argument", message);
  refused(() => createDecoder({ layers: [d, n], loss: short }), "invalid_argument", message);
  const changed = { ...short, scale: [1, 1, 1, 1, 1, Number.NaN] };
  await rejected(encode(decoder, y, { loss: changed }), "invalid_argument", /loss\.scale\[5\] is NaN/);
  assert.equal(squaredError({ scale: new Float64Array([0.1]) }).scale, [Math.fround(0.1)]);
});

test("each call has the scale of its own loss, in whatever order", async () => {
  const [one, other] = [scale, [...scale].reverse()].map((each) => squaredError({ scale: each }));
  const solver = lbfgs({ maxSteps: 3 });
  const first = await encode(scaled, y, { loss: one, solver });
  const then = await encode(scaled, y, { loss: other, solver });
  const fresh = createDecoder(scaled.definition, { loss: "mse" });
  fresh.parameters.set(scaled.parameters);
  assert.equal(then.initialLoss, (await encode(fresh, y, { loss: other, solver })).initialLoss);
  assert.not.equal(then.initialLoss, first.initialLoss);
  assert.equal((await encode(scaled, y, { loss: one, solver })).z, first.z);
});

test.run();
