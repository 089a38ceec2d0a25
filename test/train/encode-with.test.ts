import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Session } from "../../src/backend/backend.ts";
import { concat, dense, graph } from "../../src/graph/index.ts";
import { type Backend, createDecoder, encode, gaussian, lbfgs, wasm } from "../../src/index.ts";
import { createDataset, encodeWith, evaluate, meanCode, trainAutoencoder } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";

// What an encoder is good for beside its own reconstructions: where flows start.

const decoder = createDecoder({ layers: [3, 5, 17, 9], seed: 1, loss: "bce", outputShape: [3, 3] });
const data = createDataset(randomArray(1, 23 * 9, 0, 1), { shape: [3, 3] });
/** Whose parameters have hardly moved. */
const untrained = () => trainAutoencoder(decoder, data, { epochs: 1, batchSize: 23 });

test("the mean code is that of all samples' codes, and encode starts from it", async () => {
  const { encoder } = await untrained();
  const many = randomArray(9, 1003 * 9, 0, 1);
  const codes = await encodeWith(encoder, many);
  const d = decoder.latentSize;
  const expected = Float32Array.from({ length: d }, (_, k) => {
    let sum = 0;
    for (let i = k; i < codes.length; i += d) sum += codes[i]!;
    return sum / 1003;
  });
  assert.equal(await meanCode(encoder, many), expected);
  assert.equal(await meanCode(encoder, createDataset(many, { shape: [9] })), expected);
  const { z } = await encode(decoder, many.subarray(0, 18), { z0: expected, solver: lbfgs({ maxSteps: 0 }) });
  assert.equal(z, Float32Array.of(...expected, ...expected));

  const reason = new Error("enough");
  await meanCode(encoder, many, { signal: AbortSignal.abort(reason) }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  const none = new Float32Array(0);
  await rejected(meanCode(encoder, none), "invalid_argument", /^meanCode: data has no samples/);
  const odd = createDataset(many.subarray(0, 20), { shape: [10] });
  await rejected(
    meanCode(encoder, odd),
    "invalid_argument",
    /^meanCode: the samples have 10 values, expected 9/,
  );
  await rejected(meanCode(encoder, many.subarray(1)), "invalid_argument", /^meanCode: data has 9026 values/);
  await rejected(
    meanCode(encoder, many, { solver: 1 } as never),
    "invalid_argument",
    /^meanCode: unknown option/,
  );
  await rejected(meanCode({} as never, many), "invalid_argument", /^meanCode: /);
});

test("the mean code: what is wrong with its samples is said of them, before work starts", async () => {
  const { encoder } = await untrained();
  const many = randomArray(9, 2100 * 9, 0, 1);
  many[2050 * 9 + 4] = Number.NaN;
  let isOpened = false;
  const backend: Backend = {
    name: "none",
    open: () => {
      isOpened = true;
      throw new Error("opened");
    },
  };
  for (const data of [many, createDataset(many, { shape: [9] })]) {
    await rejected(
      meanCode(encoder, data, { backend }),
      "invalid_argument",
      /^meanCode: data is NaN at sample 2050, element 4,/,
    );
  }
  assert.not(isOpened);
  // Finite, and too large for its codes to be.
  encoder.parameters.fill(1);
  many.fill(0.5).fill(3e38, 2050 * 9, 2051 * 9);
  await rejected(
    meanCode(encoder, many),
    "invalid_argument",
    /^meanCode: the encoder's code of sample 2050 is not finite/,
  );
  // An encoder that is disposed of while it works has been taken, however many pieces there are.
  many.fill(0.5);
  const running = meanCode(encoder, many);
  encoder.dispose();
  assert.is((await running).length, decoder.latentSize);
});

test("samples that are transferred during the call are called y by the error", async () => {
  const { encoder } = await untrained();
  const y = randomArray(9, 2100 * 9, 0, 1);
  const backend = wasm({ threads: 1 });
  const transfers: Backend = {
    ...backend,
    async open(...use) {
      const session = await backend.open(...use);
      const decode: Session["decode"] = (z, fixed, toLogits, control) => {
        const pause = async () => void (y.length > 0 && structuredClone(y, { transfer: [y.buffer] }));
        return session.decode(z, fixed, toLogits, { ...control, pause });
      };
      return Object.assign(Object.create(session), { decode });
    },
  };
  await rejected(
    encodeWith(encoder, y, { backend: transfers }),
    "invalid_argument",
    /^encodeWith: the buffer of y was detached \(transferred\) while the call was at work/,
  );
});

test("what is given for an encoder and is none", async () => {
  const { encoder } = await untrained();
  const y = data.toFloat32();
  const label = graph(({ latent, fixed }) => dense(3)(concat()(latent(9), fixed("label", 2))));
  const conditional = createDecoder(label, { loss: "mse" });
  const calls = (given: unknown) => [
    encodeWith(given as never, y),
    meanCode(given as never, y),
    evaluate(decoder, y, { encoder: given as never }),
  ];
  for (const [given, message] of [
    [
      { decoder, encoder },
      /the encoder is an object, expected .* trainAutoencoder returns; give its member \.encoder$/,
    ],
    [
      Promise.resolve(encoder),
      /the encoder is a Promise, .* \(is an await missing before trainAutoencoder\?\)$/,
    ],
    [conditional, /the encoder has fixed inputs \(label\), expected one that takes samples alone/],
  ] as const)
    for (const call of calls(given)) await rejected(call, "invalid_argument", message);
  for (const [given, message] of [
    [Promise.resolve(y), /data is a Promise, expected a Float32Array \(is an await missing\?\)$/],
    [{ train: data, test: data }, /data is an object, expected a Float32Array; give its member \.train$/],
    [new Uint8Array(9), /data is a Uint8Array, .* for pixels of 0 to 255 divide by 255/],
  ] as const)
    await rejected(meanCode(encoder, given as never), "invalid_argument", message);
  encoder.dispose();
  for (const call of calls(encoder)) await rejected(call, "disposed", /the encoder has been disposed/);
});

test("evaluate starts where encode does: at one latent for all samples, or at each one's", async () => {
  const y = data.toFloat32();
  const each = randomArray(5, 23 * 3, -1, 1);
  for (const z0 of [each, each.slice(0, 3)]) {
    for (const options of [{ z0 }, { z0, prior: gaussian() }]) {
      const expected = await encode(decoder, y, options);
      for (const samples of [y, data]) {
        const report = await evaluate(decoder, samples, options);
        for (const name of ["loss", "initialLoss", "prior", "objective"] as const)
          assert.equal(report[name], expected[name], name);
      }
    }
  }
  // More samples than are read at once, each with weights of its own, by which a prior's share is another.
  const many = randomArray(6, 1003 * 9, 0, 1);
  const own = { z0: randomArray(7, 1003 * 3), weights: randomArray(8, 1003 * 9, 0, 1) };
  const atStart = { ...own, prior: gaussian(), solver: lbfgs({ maxSteps: 0 }) };
  const [report, expected] = [await evaluate(decoder, many, atStart), await encode(decoder, many, atStart)];
  for (const name of ["loss", "initialLoss", "prior", "objective"] as const)
    assert.equal(report[name], expected[name], name);
  for (const [z0, message] of [
    [each.slice(0, 6), /^evaluate: z0 has 6 values, expected 3 \(one latent .* or 69 \(/],
    [null, /^evaluate: z0 is null/],
    [Float32Array.of(0, 0, Infinity), /^evaluate: z0 is Infinity at element 2/],
  ] as const)
    await rejected(evaluate(decoder, y, { z0: z0 as never }), "invalid_argument", message);
  const { encoder } = await untrained();
  await rejected(
    evaluate(decoder, y, { encoder, z0: each } as never),
    "invalid_argument",
    /encoder and z0 are both given/,
  );
});

test.run();
