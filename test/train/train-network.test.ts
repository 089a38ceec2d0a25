// run: slow
// Tests src/train/check-options.ts, src/train/run.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../src/backend/backend.ts";
import { adam, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import { createRandom } from "../../src/base/random.ts";
import { convTranspose, dense, elu, reshape, sequential, sigmoid } from "../../src/graph/index.ts";
import {
  amd,
  createDecoder,
  customLoss,
  type Decoder,
  dormandPrince,
  encode,
  euler,
  linearGrid,
  squaredError,
  wasm,
} from "../../src/index.ts";
import type { Augmentation } from "../../src/train/augment.ts";
import {
  createDataset,
  direct,
  full,
  type TrainEvent,
  type TrainOptions,
  type TrainProgress,
  train,
  trainAutoencoder,
} from "../../src/train/index.ts";
import { constant, type Schedule } from "../../src/train/schedule.ts";
import { randomArray } from "../support/random.ts";
import { norm } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { abortedAtLook, endOf, resumeFrom, runSmall, runWithCheckpoints } from "../support/small-run.ts";

// What a training run does around its updates: rates, schedules, clipping, aborts, and what it leaves behind.

const SIZE = 6;
const SAMPLES = 17;
const y = randomArray(1, SAMPLES * SIZE, 0, 1);
const make = () => createDecoder({ layers: [2, 5, SIZE], seed: 1, loss: "bce" });
/** Short flows, since nothing here is about codes. */
const solver = euler({ grid: linearGrid({ t1: 1, slices: 2 }) });

const changeOf = (before: Decoder, after: Decoder) =>
  after.parameters.map((value, i) => value - before.parameters[i]!);

test("the schedule is asked where in the run each update begins", async () => {
  const asked: number[] = [];
  const schedule: Schedule = {
    name: "linear",
    factor(share) {
      asked.push(share);
      return 1;
    },
  };
  await train(make(), y, { solver, schedule, batchSize: 5, epochs: 2 });
  const total = 2 * SAMPLES;
  assert.equal(
    asked,
    // Both ends are asked before the run, so that a wrong factor is refused.
    [0, total, 0, 5, 10, 15, 17, 22, 27, 32].map((images) => images / total),
  );
});

test("its factor is the learning rate's", async () => {
  const half: Schedule = { name: "linear", factor: () => 0.5 };
  for (const makeOptimizer of [sgd, rmsprop, adam]) {
    const parametersOf = async (learningRate: number, schedule: Schedule) => {
      const optimizer = makeOptimizer({ learningRate });
      return (await train(make(), y, { solver, optimizer, schedule, epochs: 2 })).decoder.parameters;
    };
    assert.equal(await parametersOf(0.25, half), await parametersOf(0.125, constant()));
    assert.not.equal(await parametersOf(0.25, half), await parametersOf(0.25, constant()));
  }
});

test("the gradient that is clipped is the mini-batch's mean, the one that is followed its sum", async () => {
  const optimizer = sgd({ learningRate: 1 });
  for (const batchSize of [1, 3, SAMPLES]) {
    const data = y.slice(0, batchSize * SIZE);
    const options = { solver, optimizer, batchSize };
    const before = make();
    const free = norm(changeOf(before, (await train(before, data, options)).decoder));
    const mean = free / batchSize;
    for (const [gradientClip, expected] of [
      [mean / 4, free / 4],
      [0.99 * mean, 0.99 * free],
      [1.01 * mean, free],
    ] as const) {
      const { decoder, history } = await train(before, data, { ...options, gradientClip });
      const got = norm(changeOf(before, decoder));
      assert.ok(Math.abs(got / expected - 1) < 1e-4, `${batchSize} samples: ${got}, not ${expected}`);
      // What is told is the sum's, as it was before.
      assert.ok(Math.abs(history[0]!.gradientNorm / free - 1) < 1e-4);
    }
  }
});

test("progress: images per second since the start, or since the checkpoint, and what is left at that rate", async () => {
  const { checkpoints, result } = await runWithCheckpoints();
  const { now } = performance;
  let clock = 1e6;
  performance.now = () => clock;
  const rates = async (options: TrainOptions) => {
    const told: TrainProgress[] = [];
    await runSmall({
      ...options,
      onProgress(progress) {
        told.push(progress);
        // From one report to the next.
        clock += 500;
      },
    });
    return told;
  };
  try {
    const total = 3 * 17;
    for (const [from, options] of [
      [0, {}],
      [result.history[3]!.images, resumeFrom(checkpoints[4]!)],
    ] as const) {
      const told = await rates(options);
      for (const [i, { images, imagesPerSecond, secondsLeft }] of told.entries()) {
        if (i === 0) continue;
        const expected = (images - from) / (0.5 * i);
        assert.ok(Math.abs(imagesPerSecond / expected - 1) < 1e-9, `${imagesPerSecond}, not ${expected}`);
        assert.ok(Math.abs(secondsLeft - (total - images) / expected) < 1e-9);
      }
    }
  } finally {
    performance.now = now;
  }
});

test("a loss of one's own is no decoder's: the trained one keeps what it had", async () => {
  const loss = customLoss({ value: (o, t) => (o - t) ** 2, gradient: (o, t) => 2 * (o - t) });
  const own = createDecoder({
    layers: [2, 5, SIZE],
    outputActivation: "identity",
    loss: squaredError({ reduction: "sum" }),
  });
  const none = createDecoder({ layers: [2, 5, SIZE], outputActivation: "identity" });
  for (const decoder of [own, none]) {
    assert.equal((await train(decoder, y, { loss, solver })).decoder.loss, decoder.loss);
    const joined = await trainAutoencoder(decoder, y, { loss, epochs: 1 });
    assert.equal(joined.decoder.loss, decoder.loss);
    assert.is(joined.encoder.loss, undefined);
  }
  const trained = await train(none, y, { loss: squaredError(), solver });
  assert.equal(trained.decoder.loss, squaredError());
});

test("an autoencoder by a loss of one's own is the one by the loss that it is", async () => {
  const loss = customLoss({ value: (o, t) => (o - t) ** 2, gradient: (o, t) => 2 * (o - t) });
  const options = { epochs: 2, optimizer: sgd({ learningRate: 0.1 }) };
  const decoder = createDecoder({ layers: [2, 5, SIZE], outputActivation: "sigmoid", seed: 1 });
  const [own, builtIn] = [
    await trainAutoencoder(decoder, y, { ...options, loss }),
    await trainAutoencoder(decoder, y, { ...options, loss: squaredError() }),
  ];
  for (const network of ["encoder", "decoder"] as const) {
    const difference = norm(changeOf(own[network], builtIn[network]));
    const moved = norm(builtIn[network].parameters);
    assert.ok(difference < 1e-5 * moved, `${network}: ${difference}`);
  }
  assert.not.equal(own.decoder.parameters, decoder.parameters);
});

test("a decoder whose latent has a shape has an encoder, too, and keeps it", async () => {
  const layers = [
    ...[reshape([2, 2, 3]), convTranspose({ channels: 2, kernel: 2, stride: 2 }), elu()],
    ...[convTranspose({ channels: 1, kernel: 1 }), sigmoid()],
  ];
  const definition = sequential(12, layers);
  const flat = createDecoder(definition, { seed: 1, loss: "bce" });
  const shaped = createDecoder({ ...definition, latentShape: [3, 2, 2] }, { seed: 1, loss: "bce" });
  const data = randomArray(2, 3 * 16, 0, 1);
  const [a, b] = [
    await trainAutoencoder(shaped, data, { epochs: 1 }),
    await trainAutoencoder(flat, data, { epochs: 1 }),
  ];
  assert.equal([...a.decoder.latentShape], [3, 2, 2]);
  assert.equal([...b.decoder.latentShape], [12]);
  assert.equal(a.decoder.parameters, b.decoder.parameters);
  assert.equal(a.encoder.parameters, b.encoder.parameters);
});

test("an encoder's operation has the shape of its decoder's, also where only the lengths of the axes differ", async () => {
  const decoder = createDecoder(
    sequential(2, [
      ...[
        dense(12),
        reshape([2, 2, 3]),
        convTranspose({ channels: 3, kernel: 1 }),
        elu(),
        reshape([4, 1, 3]),
      ],
      ...[convTranspose({ channels: 2, kernel: [2, 3] }), sigmoid()],
    ]),
    { seed: 1, loss: "bce" },
  );
  const { encoder } = await trainAutoencoder(decoder, new Float32Array(decoder.outputSize), { epochs: 1 });
  assert.equal(
    encoder.operations.map(({ kind, shape }) => `${kind} ${shape}`),
    [
      ...["reshape 5,3,2", "conv 4,1,3", "activation 4,1,3", "reshape 2,2,3", "conv 2,2,3"],
      ...["reshape 12", "dense 2"],
    ],
  );
});

test("a run is where its last update has ended, whenever it is aborted, by every adjoint", async () => {
  for (const options of [
    { adjoint: full(), solver: amd({ maxSteps: 8 }) },
    { adjoint: direct(), solver: euler({ grid: linearGrid({ t1: 2, slices: 4 }) }) },
  ] as TrainOptions[]) {
    const whole = await runSmall(options);
    const told = new Map(whole.history.map((step) => [step.images, step]));
    for (let looks = 1, ended = false; !ended; looks += 3) {
      let checkpoint: Uint8Array | undefined;
      const reason = new Error("enough");
      const signal = abortedAtLook(looks, reason);
      const save = (bytes: Uint8Array) => {
        checkpoint = bytes;
      };
      const onProgress = (progress: TrainProgress) => {
        assert.is(progress.loss, told.get(progress.images)!.loss, `abort at look ${looks}`);
        assert.is(progress.gradientNorm, told.get(progress.images)!.gradientNorm);
      };
      try {
        await runSmall({ ...options, signal, onProgress, checkpoint: { save } } as TrainOptions);
        ended = true;
      } catch (error) {
        assert.is(error, reason);
      }
      if (looks % 9 !== 1 && !ended) continue;
      const resumed = await runSmall({
        ...options,
        ...(checkpoint && resumeFrom(checkpoint)),
      } as TrainOptions);
      assert.equal(endOf(resumed), endOf(whole));
    }
  }
});

test("a run that keeps its codes lets the event loop have its turns", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 5);
  const options = { codes: "kept", epochs: 3000, signal: controller.signal } as const;
  await train(make(), y, options).then(
    () => assert.unreachable("the timer has had no turn"),
    (error) => assert.is(error, reason),
  );
});

test("an abort keeps a checkpoint and tells it; an error keeps none", async () => {
  const reason = new Error("enough");
  for (const isAbort of [true, false]) {
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    let saved = 0;
    const run = runSmall({
      signal: controller.signal,
      checkpoint: { save: () => void saved++ },
      onEvent: (event) => void events.push(event),
      onProgress({ images }) {
        if (images < 10) return;
        if (!isAbort) throw reason;
        controller.abort(reason);
      },
    });
    await run.then(
      () => assert.unreachable(),
      (error) => assert.is(error, reason),
    );
    assert.is(saved, isAbort ? 1 : 0);
    const told = events.filter(({ kind }) => kind === "checkpoint").map(({ images }) => images);
    assert.equal(told, isAbort ? [10] : []);
  }
});

test("a backend that does not train is refused by its name", async () => {
  const inner = wasm({ threads: 1 });
  const backend: Backend = {
    ...inner,
    async open(...args: Parameters<Backend["open"]>) {
      const { train: _, ...session } = await inner.open(...args);
      return { ...session, info: { ...session.info, name: "slate" } };
    },
  };
  await rejected(
    train(make(), y, { backend }),
    "unsupported",
    /^train: the backend slate does not train; use wasm\(\)$/,
  );
});

test("what a run starts with where nothing is said", async () => {
  const said = await train(make(), y, {
    optimizer: rmsprop(),
    schedule: constant(),
    batchSize: 5,
    epochs: 1,
    seed: 0,
    replacement: false,
    warmStart: false,
    codes: "encoded",
  });
  const unsaid = await train(make(), y);
  assert.equal(unsaid.decoder.parameters, said.decoder.parameters);
  assert.equal(unsaid.history, said.history);
  assert.is(unsaid.codes, undefined);
  const kept = { codes: "kept", epochs: 2 } as const;
  const [a, b] = [await train(make(), y, kept), await train(make(), y, { ...kept, codeOptimizer: adam() })];
  assert.equal(a.codes, b.codes);
  assert.not.equal(a.codes, (await train(make(), y, { ...kept, codeOptimizer: rmsprop() })).codes);
});

test("adjoints along the flow follow it by AMD with steps of up to 1,000", async () => {
  // Flat, as decoders are at first: the longest steps make a difference.
  const decoder = make();
  decoder.parameters.forEach((value, i) => {
    decoder.parameters[i] = 0.1 * value;
  });
  const { history } = await train(decoder, y, { adjoint: full() });
  const long = await train(decoder, y, { adjoint: full(), solver: amd({ stepMax: 1000 }) });
  const short = await train(decoder, y, { adjoint: full(), solver: amd() });
  assert.equal(history, long.history);
  assert.not.equal(history, short.history);
});

test("a flow of second order trains as it encodes", async () => {
  const { nesterovFlow } = await import("../../src/index.ts");
  const options = { flow: nesterovFlow(), solver: dormandPrince({ t1: 3 }) };
  const decoder = make();
  const still = { ...options, warmStart: true, optimizer: sgd({ learningRate: 0 }) } as const;
  const { codes } = await train(decoder, y, still);
  assert.equal(codes, (await encode(decoder, y, options)).z);
});

test("an augmentation is asked before any work whether it suits the samples", async () => {
  const asked: (readonly number[])[] = [];
  const refusal = new Error("no image");
  const augment = {
    name: "picky",
    check(shape: readonly number[]) {
      asked.push([...shape]);
      throw refusal;
    },
    apply: () => assert.unreachable("it has refused"),
  };
  const decoder = createDecoder({ layers: [2, SIZE], outputShape: [3, 2], loss: "bce" });
  for (const run of [() => train(decoder, y, { augment }), () => trainAutoencoder(decoder, y, { augment })]) {
    await run().then(
      () => assert.unreachable(),
      (error) => assert.is(error, refusal),
    );
  }
  assert.equal(asked, [
    [3, 2],
    [3, 2],
  ]);
});

test("an augmentation draws what nothing else draws from the same seed", async () => {
  const drawn: number[] = [];
  const augment: Augmentation = {
    name: "looking",
    check() {},
    apply(_samples, _shape, random) {
      for (let i = 0; i < 9; i++) drawn.push(random.uniform());
    },
  };
  await train(make(), y, { solver, augment, seed: 3 });
  assert.is(new Set(drawn).size, drawn.length);
  // Initial weights, mini-batches and an encoder's initial weights.
  for (const stream of [0, 1, 3]) {
    const random = createRandom(3, stream);
    const others = new Set(Array.from({ length: 1000 }, () => random.uniform()));
    assert.not(drawn.some((number) => others.has(number)));
  }
});

test("of options that are no numbers or no choices, each is refused by its name", async () => {
  const image = createDataset(y, { shape: [3, 2] });
  const cases: [options: object, message: RegExp][] = [
    [{ seed: 1.5 }, /^train: seed is 1\.5, expected an integer/],
    [{ seed: -1 }, /^train: seed is -1, expected/],
    [{ batchSize: 0 }, /^train: batchSize is 0, expected/],
    [{ epochs: 0.5 }, /^train: epochs is 0\.5, expected/],
    [{ gradientClip: 0 }, /^train: gradientClip is 0, expected/],
    [{ replacement: 1 }, /^train: replacement is 1, expected true or false/],
    [{ warmStart: "yes" }, /^train: warmStart is "yes", expected true or false/],
    [{ weights: new Float32Array(SIZE + 1) }, /^train: weights has 7 values/],
    [{ weights: new Float32Array((SAMPLES + 1) * SIZE) }, /^train: weights has 108 values/],
    [{ signal: {} }, /^train: signal is an? \S+, expected an AbortSignal/i],
  ];
  for (const [options, message] of cases) {
    await rejected(train(make(), image, options as TrainOptions), "invalid_argument", message);
  }
});

test.run();
