// Tests src/train/checkpoints.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { full } from "../../src/adjoint/full.ts";
import { createDataset } from "../../src/api/dataset.ts";
import { adam, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import { checksum, showChecksum } from "../../src/base/checksum.ts";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { conv, dense, reshape, sequential, sigmoid } from "../../src/graph/index.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  lbfgs,
  nesterovFlow,
  rk4,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { linearGrid } from "../../src/solver/grid.ts";
import { trainAutoencoder } from "../../src/train/autoencoder.ts";
import { checkArguments } from "../../src/train/check-options.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint-format.ts";
import { describeRun, describeValues } from "../../src/train/describe-run.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import type { TrainEvent, TrainStep } from "../../src/train/progress.ts";
import { checkSameRun } from "../../src/train/run-differences.ts";
import { linear } from "../../src/train/schedule.ts";
import { train } from "../../src/train/train.ts";
import { builds } from "../support/builds.ts";
import { uninterrupted } from "../support/control.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";
import {
  abortedAtLook,
  endOf,
  resumeFrom,
  runSmall,
  runWithCheckpoints,
  smallData,
  smallDecoder,
  smallOptions,
} from "../support/small-run.ts";

test("the checksum is CRC-32", () => {
  // The check value of the catalogue of CRCs.
  const bytes = new TextEncoder().encode("123456789");
  assert.is(showChecksum(checksum(bytes)), "cbf43926");
  assert.is(checksum(bytes.subarray(4), checksum(bytes.subarray(0, 4))), checksum(bytes));
  assert.is(showChecksum(checksum(new Uint8Array(0))), "00000000");
});

/** Weights of each sample's own, which do not go with augmentation. */
const weightedOptions = {
  augment: undefined,
  weights: randomArray(9, smallData.count * smallData.size, 0, 2),
} as unknown as TrainOptions;

const variants: readonly [name: string, options: TrainOptions][] = [
  ["adam, warm starts, augmentation, validation", {}],
  ["rmsprop, with replacement", { optimizer: rmsprop(), replacement: true, batchSize: 3 }],
  ["sgd with momentum", { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), warmStart: false }],
  ["sgd", { optimizer: sgd({ learningRate: 0.1 }), schedule: linear({ to: 0.1 }) }],
  ["weights", weightedOptions],
  [
    "nesterovFlow with rk4",
    { flow: nesterovFlow(), solver: rk4({ grid: linearGrid({ t1: 2, slices: 3 }) }), epochs: 2 },
  ],
];
for (const [name, options] of variants) {
  test(`from every checkpoint on, the end is the same: ${name}`, async () => {
    const whole = await runSmall(options);
    const { result, checkpoints } = await runWithCheckpoints(options);
    assert.equal(endOf(result), endOf(whole));
    const images = [0, ...whole.history.map((step) => step.images)];
    assert.is(checkpoints.length, images.length);
    for (const [i, checkpoint] of checkpoints.entries()) {
      const resumed = await runSmall({ ...options, ...resumeFrom(checkpoint) } as TrainOptions);
      assert.equal(endOf(resumed), endOf(whole));
      assert.is(resumed.resumedFrom?.images, images[i]);
    }
  });
}

for (const { name, backend } of builds) {
  test(`${name}: from a checkpoint in the middle on, the end is the same`, async () => {
    const { result, checkpoints } = await runWithCheckpoints({ backend });
    assert.equal(endOf(await runSmall({ backend, ...resumeFrom(checkpoints[5]!) })), endOf(result));
  });
}

test("an abort leaves a checkpoint of the last whole update, wherever it comes", async () => {
  const whole = await runSmall();
  // At every time that the run looks at its signal.
  for (let looks = 1, ended = false; !ended; looks += 7) {
    let checkpoint: Uint8Array | undefined;
    const reason = new Error("enough");
    const signal = abortedAtLook(looks, reason);
    const save = (bytes: Uint8Array) => {
      checkpoint = bytes;
    };
    try {
      await runSmall({ signal, checkpoint: { save } });
      ended = true;
    } catch (error) {
      assert.is(error, reason);
    }
    const resumed = await runSmall(checkpoint && resumeFrom(checkpoint));
    assert.equal(endOf(resumed), endOf(whole));
  }
});

test("a checkpoint is a safetensors file, and what is read is what was written", async () => {
  const { checkpoints, result } = await runWithCheckpoints();
  const bytes = checkpoints.at(-1)!;
  const { tensors } = readSafetensors(bytes);
  assert.equal(
    [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`),
    [
      "0.values F64 51",
      "1.updates F64 0",
      ...["2.parameters", "3.0", "4.1"].map((name) => `${name} F32 113`),
      "5.history F64 36",
      "6.validation F64 8",
      "checksum U32 1",
    ],
  );
  const checkpoint = readCheckpoint(bytes);
  assert.equal(writeCheckpoint(checkpoint), bytes);
  assert.equal(checkpoint.state.history, result.history);
  assert.equal(checkpoint.state.trainer.parameters, result.decoder.parameters);
  // Losses that are no numbers are kept too.
  const { run, state } = checkpoint;
  const odd = [{ images: 1, loss: Number.NaN, gradientNorm: Number.POSITIVE_INFINITY }];
  const again = readCheckpoint(writeCheckpoint({ run, state: { ...state, history: odd } }));
  assert.equal(again.state.history, odd);
  // Memory that begins anywhere.
  for (const moved of [new Uint8Array(bytes.length + 3), Buffer.alloc(bytes.length + 3)]) {
    moved.set(bytes, 3);
    assert.equal(readCheckpoint(moved.subarray(3)), checkpoint);
  }
});

test("another run's checkpoint is refused, and what differs is named", async () => {
  const { checkpoints } = await runWithCheckpoints({ backend: wasm({ relaxed: false }) });
  const resume = resumeFrom(checkpoints[3]!);
  const go = { backend: wasm({ relaxed: false }), ...resume };
  const cases: [TrainOptions, RegExp][] = [
    [{ seed: 8 }, /^train: checkpoint\.resume is a checkpoint of another run: seed is 7 there and 8 here\./],
    [
      { epochs: 4 },
      /epochs is 3 there and 4 here\. .* elsewhere: to train longer, from the decoder that it ended with$/,
    ],
    [{ epochs: 2 }, /epochs is 3 there and 2 here\. .* elsewhere$/],
    [{ batchSize: 6 }, /batchSize is 5 there and 6 here/],
    [{ replacement: true }, /replacement is false there and true here/],
    [{ warmStart: false }, /warmStart is true there and false here/],
    [{ gradientClip: 1 }, /gradientClip is 0\.1 there and 1 here/],
    [{ optimizer: adam({ learningRate: 0.02 }) }, /optimizer\.learningRate is 0\.01 there and 0\.02 here/],
    // What follows goes without saying: that the one has beta1 and the other has not.
    [{ optimizer: rmsprop() }, /run: optimizer\.name is "adam" there and "rmsprop" here\. Give/],
    [{ solver: lbfgs() }, /run: solver\.name is "amd" there and "lbfgs" here\. Give/],
    [
      { codes: "kept", warmStart: false },
      /run: (?=.*codes is "encoded" there and "kept" here)(?!.*codeOptimizer)/,
    ],
    [{ schedule: linear({ to: 0.5 }) }, /schedule\.to is 0 there and 0\.5 here/],
    [{ adjoint: full() }, /run: adjoint\.name is "approximate" there and "full" here\. Give/],
    [{ solver: amd({ maxSteps: 9 }) }, /solver\.maxSteps is 8 there and 9 here/],
    [{ loss: squaredError() }, /loss\.name is "binaryCrossEntropy" there and "squaredError" here/],
    [
      { validation: { data: smallData, everyImages: 20 } },
      /run: validationData\.samples is 5 there and 17 here\. Give/,
    ],
    [
      { validation: { ...smallOptions.validation!, everyImages: 21 } },
      /validation\.everyImages is 20 there and 21 here/,
    ],
    [{ backend: wasm({ relaxed: true }) }, /build is "wasm plain \w{8}" there and "wasm relaxed \w{8}" here/],
    [
      { backend: builds.find(({ name }) => name === "debug")!.backend },
      /build is "wasm plain \w{8}" there and "wasm debug \w{8}" here/,
    ],
  ];
  for (const [options, message] of cases) {
    await rejected(runSmall({ ...go, ...options } as TrainOptions), "other_run", message);
  }
  // A new decoder's parameters follow from the seed.
  const otherSeed = createDecoder({ layers: [3, 8, 9], seed: 8, loss: "bce", outputShape: [3, 3] });
  await rejected(
    train(otherSeed, smallData, { ...smallOptions, ...go, seed: 8 } as TrainOptions),
    "other_run",
    /run: seed is 7 there and 8 here\. Give/,
  );
  await rejected(
    train(otherSeed, smallData, { ...smallOptions, ...go } as TrainOptions),
    "other_run",
    /run: decoder\.parameters is "\w+" there and "\w+" here\. Give/,
  );
  const otherLayers = createDecoder({
    layers: [3, 8, 9],
    activation: "tanh",
    seed: 8,
    loss: "bce",
    outputShape: [3, 3],
  });
  await rejected(
    train(otherLayers, smallData, { ...smallOptions, ...go, seed: 8 } as TrainOptions),
    "other_run",
    /run: decoder\.operations\S+ is "elu" there and "tanh" here; seed is 7 there and 8 here\. Give/,
  );
  const { augment: _, validation: __, ...bare } = smallOptions;
  const bareRun = train(smallDecoder, smallData, { ...bare, ...go } as TrainOptions);
  await rejected(bareRun, "other_run", /augment\.name is "shift" there and absent here/);
  const { solver, warmStart, ...ofAutoencoder } = smallOptions;
  await rejected(
    trainAutoencoder(smallDecoder, smallData, { ...ofAutoencoder, ...go }),
    "other_run",
    /^trainAutoencoder: checkpoint\.resume is a checkpoint of another run: autoencoder is false there and true here\. Give/,
  );
  const weighted = await runWithCheckpoints(weightedOptions);
  const { weights } = weightedOptions;
  const doubled = { ...weightedOptions, weights: (weights as Float32Array).map((weight) => 2 * weight) };
  await rejected(
    runSmall({ ...doubled, ...resumeFrom(weighted.checkpoints[3]!) } as TrainOptions),
    "other_run",
    /weights is "\w{8}" there and "\w{8}" here/,
  );

  const other = smallData.toFloat32();
  other[20] = 0.25;
  const otherData = createDataset(other, { shape: [3, 3] });
  const ofOtherData = train(smallDecoder, otherData, { ...smallOptions, ...go } as TrainOptions);
  await rejected(ofOtherData, "other_run", /data\.checksum is "\w{8}" there and "\w{8}" here\. Give/);

  const describe = { loss: binaryCrossEntropy(), outputShape: [3, 3] };
  for (const [decoder, message] of [
    [
      createDecoder({ layers: [3, 8, 9], seed: 2, ...describe }),
      /decoder\.parameters is "\w+" there and "\w+" here\./,
    ],
    [
      createDecoder({ layers: [3, 7, 9], ...describe }),
      /another run: decoder is 3 → 8 → 9 there and 3 → 7 → 9 here\. Give/,
    ],
    [
      createDecoder({ layers: [3, 8, 5, 9], ...describe }),
      /another run: decoder is 3 → 8 → 9 there and 3 → 8 → 5 → 9 here\. Give/,
    ],
    [
      createDecoder(
        sequential(3, [
          ...[dense(9), reshape([3, 3, 1])],
          ...[conv({ channels: 1, kernel: 3, padding: 1 }), sigmoid()],
        ]),
        { loss: "bce" },
      ),
      /another run: decoder is 3 → 8 → 9 there and 3 → 9 → 3×3×1 here\. Give/,
    ],
    [
      createDecoder({ layers: [3, 8, 9], seed: 1, activation: "tanh", ...describe }),
      /another run: decoder\.operations\.1\.activation\.name is "elu" there and "tanh" here\. Give/,
    ],
  ] as const) {
    const run = train(decoder, smallData, { ...smallOptions, ...go } as TrainOptions);
    await rejected(run, "other_run", message);
  }
});

test("data, and what goes with them, are told apart wherever they differ: also where they are not read in one go", async () => {
  const ofData = (values: Float32Array) => {
    const data = createDataset(values, { shape: [3, 3] });
    const options = checkArguments(smallDecoder, data, { validation: { data } });
    return describeRun(options, "some", uninterrupted);
  };
  const ofWeights = (values: Float32Array) => describeValues("weights", values, uninterrupted);
  for (const [describe, length] of [
    [ofData, 2001 * 9],
    [ofWeights, 2 ** 21 + 1],
  ] as const) {
    const values = new Float32Array(length);
    const found = new Set([JSON.stringify(await describe(values))]);
    const places = [0, length >> 1, length - 1];
    for (const place of places) {
      values[place] = 1;
      found.add(JSON.stringify(await describe(values)));
    }
    assert.is(found.size, places.length + 1);
  }
});

test("of many differences the first five are named and the others counted", () => {
  const made = (value: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`o${i}`, value]));
  const message = (count: number) => {
    const named = Array.from({ length: Math.min(count, 5) }, (_, i) => `o${i} is 1 there and 2 here`);
    return `run is a checkpoint of another run: ${named.join("; ")}`;
  };
  for (const [count, more] of [
    [1, ""],
    [5, ""],
    [6, "; and 1 more"],
    [8, "; and 3 more"],
  ] as const) {
    assert.throws(
      () => checkSameRun("run", made(1, count), made(2, count)),
      (error: Error) => error.message.startsWith(`${message(count)}${more}. Give what`),
    );
  }
  checkSameRun("run", made(1, 8), made(1, 8));
});

test("losses of one's own are told apart by their source", async () => {
  const gradient = (output: number, target: number) => output - target;
  const loss = customLoss({ value: (output, target) => (output - target) ** 2 / 2, gradient });
  const { checkpoints, result } = await runWithCheckpoints({ loss });
  const resume = resumeFrom(checkpoints[2]!);
  assert.equal(endOf(await runSmall({ loss, ...resume })), endOf(result));
  const other = customLoss({ value: (output, target) => (output - target) ** 4, gradient });
  await rejected(runSmall({ loss: other, ...resume }), "other_run", /loss\.source is "\w{8}" there/);
});

test("a run that has ended resumes to its end at once, and events come in order", async () => {
  const events: (TrainEvent | { kind: "update"; images: number })[] = [];
  const checkpoints: Uint8Array[] = [];
  const whole = await runSmall({
    onEvent: (event) => void events.push(event),
    onProgress: ({ images }) => void events.push({ kind: "update", images }),
    checkpoint: { save: (bytes) => void checkpoints.push(bytes), everySeconds: 3600 },
  });
  const told = (of: readonly { kind: string; images: number }[]) =>
    of.map(({ kind, images }) => `${kind} ${images}`).join(", ");
  assert.is(
    told(events),
    "validation 0, update 5, update 10, update 15, update 17, update 22, validation 22, update 27, update 32, " +
      "update 34, update 39, update 44, validation 44, update 49, update 51, validation 51, checkpoint 51",
  );
  assert.is(checkpoints.length, 1);

  const again: TrainEvent[] = [];
  const resumed = await runSmall({
    onEvent: (event) => void again.push(event),
    onProgress: () => assert.unreachable("there is nothing left to do"),
    ...resumeFrom(checkpoints[0]!),
  });
  assert.is(told(again), "resumed 51");
  assert.equal(endOf(resumed), endOf(whole));
});

test("from one checkpoint to the next it is everySeconds, and one at the end", async () => {
  const { now } = performance;
  let clock = 1e6;
  performance.now = () => clock;
  const keptAt = async (everySeconds: object, step: number) => {
    const kept: number[] = [];
    await runSmall({
      checkpoint: { save() {}, ...everySeconds },
      onEvent: ({ kind, images }) => void (kind === "checkpoint" && kept.push(images)),
      onProgress() {
        clock += 1000 * step;
      },
    });
    return kept;
  };
  try {
    // Updates end at 5, 10, 15, 17, 22, 27, 32, 34, 39, 44, 49, 51: the third is the first after 2 s.
    const third = [15, 27, 39, 51];
    assert.equal(await keptAt({ everySeconds: 2 }, 0.75), third);
    // The default.
    assert.equal(await keptAt({}, 22), third);
    assert.equal(await keptAt({}, 30), [10, 17, 27, 34, 44, 51]);
  } finally {
    performance.now = now;
  }
});

test("what has been kept is not kept again", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const kept: number[] = [];
  let saved = 0;
  const run = runSmall({
    signal: controller.signal,
    checkpoint: { save: () => void saved++, everySeconds: 0 },
    onEvent({ kind, images }) {
      if (kind !== "checkpoint") return;
      kept.push(images);
      if (images === 10) controller.abort(reason);
    },
  });
  await run.then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  assert.equal(kept, [0, 5, 10]);
  assert.is(saved, 3);
});

test("a run of more updates than a call takes arguments resumes", async () => {
  const { checkpoints, result } = await runWithCheckpoints();
  const { run, state } = readCheckpoint(checkpoints.at(-1)!);
  const history = [...new Array<TrainStep>(250_000).fill(result.history[0]!), ...result.history];
  const resumed = await runSmall(resumeFrom(writeCheckpoint({ run, state: { ...state, history } })));
  assert.is(resumed.history.length, history.length);
});

test("a failure to save ends the run", async () => {
  const reason = new Error("quota exceeded");
  const save = () => Promise.reject(reason);
  await runSmall({ checkpoint: { save, everySeconds: 0 } }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
});

test("checkpoint refuses what it cannot use", async () => {
  const cases: [unknown, RegExp][] = [
    [
      "run.checkpoint",
      /train: checkpoint: options are "run\.checkpoint", expected a plain object with any of file, save, resume, everySeconds/,
    ],
    [{}, /checkpoint: save is undefined, expected a function of bytes, or in its place \{ file \}/],
    [{ path: "a" }, /unknown option "path"; the options are file, save, resume, everySeconds/],
    [{ file: 1 }, /file is 1, expected a path/],
    [{ file: "a", save() {} }, /file and save are both given/],
    [
      { file: "a", resume: new Uint8Array(1) },
      /resume is a Uint8Array, expected true or false together with file/,
    ],
    [{ save() {}, resume: true }, /resume is true, expected a checkpoint's bytes together with save/],
    [
      { save() {}, resume: new Uint8Array(0) },
      /resume is empty, expected a checkpoint's bytes; to start anew/,
    ],
    [{ save() {}, everySeconds: -1 }, /everySeconds is -1/],
  ];
  for (const [checkpoint, message] of cases) {
    await rejected(runSmall({ checkpoint } as never), "invalid_argument", message);
  }
});

test("bytes to go on from that have been transferred are refused, as what they are", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const gone = checkpoints[0]!;
  structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
  await rejected(
    runSmall(resumeFrom(gone)),
    "invalid_argument",
    /^train: checkpoint: the buffer of resume has been detached/,
  );
  const going = checkpoints[1]!;
  const run = runSmall(resumeFrom(going));
  structuredClone(going.buffer, { transfer: [going.buffer as ArrayBuffer] });
  await rejected(
    run,
    "invalid_argument",
    /^train: checkpoint: the buffer of resume was detached .* while the call/,
  );
});

test("where there are no files, that is said", async () => {
  const { getBuiltinModule } = process;
  // As in a browser.
  Reflect.set(process, "getBuiltinModule", undefined);
  try {
    await rejected(
      runSmall({ checkpoint: { file: "a" } }),
      "unsupported",
      /file needs Node's file system, which is not here; keep checkpoints yourself, with save and resume/,
    );
    const { result, checkpoints } = await runWithCheckpoints();
    assert.equal(endOf(await runSmall(resumeFrom(checkpoints[1]!))), endOf(result));
  } finally {
    Reflect.set(process, "getBuiltinModule", getBuiltinModule);
  }
});

test.run();
