// Tests src/train/reverse.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sgd } from "../../src/backend/optimizer.ts";
import {
  concat,
  conv,
  convTranspose,
  dense,
  elu,
  graph,
  groupNorm,
  type Layer,
  reshape,
  sequential,
  sigmoid,
  tanh,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder, describe, loadDecoder, squaredError } from "../../src/index.ts";
import type { Augmentation } from "../../src/train/augment.ts";
import { encodeWith, evaluate, trainAutoencoder } from "../../src/train/index.ts";
import { graphOutput } from "../support/graph-reference.ts";
import { randomArray } from "../support/random.ts";
import { lossOf, norm } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

// The encoder of an autoencoder: its decoder, the other way round.

const make = (latentSize: number, layers: readonly Layer[]): Decoder =>
  createDecoder(sequential(latentSize, layers), { seed: 1, loss: "bce" });

const cases: Record<string, { decoder: () => Decoder; operations: string[] }> = {
  "a DCGAN": {
    decoder: () =>
      make(3, [
        ...[dense(2 * 2 * 12), elu(), reshape([2, 2, 12])],
        ...[convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1, groups: 4 }), elu()],
        ...[convTranspose({ channels: 2, kernel: 3, stride: 2, padding: 1, outputPadding: 1 }), sigmoid()],
      ]),
    operations: [
      "reshape 8,8,2",
      ...["conv 4,4,8", "activation 4,4,8", "conv 2,2,12", "activation 2,2,12", "reshape 48", "dense 3"],
    ],
  },
  "convolutions that leave pixels out": {
    decoder: () =>
      make(36, [
        reshape([6, 6, 1]),
        ...[conv({ channels: 4, kernel: 3, stride: 2, padding: [1, 0, 0, 1] }), tanh()],
        ...[conv({ channels: 2, kernel: [1, 2], dilation: [1, 2] }), sigmoid()],
      ]),
    operations: [
      "reshape 3,1,2",
      ...["convTranspose 3,3,4", "activation 3,3,4", "convTranspose 6,6,1", "reshape 36"],
    ],
  },
  "an axis of pixels, and layers between": {
    decoder: () =>
      make(2, [
        ...[dense(5), tanh(), dense(12), elu(), reshape([4, 3])],
        ...[convTranspose({ channels: 2, kernel: 3, stride: 3 }), elu(), dense(1), sigmoid()],
      ]),
    operations: [
      "reshape 12,1",
      ...["dense 12,2", "activation 12,2", "conv 4,3", "activation 4,3", "reshape 12"],
      ...["dense 5", "activation 5", "dense 2"],
    ],
  },
};

for (const [name, { decoder: makeDecoder, operations }] of Object.entries(cases)) {
  test(`${name}: the encoder is its reverse, and an update the step along the gradient`, async () => {
    const decoder = makeDecoder();
    const y = randomArray(3, decoder.outputSize, 0.1, 0.9);
    const settings = { optimizer: sgd({ learningRate: 1 }), epochs: 1, seed: 4 };
    const still = await trainAutoencoder(decoder, y, { ...settings, optimizer: sgd({ learningRate: 0 }) });
    const shapes = (of: Decoder) => of.operations.map(({ kind, shape }) => `${kind} ${shape}`);
    assert.equal(shapes(still.encoder), operations);
    assert.is(still.encoder.latentSize, decoder.outputSize);
    assert.is(still.encoder.outputSize, decoder.latentSize);
    assert.equal(still.decoder.parameters, decoder.parameters);
    assert.equal(shapes(still.decoder), shapes(decoder));

    const moved = await trainAutoencoder(decoder, y, settings);
    const before = [...still.encoder.parameters, ...decoder.parameters];
    const step = [...moved.encoder.parameters, ...moved.decoder.parameters].map(
      (value, i) => value - before[i]!,
    );
    const length = norm(step);
    const lossAt = (by: number) => {
      const at = Float64Array.from(before, (value, i) => value + (by * step[i]!) / length);
      const split = still.encoder.parameterCount;
      const code = graphOutput(still.encoder, y, at.slice(0, split));
      const logits = graphOutput(decoder, code, at.slice(split), true);
      return lossOf(decoder.loss!, logits, y).value;
    };
    const h = 1e-3;
    const slope = (lossAt(h) - lossAt(-h)) / (2 * h);
    assert.ok(Math.abs(-slope / length - 1) < 2e-3, `${-slope} along a step of length ${length}`);
    assert.ok(Math.abs(moved.history[0]!.loss / lossAt(0) - 1) < 1e-5);

    const codes = await encodeWith(moved.encoder, y);
    assert.is(codes.length, decoder.latentSize);
    const again = await loadDecoder(moved.encoder.toSafetensors());
    assert.equal(await encodeWith(again, y), codes);
    const { loss } = await evaluate(moved.decoder, y, { encoder: moved.encoder });
    assert.ok(loss[0]! < lossAt(0));
    assert.match(String(describe(moved.encoder)), /encoder\.0|dense|conv/);
  });
}

test("each operation is turned round with its settings", async () => {
  const settings = { kernel: [3, 2], stride: [1, 2], padding: [1, 0], dilation: [2, 1], groups: 2 };
  const of = (decoder: Decoder, kind: string) => {
    const found = decoder.operations.find((operation) => operation.kind === kind) as unknown as Record<
      string,
      unknown
    >;
    return Object.keys(settings).map((key) => found[key]);
  };
  for (const [kind, back, layer] of [
    ["conv", "convTranspose", conv],
    ["convTranspose", "conv", convTranspose],
  ] as const) {
    const layers = [reshape([6, 8, 2]), layer({ channels: 4, ...settings }), sigmoid()];
    const decoder = make(96, layers);
    const { encoder } = await trainAutoencoder(decoder, new Float32Array(decoder.outputSize), { epochs: 1 });
    assert.equal(of(encoder, back), of(decoder, kind));
  }
});

test("the decoder keeps the loss that it was trained with", async () => {
  const loss = squaredError({ reduction: "sum" });
  const trained = await trainAutoencoder(make(2, [dense(3), sigmoid()]), new Float32Array(3), {
    loss,
    epochs: 1,
  });
  assert.equal(trained.decoder.loss, loss);
  assert.is(trained.encoder.loss, undefined);
});

test("the last validation is what evaluate finds of the networks that come of it", async () => {
  const [y, unseen] = [randomArray(6, 18, 0, 1), randomArray(7, 12, 0, 1)];
  const run = await trainAutoencoder(make(2, [dense(6), sigmoid()]), y, { validation: { data: unseen } });
  const { meanLoss } = await evaluate(run.decoder, unseen, { encoder: run.encoder });
  assert.ok(Math.abs(run.validation.at(-1)!.loss / meanLoss - 1) < 1e-5);
});

test("an activation before the first weights is none on the code", async () => {
  const decoder = make(3, [tanh(), dense(4), sigmoid()]);
  const { encoder } = await trainAutoencoder(decoder, new Float32Array(4), { epochs: 1 });
  assert.equal(
    encoder.operations.map(({ kind }) => kind),
    ["dense"],
  );
});

test("where samples are changed at random, the encoder reads what the decoder is to make", async () => {
  const decoder = make(2, [dense(6), sigmoid()]);
  const y = randomArray(5, 12, 0, 1);
  const augment: Augmentation = { name: "mirror", check() {}, apply: (samples) => void samples.reverse() };
  const changed = await trainAutoencoder(decoder, y, { epochs: 1, batchSize: 1, augment });
  const mirrored = Float32Array.from({ length: 12 }, (_, i) => y[6 * Math.floor(i / 6) + 5 - (i % 6)]!);
  const expected = await trainAutoencoder(decoder, mirrored, { epochs: 1, batchSize: 1 });
  assert.equal(changed.history, expected.history);
  assert.equal(changed.encoder.parameters, expected.encoder.parameters);
});

test("what cannot be turned round is refused by name", async () => {
  const refused = (decoder: Decoder, message: RegExp) =>
    rejected(trainAutoencoder(decoder, new Float32Array(decoder.outputSize)), "invalid_argument", message);
  const expected =
    "an encoder is the reverse of dense, conv, convTranspose, reshape and activations in a row";
  await refused(
    make(4, [dense(8), reshape([2, 2, 2]), groupNorm({ groups: 2 }), sigmoid()]),
    new RegExp(`^trainAutoencoder: the decoder's groupNorm "[^"]+" cannot be turned round; ${expected}$`),
  );
  const condition = graph(({ fixed, latent }) => {
    return sigmoid()(dense(2)(concat()(latent(3), fixed("label", 3))));
  });
  await refused(
    make(2, [
      ...[reshape([2, 1]), convTranspose({ channels: 1, kernel: 2, dilation: 3, outputPadding: 2 })],
      sigmoid(),
    ]),
    /convTranspose "[^"]+" cannot be turned round: its outputPadding is \[2\], expected less than the stride/,
  );
  for (const layers of [[sigmoid()], [reshape([2, 2]), sigmoid()]]) {
    await refused(
      make(4, layers),
      /^trainAutoencoder: the decoder has no operation with weights to turn round/,
    );
  }
  await refused(createDecoder(condition, { loss: "bce" }), /fixed inputs, which no encoder finds/);
});

test.run();
