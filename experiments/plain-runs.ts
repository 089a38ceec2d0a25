import { readSafetensors } from "../src/files/safetensors.ts";
import {
  type ActivationLike,
  amd,
  type Backend,
  createDecoder,
  customLoss,
  type Decoder,
  decode,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  gaussian,
  gaussianMixture,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
} from "../src/index.ts";
import {
  adam,
  createDataset,
  direct,
  full,
  rmsprop,
  sgd,
  type TrainOptions,
  train,
  trainAutoencoder,
} from "../src/train/index.ts";
import { decoderCases } from "../test/support/decoders.ts";
import { randomArray } from "../test/support/random.ts";

// Runs of the plain build, whose results have the same bits on every machine: what must not change where a change is
// not meant to change results.

/** A run, and the numbers that came of it. */
export interface PlainRun {
  readonly name: string;
  /** Where it has led: codes, losses, accepted steps, backtracks, trajectories; parameters. */
  readonly values: readonly ArrayBufferView[];
  /** How it ended and what it took: statuses, t and counts of evaluations. */
  readonly costs?: readonly ArrayBufferView[];
  /** Losses beside a prior, apart from `values`: their last bits depend on whether they are computed or subtracted. */
  readonly losses?: readonly ArrayBufferView[];
}

/** Makes the backend of the runs: the plain build on so many threads. */
export type PlainBackend = (threads: number) => Backend;

const SAMPLES = 7;
const OUTPUTS = 29;

const activations: readonly ActivationLike[] = [
  "identity",
  { name: "elu", alpha: 1.5 },
  "relu",
  { name: "leakyRelu", slope: 0.2 },
  "tanh",
  "sigmoid",
  "silu",
  "gelu",
  "softplus",
  { name: "sine", frequency: 2 },
];

const solvers: Readonly<Record<string, EncodeOptions>> = {
  amd: { solver: amd() },
  "amd to the letter": { solver: amd({ growFrom: "trial", slope: 0.1, window: 3 }) },
  lbfgs: { solver: lbfgs() },
  euler: { solver: euler({ grid: linearGrid({ t1: 20, slices: 40 }) }) },
  rk4: { solver: rk4({ grid: logGrid({ t1: 30, slices: 25 }) }) },
  dormandPrince: { solver: dormandPrince({ t1: 20, rtol: 1e-3 }) },
  "rk4, nesterovFlow": { solver: rk4({ grid: linearGrid({ t1: 20, slices: 20 }) }), flow: nesterovFlow() },
  "euler, alpha 0.5": {
    solver: euler({ grid: linearGrid({ t1: 20, slices: 20 }) }),
    flow: gradientFlow({ alpha: 0.5 }),
  },
};

const newDecoder = (activation: ActivationLike, layers: readonly number[] = [3, 17, 5, OUTPUTS]): Decoder =>
  createDecoder({ layers, activation, outputActivation: "sigmoid", loss: "bce", seed: 11 });

/** √(1 + error²), of operations that every machine rounds alike. */
const pseudoHuber = customLoss({
  value: (output, target) => Math.sqrt(1 + (output - target) ** 2),
  gradient: (output, target) => (output - target) / Math.sqrt(1 + (output - target) ** 2),
  curvature: (output, target) => 1 / (1 + (output - target) ** 2) / Math.sqrt(1 + (output - target) ** 2),
});
const withoutCurvature = customLoss({ value: pseudoHuber.value, gradient: pseudoHuber.gradient });

/** The options that a solver is run with, by what they change. */
function* settings(decoder: Decoder): Generator<readonly [string, EncodeOptions]> {
  const { outputSize, latentSize } = decoder;
  const weights = randomArray(2, SAMPLES * outputSize, 0, 1);
  yield ["", {}];
  yield [", mse", { loss: "mse" }];
  yield [", sum", { loss: squaredError({ reduction: "sum" }) }];
  yield [", weights", { weights }];
  yield [", one row of weights", { weights: weights.slice(0, outputSize) }];
  yield [", z0", { z0: randomArray(3, SAMPLES * latentSize) }];
  yield [", custom", { loss: pseudoHuber }];
  yield [", custom, no curvature, weights", { loss: withoutCurvature, weights }];
}

/** All of them, each some milliseconds. */
export async function* plainRuns(plain: PlainBackend): AsyncGenerator<PlainRun> {
  for (const activation of activations) {
    const decoder = newDecoder(activation);
    const y = randomArray(1, SAMPLES * OUTPUTS, 0, 1);
    for (const [solver, options] of Object.entries(solvers)) {
      for (const [what, more] of settings(decoder)) {
        const name = `${solver}, ${nameOf(activation)}${what}`;
        yield { name, ...(await run(decoder, y, { ...options, ...more } as EncodeOptions, plain(1))) };
      }
    }
    const z = randomArray(4, 5 * decoder.latentSize);
    const decoded = await decode(decoder, z, { backend: plain(1) });
    const options = { output: "preActivation", backend: plain(1) } as const;
    yield { name: `decode, ${nameOf(activation)}`, values: [decoded, await decode(decoder, z, options)] };
  }
  for (const layers of [
    [1, 1],
    [2, 3, 5],
    [5, 1, 17],
    [17, 33, 31],
    [64, 16, 80],
    [3, 4, 5, 6, 7, 8],
    [600, 9, 3],
    [40, 300, 700, 1100],
  ]) {
    const decoder = newDecoder("elu", layers);
    const y = randomArray(1, SAMPLES * decoder.outputSize, 0, 1);
    for (const [solver, options] of Object.entries(solvers)) {
      yield { name: `${solver}, layers ${layers}`, ...(await run(decoder, y, options, plain(1))) };
    }
  }
  const decoder = newDecoder("elu");
  const many = randomArray(5, 60 * OUTPUTS, 0, 1);
  for (const [solver, options] of Object.entries(solvers)) {
    for (const [what, more] of Object.entries<EncodeOptions>({
      "batchSize 3": { batchSize: 3 },
      "saveAt steps": { saveAt: "steps" },
      "saveAt times": { saveAt: [0, 0.5, 3, 10] },
      "three threads": { backend: plain(3) },
    })) {
      const numbers = await run(decoder, many, { ...options, ...more } as EncodeOptions, plain(1));
      yield { name: `${solver}, 60 samples, ${what}`, ...numbers };
    }
  }
  yield* priorRuns(plain);
  yield* trainingRuns(plain);
}

/** Solvers of the runs beside priors and over all sorts of decoders: a few steps of each. */
const shortSolvers: Readonly<Record<string, EncodeOptions>> = {
  amd: { solver: amd({ maxSteps: 20 }) },
  lbfgs: { solver: lbfgs() },
  "rk4, nesterovFlow": { solver: rk4({ grid: linearGrid({ t1: 5, slices: 4 }) }), flow: nesterovFlow() },
  dormandPrince: { solver: dormandPrince({ t1: 5 }) },
};

/** Convolutions, points and conditions, without a prior and with two. */
async function* priorRuns(plain: PlainBackend): AsyncGenerator<PlainRun> {
  for (const { name, make, y, size, sampleCount, given } of decoderCases) {
    // It is another decoder with each kind of operation that is added.
    if (name === "all kinds") continue;
    const decoder = make();
    const d = decoder.latentSize;
    const mixture = gaussianMixture({
      means: [Array.from(randomArray(21, d)), Array.from(randomArray(22, d))],
      stds: [0.5, 1.5],
      weight: 0.5,
    });
    const weights = randomArray(23, sampleCount * size, 0, 1);
    for (const [solver, options] of Object.entries(shortSolvers)) {
      for (const [what, more] of Object.entries<EncodeOptions>({
        "no prior": {},
        gaussian: { prior: gaussian() },
        "mixture, weights": { prior: mixture, weights },
        "mixture, three threads": { prior: mixture, backend: plain(3) },
      })) {
        const numbers = await run(decoder, y, { ...given, ...options, ...more } as EncodeOptions, plain(1));
        yield { name: `${solver}, ${name}, ${what}`, ...numbers };
      }
    }
    decoder.dispose();
  }
  const decoder = newDecoder("elu");
  const y = randomArray(1, SAMPLES * OUTPUTS, 0, 1);
  const covariance = [
    [2, 0.5, 0.1],
    [0.5, 1, -0.3],
    [0.1, -0.3, 0.7],
  ];
  const full = gaussian({ mean: [0.1, -0.2, 0.3], covariance });
  for (const [solver, options] of Object.entries(shortSolvers)) {
    for (const [what, more] of [
      ...settings(decoder),
      [", batchSize 3", { batchSize: 3 }],
      [", saveAt steps", { saveAt: "steps" }],
      [", saveAt times", { saveAt: [0, 0.5, 3] }],
    ] as const) {
      const numbers = await run(decoder, y, { prior: full, ...options, ...more } as EncodeOptions, plain(1));
      yield { name: `${solver}, full covariance${what}`, ...numbers };
    }
  }
}

async function run(
  decoder: Decoder,
  y: Float32Array,
  options: EncodeOptions,
  backend: Backend,
): Promise<Omit<PlainRun, "name">> {
  const result = await encode(decoder, y, { backend, ...options });
  const { z, v, loss, prior, objective, gradientNorm, initialLoss, status, stats, trajectory } = result;
  const { acceptedSteps, backtracks, valueEvaluations, gradientEvaluations, matrixEvaluations, t } = stats;
  const statuses = new TextEncoder().encode(status.join());
  const costs = [statuses, valueEvaluations, gradientEvaluations, matrixEvaluations, t];
  const states = [z, ...(v ? [v] : [])];
  if (prior) {
    const ways = (trajectory ?? []).flatMap(({ t, z }) => [t, z]);
    return {
      values: [...states, prior, objective, gradientNorm, acceptedSteps, backtracks, ...ways],
      costs,
      losses: [loss, initialLoss, ...(trajectory ?? []).map((way) => way.loss)],
    };
  }
  const ways = (trajectory ?? []).flatMap(({ t, z, loss }) => [t, z, loss]);
  return { values: [...states, loss, initialLoss, acceptedSteps, backtracks, ...ways], costs };
}

async function* trainingRuns(plain: PlainBackend): AsyncGenerator<PlainRun> {
  const y = randomArray(6, 24 * OUTPUTS, 0, 1);
  const grid = linearGrid({ t1: 10, slices: 10 });
  const options: Readonly<Record<string, TrainOptions>> = {
    rmsprop: { optimizer: rmsprop() },
    adam: { optimizer: adam(), gradientClip: 0.5 },
    sgd: { optimizer: sgd({ learningRate: 0.1 }), warmStart: true },
    weights: { weights: randomArray(7, 24 * OUTPUTS, 0, 1) },
    "mse, lbfgs": { loss: "mse", solver: lbfgs() },
    "full, rk4": { adjoint: full(), solver: rk4({ grid }) },
    "direct, euler": { adjoint: direct(), solver: euler({ grid }) },
    "full, amd": { adjoint: full() },
    gaussian: { prior: gaussian() },
    "gaussian, direct, euler": { prior: gaussian(), adjoint: direct(), solver: euler({ grid }) },
  };
  for (const [what, more] of Object.entries(options)) {
    for (const threads of [1, 2]) {
      const { decoder, history } = await train(newDecoder("elu"), y, {
        epochs: 2,
        batchSize: 5,
        seed: 1,
        backend: plain(threads),
        solver: amd({ stepMax: 1000 }),
        ...more,
      } as TrainOptions);
      const losses = Float64Array.from(history, ({ loss }) => loss);
      const name = `train, ${what}, ${threads} threads`;
      if (more.prior) yield { name, values: [decoder.parameters], losses: [losses] };
      else yield { name, values: [decoder.parameters, losses] };
    }
  }
  const backend = plain(1);
  const checkpoints: Uint8Array[] = [];
  const kept = {
    epochs: 3,
    batchSize: 5,
    seed: 1,
    optimizer: adam(),
    warmStart: true,
    backend,
    validation: { data: createDataset(y.slice(0, 5 * OUTPUTS), { shape: [OUTPUTS] }), everyImages: 9 },
  } as const;
  await train(newDecoder("elu"), y, {
    ...kept,
    checkpoint: { save: (bytes) => void checkpoints.push(bytes), everySeconds: 0 },
  });
  const resume = checkpoints[6]!;
  const { decoder: resumed } = await train(newDecoder("elu"), y, {
    ...kept,
    checkpoint: { save() {}, resume },
  });
  yield { name: "train, resumed", values: [resumed.parameters, ...tensorsOf(resume)] };
  const { decoder, encoder } = await trainAutoencoder(newDecoder("elu"), y, {
    epochs: 3,
    batchSize: 5,
    seed: 1,
    backend,
  });
  yield { name: "trainAutoencoder", values: [decoder.parameters, encoder.parameters] };
}

/** What a checkpoint holds, without what it says of the build and the time. */
function tensorsOf(checkpoint: Uint8Array): Uint8Array[] {
  const { tensors } = readSafetensors(checkpoint);
  return [...tensors].flatMap(([name, { bytes }]) => (name === "checksum" ? [] : [bytes]));
}

function nameOf(activation: ActivationLike): string {
  return typeof activation === "string" ? activation : activation.name;
}
