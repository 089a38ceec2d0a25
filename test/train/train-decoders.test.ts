// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Adjoint } from "../../src/adjoint/base.ts";
import { adam, type Optimizer, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import type { LatentflowErrorCode } from "../../src/base/errors.ts";
import { closeWorkers, type Decoder, decode, encode, euler, linearGrid, rk4, wasm } from "../../src/index.ts";
import { shift } from "../../src/train/augment.ts";
import {
  approximate,
  createDataset,
  direct,
  evaluate,
  full,
  type TrainOptions,
  type TrainResult,
  train,
} from "../../src/train/index.ts";
import { constant, linear, type Schedule } from "../../src/train/schedule.ts";
import { type DecoderCase, decoderCases } from "../support/decoders.ts";
import { gradientOf, graphLoss } from "../support/graph-reference.ts";
import { norm } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { workerUrl } from "../support/threads.ts";

// Training, of every sort of decoder.

test.after(closeWorkers);

/** The whole flow of a sample in float64, and the loss where it ends. */
function solvedLoss(
  { make, y, size, givenFor }: DecoderCase,
  sample: number,
  parameters: Float32Array | Float64Array,
  step: (z: number[], gradient: (z: number[]) => number[]) => number[],
  steps: number,
): number {
  const decoder = make();
  const target = y.subarray(sample * size, (sample + 1) * size);
  const fixed = givenFor([sample]).fixed ?? {};
  const lossAt = (z: readonly number[]) => graphLoss(decoder, decoder.loss!, z, target, parameters, fixed);
  let z = Array.from({ length: decoder.latentSize }, () => 0);
  for (let i = 0; i < steps; i++) z = step(z, (at) => gradientOf(lossAt, at));
  return lossAt(z);
}

/** The update of one sample by plain gradient descent. */
async function updateOf(
  { make, y, size, givenFor }: DecoderCase,
  sample: number,
  options: TrainOptions,
): Promise<{ before: Decoder; step: Float32Array }> {
  const before = make();
  const one = y.slice(sample * size, (sample + 1) * size);
  const { decoder } = await train(before, one, {
    ...givenFor([sample]),
    ...options,
    optimizer: sgd({ learningRate: 1 }),
  } as TrainOptions);
  return { before, step: decoder.parameters.map((value, i) => value - before.parameters[i]!) };
}

const STEPS = 4;
const T1 = 2;

for (const decoderCase of decoderCases) {
  const { name, make, y, size, given, sampleCount } = decoderCase;
  const adjoints: [adjoint: Adjoint, tolerance: number][] = [
    [direct(), 2e-3],
    [full(), 3e-2],
  ];
  for (const [adjoint, tolerance] of adjoints) {
    test(`${name}: by ${adjoint.name}() an update is the step along the gradient of the whole flow`, async () => {
      const sample = 3;
      const solver = rk4({ grid: linearGrid({ slices: STEPS, t1: T1 }) });
      const { before, step } = await updateOf(decoderCase, sample, { adjoint, solver });
      const length = norm(step);
      const h = 5e-4;
      const lossAt = (by: number) => {
        const parameters = before.parameters.map((value, i) => value + (by * step[i]!) / length);
        const dt = T1 / STEPS;
        const classic = (z: number[], gradient: (z: number[]) => number[]) => {
          const moved = (k: number[], share: number) => z.map((value, i) => value - share * dt * k[i]!);
          const k1 = gradient(z);
          const k2 = gradient(moved(k1, 1 / 2));
          const k3 = gradient(moved(k2, 1 / 2));
          const k4 = gradient(moved(k3, 1));
          return z.map((value, i) => value - (dt / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
        };
        return solvedLoss(decoderCase, sample, parameters, classic, STEPS);
      };
      const slope = (lossAt(h) - lossAt(-h)) / (2 * h);
      assert.ok(Math.abs(-slope / length - 1) < tolerance, `${-slope} along a step of length ${length}`);
    });
  }

  test(`${name}: by approximate() it is the step along the gradient where the flow ends`, async () => {
    const sample = 2;
    const solver = euler({ grid: linearGrid({ slices: 5, t1: 5 }) });
    const { before, step } = await updateOf(decoderCase, sample, { adjoint: approximate(), solver });
    const one = y.slice(sample * size, (sample + 1) * size);
    const { z } = await encode(before, one, { ...decoderCase.givenFor([sample]), solver });
    const length = norm(step);
    const fixed = decoderCase.givenFor([sample]).fixed ?? {};
    const at = (by: number) => {
      const parameters = before.parameters.map((value, i) => value + (by * step[i]!) / length);
      return graphLoss(before, before.loss!, z, one, parameters, fixed);
    };
    const h = 1e-3;
    assert.ok(Math.abs(-(at(h) - at(-h)) / (2 * h) / length - 1) < 2e-3);
  });

  const usual: TrainOptions = {
    epochs: 3,
    batchSize: 3,
    seed: 5,
    optimizer: adam({ learningRate: 0.01 }),
    // Not the first samples, which the training's own fixed inputs would fit.
    validation: { data: y.slice(2 * size, 4 * size), ...decoderCase.givenFor([2, 3]), everyImages: 4 },
    ...given,
  };
  // What is over points says how many once.
  delete (usual.validation as { points?: number }).points;
  const ways: Record<string, TrainOptions> = {
    encoded: {},
    "with warm starts": { warmStart: true },
    "with kept codes": { codes: "kept" },
  };
  const endOf = ({ decoder, history, validation, codes }: TrainResult) => {
    return { parameters: Array.from(decoder.parameters), history, validation, codes: codes && [...codes] };
  };
  for (const [way, options] of Object.entries(ways)) {
    test(`${name}, ${way}: a run that goes on from any checkpoint ends the same, bit for bit`, async () => {
      const checkpoints: Uint8Array[] = [];
      const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
      const all = { ...usual, ...options } as TrainOptions;
      const whole = await train(make(), y, { ...all, checkpoint: { save, everySeconds: 0 } } as TrainOptions);
      assert.is(
        whole.codes?.length,
        way === "encoded" ? undefined : sampleCount * 3 + (name === "all kinds" ? sampleCount : 0),
      );
      assert.is(checkpoints.length > 8, true);
      for (const resume of checkpoints.filter((_, i) => i % 3 === 1)) {
        const resumed = await train(make(), y, { ...all, checkpoint: { save() {}, resume } } as TrainOptions);
        assert.equal(endOf(resumed), endOf(whole));
      }
    });

    test(`${name}, ${way}: three threads train as one does, bit for bit`, async () => {
      const trainOn = (threads: number) => {
        const backend = wasm({ threads, worker: workerUrl });
        return train(make(), y, { ...usual, ...options, backend } as TrainOptions);
      };
      assert.equal(endOf(await trainOn(3)), endOf(await trainOn(1)));
    });
  }

  test(`${name}: the last validation is what evaluate finds of the decoder that comes of it`, async () => {
    const { decoder, validation } = await train(make(), y, usual);
    const report = await evaluate(decoder, y.slice(2 * size, 4 * size), decoderCase.givenFor([2, 3]));
    // Its losses are float32.
    assert.ok(Math.abs(validation.at(-1)!.loss / report.meanLoss - 1) < 1e-6);
    assert.is.not(validation[0]!.loss, validation.at(-1)!.loss);
  });

  test(`${name}: what has the weight 0 is as if it were not there, whatever it is`, async () => {
    const weights = Float32Array.from(y, (_, i) => (i % 4 === 1 ? 0 : 1 + (i % 3)));
    const missing = y.map((value, i) => (weights[i] === 0 ? Number.NaN : value));
    const { validation, ...options } = usual;
    const [a, b] = [
      await train(make(), y, { ...options, weights } as TrainOptions),
      await train(make(), missing, { ...options, weights } as TrainOptions),
    ];
    assert.equal(endOf(a), endOf(b));
    const unweighted = await train(make(), y, options as TrainOptions);
    assert.not.equal(endOf(a), endOf(unweighted));
  });

  test(`${name}: kept codes are updated by their gradients beside the weights, and come to fit`, async () => {
    const { codes, decoder, history } = await train(make(), y, {
      epochs: 1,
      batchSize: sampleCount,
      codes: "kept",
      optimizer: sgd({ learningRate: 0 }),
      codeOptimizer: sgd({ learningRate: 0.5 }),
      ...given,
    });
    const d = decoder.latentSize;
    for (let sample = 0; sample < sampleCount; sample++) {
      const target = y.subarray(sample * size, (sample + 1) * size);
      const fixed = decoderCase.givenFor([sample]).fixed ?? {};
      const lossAt = (z: readonly number[]) =>
        graphLoss(decoder, decoder.loss!, z, target, decoder.parameters, fixed);
      const gradient = gradientOf(lossAt, new Array(d).fill(0));
      const expected = gradient.map((value) => -0.5 * value);
      const got = codes!.subarray(sample * d, (sample + 1) * d);
      const error = norm(expected.map((value, i) => value - got[i]!)) / norm(expected);
      assert.ok(error < 1e-4, `sample ${sample}: ${error}`);
    }
    assert.is(history.length, 1);

    const long = await train(make(), y, {
      epochs: 60,
      codes: "kept",
      optimizer: adam({ learningRate: 3e-3 }),
      codeOptimizer: adam({ learningRate: 0.05 }),
      ...given,
    });
    const loss = long.history.at(-1)!.loss;
    assert.ok(loss < 0.97 * long.history[0]!.loss, `${long.history[0]!.loss} to ${loss}`);
    // The codes are those of the decoder that is returned: they decode to the samples as well as the last losses say.
    const outputs = await decode(long.decoder, long.codes!, given);
    assert.is(outputs.length, y.length);
    assert.ok(outputs.every(Number.isFinite));
  });
}

test("kept codes follow PyTorch's optimizers", async () => {
  // A decoder whose loss has the gradient z - y at any code.
  const { sequential, dense } = await import("../../src/graph/index.ts");
  const { createDecoder, squaredError } = await import("../../src/index.ts");
  const identity = createDecoder(sequential(2, [dense(2)]), { loss: squaredError({ reduction: "sum" }) });
  identity.parameters.set([Math.SQRT1_2, 0, 0, Math.SQRT1_2, 0, 0]);
  const y = Float32Array.of(1, -2);
  for (const codeOptimizer of [
    sgd({ learningRate: 0.1, momentum: 0.9 }),
    rmsprop({ learningRate: 0.01 }),
    adam({ learningRate: 0.02, weightDecay: 0.1 }),
  ]) {
    const { codes } = await train(identity, y, {
      epochs: 5,
      codes: "kept",
      codeOptimizer,
      optimizer: sgd({ learningRate: 0 }),
    });
    const expected = [0, 0];
    const [m, v] = [
      [0, 0],
      [0, 0],
    ];
    for (let t = 1; t <= 5; t++) {
      for (let i = 0; i < 2; i++) {
        const g = 2 * Math.SQRT1_2 * (Math.SQRT1_2 * expected[i]! - y[i]!);
        if (codeOptimizer.name === "sgd") {
          m[i] = 0.9 * m[i]! + g;
          expected[i]! -= 0.1 * m[i]!;
        } else if (codeOptimizer.name === "rmsprop") {
          v[i] = 0.9 * v[i]! + 0.1 * g * g;
          expected[i]! -= (0.01 * g) / (Math.sqrt(v[i]!) + 1e-6);
        } else {
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.999 * v[i]! + 0.001 * g * g;
          const step = m[i]! / (1 - 0.9 ** t) / (Math.sqrt(v[i]! / (1 - 0.999 ** t)) + 1e-8);
          expected[i]! -= 0.02 * 0.1 * expected[i]! + 0.02 * step;
        }
      }
    }
    for (let i = 0; i < 2; i++) assert.ok(Math.abs(codes![i]! - expected[i]!) < 1e-5, codeOptimizer.name);
  }
});

test("what says two things of the codes is refused, and what is given with samples is checked", async () => {
  const conditions = decoderCases.find(({ name }) => name === "conditions")!;
  const decoder = conditions.make();
  const { y } = conditions;
  const refused = (options: object, message: RegExp, code: LatentflowErrorCode = "invalid_argument") =>
    rejected(train(decoder, y, { ...conditions.given, ...options } as never), code, message);
  await refused({ codes: "some" }, /^train: codes is "some", expected "encoded" or "kept"/);
  await refused(
    { codeOptimizer: adam() },
    /^train: codeOptimizer is an object, expected undefined where no codes are kept; give codes: "kept" too/,
  );
  await refused({ codes: "kept", codeOptimizer: { stateVectors: 1 } }, /codeOptimizer is .*expected rmsprop/);
  const wrongCopies = [
    [{ ...adam(), learningRate: "x" }, /^train: optimizer: adam: learningRate is "x", expected/],
    [{ ...adam(), beta1: 1 }, /^train: optimizer: adam: beta1 is 1, expected a finite number >= 0 and <=/],
    [{ ...rmsprop(), slope: 1 }, /^train: optimizer: rmsprop: unknown option "slope"/],
    // Options of a prototype are not read, so that it is refused, not taken with defaults.
    [Object.create(adam({ learningRate: 1 })), /^train: optimizer is an object, expected rmsprop\(\)/],
  ] as const;
  for (const [optimizer, message] of wrongCopies) await refused({ optimizer }, message);
  for (const to of [Number.NaN, -1, Number.POSITIVE_INFINITY, "0.5", true, [0.5], null]) {
    await refused(
      { schedule: { ...linear(), to: to as number } },
      /^train: schedule\.to is .*, expected a finite number >= 0/,
    );
  }
  for (const factor of [Number.NaN, -1, "1"]) {
    const schedule = { name: "linear", factor: () => factor };
    await refused({ schedule }, /^train: schedule\.factor\(0\) is .*, expected a finite number >= 0/);
  }
  // Its rejection ends this process unless it is handled.
  const later = async () => Promise.reject(new Error("later"));
  await refused(
    { schedule: { name: "linear", factor: later } },
    /^train: schedule\.factor\(0\) is a Promise/,
  );
  for (const name of ["check", "apply"] as const) {
    const augment = { ...shift({ pixels: 1 }), check() {}, apply() {}, [name]: later };
    await refused({ augment }, new RegExp(`^train: augment\\.${name} returned a Promise, expected nothing`));
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  await refused({ codes: "kept", codeOptimizer: adam }, /^train: codeOptimizer is .*expected rmsprop\(\)/);
  await refused({ codes: "kept", warmStart: true }, /^train: codes: "kept" and warmStart are both given/);
  await train(decoder, y, { ...conditions.given, codes: "kept", warmStart: false });
  await refused({ codes: "kept", adjoint: full() }, /^train: codes: "kept" and adjoint are both given/);
  await refused({ fixed: undefined }, /^train: the decoder has fixed inputs \("label", "kind"\); give them/);
  await refused({ points: 3 }, /^train: points is given, but the decoder has no input of points/);
  await refused(
    { validation: { data: y } },
    /^train: validation: the decoder has fixed inputs \("label", "kind"\); give them/,
  );
  await refused(
    { fixed: { label: new Float32Array(4), kind: new Uint8Array(3) } },
    /^train: fixed input "kind" has 3 values, expected 1 .* or 7/,
  );
  const other = { ...conditions.given.fixed, kind: new Uint8Array(7).fill(1) };
  const checkpoints: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
  await train(decoder, y, { ...conditions.given, checkpoint: { save, everySeconds: 0 } });
  await refused(
    { fixed: other, checkpoint: { save() {}, resume: checkpoints[0] } },
    /checkpoint of another run: fixed\.kind is .* there and .* here/,
    "other_run",
  );
  const overPoints = decoderCases.find(({ name }) => name.startsWith("points"))!;
  await rejected(
    train(overPoints.make(), overPoints.y, { fixed: overPoints.given.fixed! } as never),
    "invalid_argument",
    /^train: the decoder is over points; give how many there are/,
  );
});

test("a run does not go on with another validation, or other updates of its codes", async () => {
  const { make: makeOne, y, given, size } = decoderCases.find(({ name }) => name === "conditions")!;
  const weights = new Float32Array(size).fill(1);
  const validation = { data: y, weights, ...given };
  const options = { ...given, codes: "kept", validation } as const;
  const checkpoints: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
  await train(makeOne(), y, { ...options, checkpoint: { save, everySeconds: 0 } });
  const goOn = (other: TrainOptions) =>
    train(makeOne(), y, {
      ...options,
      ...other,
      checkpoint: { save() {}, resume: checkpoints[1]! },
    } as TrainOptions);
  // The default.
  assert.is((await goOn({ codeOptimizer: adam() })).resumedFrom?.images, 5);
  const kind = new Uint8Array(7).fill(1);
  const others: [other: object, message: RegExp][] = [
    [
      { codeOptimizer: adam({ learningRate: 0.5 }) },
      /another run: codeOptimizer\.learningRate is 0\.001 there/,
    ],
    [{ validation: { ...validation, weights: weights.map(() => 2) } }, /another run: validationWeights is /],
    [
      { validation: { ...validation, fixed: { ...given.fixed, kind } } },
      /another run: validationFixed\.kind is /,
    ],
  ];
  for (const [other, message] of others) await rejected(goOn(other), "other_run", message);
});

test("a run does not go on with a decoder of the same operations that is wired otherwise", async () => {
  const { concat, dense, graph, tanh } = await import("../../src/graph/index.ts");
  const { createDecoder } = await import("../../src/index.ts");
  const wired = (isSwapped: boolean) => {
    const definition = graph(({ latent }) => {
      const a = dense(4)(latent(2));
      const b = tanh()(a);
      return dense(3)(isSwapped ? concat()(b, a) : concat()(a, b));
    });
    return createDecoder(definition, { seed: 1, loss: "mse" });
  };
  const checkpoints: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
  const y = new Float32Array(6);
  await train(wired(false), y, { checkpoint: { save } });
  const checkpoint = { save, resume: checkpoints[0]! };
  await rejected(train(wired(true), y, { checkpoint }), "other_run", /another run: .*\.reads\.0 is /);
});

test("kept codes learn by the schedule, too", async () => {
  const { make: makeOne, y } = decoderCases[0]!;
  const codesOf = async (learningRate: number, schedule: Schedule) => {
    const optimizer = sgd({ learningRate: 0 });
    const codeOptimizer = sgd({ learningRate });
    const options = { codes: "kept", optimizer, codeOptimizer, schedule, epochs: 2 } as const;
    return (await train(makeOne(), y, options)).codes;
  };
  const half: Schedule = { name: "linear", factor: () => 0.5 };
  assert.equal(await codesOf(1, half), await codesOf(0.5, constant()));
});

test("a changed copy of an optimizer is the optimizer of these options", async () => {
  const { make: makeOne, y } = decoderCases[0]!;
  const parametersOf = async (optimizer: Optimizer) =>
    (await train(makeOne(), y, { codes: "kept", optimizer, epochs: 3 })).decoder.parameters;
  const options = { learningRate: 0.1, momentum: 0.9 };
  assert.equal(await parametersOf({ ...sgd(), ...options }), await parametersOf(sgd(options)));
});

test("a changed copy of a schedule decays to its own end, and its function alone to the first one", () => {
  const { factor } = linear({ to: 0.5 });
  assert.equal([0, 0.5, 1].map(factor), [1, 0.75, 0.5]);
  const copy = { ...linear({ to: 0.5 }), to: 0.25 };
  assert.equal(
    [0, 0.5, 1].map((progress) => copy.factor(progress)),
    [1, 0.625, 0.25],
  );
});

test("a schedule is asked at each update, by the share of all images that have been processed before it", async () => {
  const { make: makeOne, y, size } = decoderCases[0]!;
  const five = y.slice(0, 5 * size);
  const asked: number[] = [];
  const schedule: Schedule = {
    name: "constant",
    factor(progress) {
      asked.push(progress);
      return 1;
    },
  };
  const options = { epochs: 2, batchSize: 2, optimizer: sgd({ learningRate: 0.01 }) } as const;
  await train(makeOne(), five, { ...options, schedule });
  // Both ends are asked for when options are checked.
  assert.equal(asked, [0, 1, 0, 0.2, 0.4, 0.5, 0.7, 0.9]);
});

test("with warm starts the codes are where each sample's flow has ended", async () => {
  const { make: makeOne, y, size, sampleCount } = decoderCases[0]!;
  const solver = euler({ grid: linearGrid({ slices: 3, t1: 3 }) });
  const decoder = makeOne();
  const still = { warmStart: true, optimizer: sgd({ learningRate: 0 }), batchSize: 2, solver } as const;
  const { codes } = await train(decoder, y, still);
  const { z } = await encode(decoder, y, { solver });
  assert.is(z.length, sampleCount * decoder.latentSize);
  assert.is(y.length, sampleCount * size);
  assert.equal(codes, z);
});

test("what is detached meanwhile ends the run, which names it", async () => {
  const { make: makeOne, y, given, sampleCount } = decoderCases.find(({ name }) => name === "conditions")!;
  const gone = /^train: the buffer of fixed\.label was detached \(transferred\) while the call was at work/;
  for (const rows of [1, sampleCount]) {
    for (const where of ["describing", "training"]) {
      const label = new Float32Array(4 * rows);
      const detach = () => void (label.length && structuredClone(label, { transfer: [label.buffer] }));
      const options: TrainOptions = { fixed: { ...given.fixed, label } };
      const run = train(makeOne(), y, {
        ...options,
        ...(where === "describing" ? { checkpoint: { save() {} } } : { onProgress: detach }),
      } as TrainOptions);
      if (where === "describing") detach();
      await rejected(run, "invalid_argument", gone);
    }
  }
});

test("a decoder over points stays one for any number of them", async () => {
  const overPoints = decoderCases.find(({ name }) => name.startsWith("points"))!;
  const { decoder } = await train(overPoints.make(), overPoints.y, overPoints.given as TrainOptions);
  const fixed = { xyz: new Float32Array(3 * 11) };
  assert.is((await decode(decoder, new Float32Array(3), { points: 11, fixed })).length, 11);
});

test("a data set of labels may be given as they are", async () => {
  const conditions = decoderCases.find(({ name }) => name === "conditions")!;
  const data = createDataset(conditions.y, {
    shape: [9],
    labels: conditions.given.fixed!.kind as Uint8Array,
  });
  const fixed = { label: new Float32Array(4), kind: data.labels! };
  assert.is((await train(conditions.make(), data, { fixed })).history.length, 2);
});

test.run();
