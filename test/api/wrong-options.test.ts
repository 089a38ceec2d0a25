import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPTIMIZERS } from "../../src/backend/optimizer.ts";
import { auto, webgpu } from "../../src/backend/webgpu/index.ts";
import { LatentflowError } from "../../src/base/errors.ts";
import { toNpy } from "../../src/files/npy.ts";
import { READERS } from "../../src/graph/operations.ts";
import * as main from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import * as training from "../../src/train/index.ts";
import { SCHEDULES } from "../../src/train/schedule.ts";
import { allKinds } from "../support/all-kinds.ts";
import { standardLosses } from "../support/losses.ts";
import { refused, rejected } from "../support/refusal.ts";
import { solvers } from "../support/solvers.ts";

// null is not taken for an option that was left out, by any public function, and what no option can be, which arithmetic
// throws at, is refused as all else is. Each function lists its options itself, when it is given one that it does not know.

const folder = mkdtempSync(join(tmpdir(), "latentflow-null-"));
test.after(() => rmSync(folder, { recursive: true }));

const { createDecoder, encode, loadDecoder } = main;
const decoderOf = (latentSize: number, outputSize: number) =>
  createDecoder({ layers: [latentSize, outputSize], loss: "mse" });
const [decoder, encoder] = [decoderOf(2, 3), decoderOf(3, 2)];
const y = Float32Array.of(1, 2, 3);
const z = new Float32Array(2);
const latents = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
const definition = {
  format: 1,
  layout: "channelsLast",
  latentSize: 2,
  operations: [{ kind: "dense", name: "0", inputs: ["z"], units: 3 }],
};
const data = training.createDataset(
  Float32Array.from({ length: 30 }, (_, i) => Math.cos(i)),
  { shape: [3] },
);

type Options = Readonly<Record<string, unknown>>;

/** The exported functions by their names. */
const makers = main as unknown as Readonly<Record<string, (options: never) => unknown>>;

const RESIDUAL = {
  mean: new Float32Array(3),
  components: new Float32Array(3),
  variances: new Float32Array(3).fill(1),
};

/** What a function has to be given anyhow, and a call of it. */
const CALLS: Readonly<Record<string, readonly [needed: Options, call: (options: never) => unknown]>> = {
  encode: [{}, (options) => encode(decoder, y, options)],
  encodeStream: [
    {},
    async (options) => {
      for await (const _ of main.encodeStream(decoder, [y], options));
    },
  ],
  decode: [{}, (options) => main.decode(decoder, z, options)],
  sampleCodes: [{ prior: main.gaussian() }, (options) => main.sampleCodes(decoder, y, { z }, options)],
  fitResidual: [
    {},
    (options) => main.fitResidual(decoder, Float32Array.from([...y, ...y, ...y], Math.sin), options),
  ],
  complete: [{ residual: RESIDUAL }, (options) => main.complete(decoder, z, y, options)],
  loadResidual: [{}, (options) => main.loadResidual(main.residualToSafetensors(RESIDUAL), options)],
  openObjective: [{}, (options) => main.openObjective(decoder, y, options)],
  wasm: [{}, main.wasm],
  createDecoder: [{ layers: [2, 3] }, createDecoder],
  "createDecoder of a graph": [{}, (options) => createDecoder(definition as never, options)],
  loadDecoder: [{}, (options) => loadDecoder(decoder.toSafetensors(), options)],
  loadOnnx: [{}, async (options) => loadOnnx(await toOnnx(decoder), options)],
  toOnnx: [{}, (options) => toOnnx(decoder, options)],
  ...Object.fromEntries(solvers.map(({ name, ...options }) => [name, [options, makers[name]!]] as const)),
  logGrid: [{ t1: 1, slices: 2 }, main.logGrid],
  linearGrid: [{ t1: 1, slices: 2 }, main.linearGrid],
  gradientFlow: [{}, main.gradientFlow],
  nesterovFlow: [{}, main.nesterovFlow],
  expDecay: [{}, main.expDecay],
  ...Object.fromEntries(standardLosses().map(({ name }) => [name, [{}, makers[name]!]] as const)),
  customLoss: [{ value: () => 0, gradient: () => 0 }, main.customLoss],
  gaussian: [{ mean: z }, main.gaussian],
  gaussianMixture: [{ means: [z], stds: [Float32Array.of(1, 1)] }, main.gaussianMixture],
  fitGaussian: [{ latentSize: 2 }, (options) => main.fitGaussian(latents, options)],
  fitGaussianMixture: [
    { latentSize: 2, components: 2 },
    (options) => main.fitGaussianMixture(latents, options),
  ],
  webgpu: [{}, webgpu],
  auto: [{}, (options) => auto([main.wasm()], options)],
  train: [{}, (options) => training.train(decoder, data, options)],
  "train, validation": [{ data }, (validation) => training.train(decoder, data, { validation })],
  "train, checkpoint": [
    { file: join(folder, "a.checkpoint") },
    (checkpoint) => training.train(decoder, data, { checkpoint }),
  ],
  trainAutoencoder: [{}, (options) => training.trainAutoencoder(decoder, data, options)],
  evaluate: [{}, (options) => training.evaluate(decoder, data, options)],
  encodeWith: [{}, (options) => training.encodeWith(encoder, y, options)],
  meanCode: [{}, (options) => training.meanCode(encoder, data, options)],
  ...Object.fromEntries(
    [OPTIMIZERS, SCHEDULES].flatMap((table) =>
      Object.entries(table).flatMap(([name, { make, fields }]) =>
        Object.keys(fields).length > 0 ? [[name, [{}, make]] as const] : [],
      ),
    ),
  ),
  shift: [{ pixels: 1 }, training.shift],
  createDataset: [{ shape: [3] }, (options) => training.createDataset(new Float32Array(30), options)],
  readDataset: [{}, (options) => training.readDataset(toNpy(y, [3, 1]), options)],
  mnist: [{ folder }, training.mnist],
};

const WRONG = [
  ["null", null],
  ["a BigInt", 10n],
  ["a symbol", Symbol("wrong")],
] as const;

/** Messages without a value that came or values that were expected: reasons other than the value refuse the option. */
const WITHOUT_VALUES = [
  / both given, expected one of them/,
  /together/,
  / without /,
  /has been detached/,
  / is given, but the decoder has no input of points$/,
  /, which no input and no operation before it is called$/, // Any name of an earlier operation or input is right.
];

/** Asserts that a refusal names its option, and what came and was expected unless there is no such value. */
function hasParts(error: LatentflowError): void {
  const { option, got, expected, message } = error;
  assert.type(option, "string", message);
  if (WITHOUT_VALUES.some((words) => words.test(message))) return;
  assert.type(got, "string", message);
  assert.type(expected, "string", message);
  assert.ok(message.includes(got!) && message.includes(expected!), message);
}

async function errorOf(call: () => unknown): Promise<Error | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

for (const [name, [needed, call]] of Object.entries(CALLS)) {
  test(`${name}: no option may be null, a BigInt or a symbol`, async () => {
    const unknown = await errorOf(() => call({ ...needed, noSuchOption: 1 } as never));
    const [, list] = /unknown option "noSuchOption"; the options are (.*)$/.exec(`${unknown?.message}`) ?? [];
    assert.ok(list, `${unknown?.message}`);
    for (const option of list!.split(", ")) {
      for (const [shown, wrong] of WRONG) {
        const error = await errorOf(() => call({ ...needed, [option]: wrong } as never));
        assert.instance(error, LatentflowError, `${option}: ${error?.stack ?? `${shown} is accepted`}`);
        assert.is((error as LatentflowError).code, "invalid_argument", option);
        const isNamed = [option, shown].some((word) => error!.message.includes(word));
        assert.ok(isNamed, error!.message);
        hasParts(error as LatentflowError);
        const { got } = error as LatentflowError;
        if (wrong === null && got !== undefined && got !== "both given")
          assert.is(got, "null", error!.message);
      }
    }
  });
}

test("options are a plain object, and what a getter throws is the caller's", async () => {
  const reason = new Error("not yet");
  for (const [name, [needed, call]] of Object.entries(CALLS)) {
    for (const given of [Promise.resolve(needed), new Map(Object.entries(needed)), new Date(0), new Set()]) {
      const error = await errorOf(() => call(given as never));
      assert.instance(error, LatentflowError, `${name}: ${error?.stack ?? "a wrong object is accepted"}`);
      const expected = `options are a ${given.constructor.name}, expected a plain object`;
      // Of these two the options are one of the argument's two forms, or one option of a call.
      assert.ok(
        error!.message.includes(expected) || /checkpoint|createDecoder|validation/.test(name),
        error!.message,
      );
    }
  }
  const options = Object.defineProperty({}, "batchSize", {
    enumerable: true,
    get() {
      throw reason;
    },
  });
  assert.is(await errorOf(() => encode(decoder, y, options)), reason);
});

test("what is not used of an option's value is not read: a large one costs nothing, and a getter may throw", async () => {
  const fail = (): never => {
    throw new Error("all properties are listed");
  };
  const large = new Proxy(new Float32Array(3), { ownKeys: fail });
  await rejected(encode(decoder, y, { weights: large }), "invalid_argument", /^encode: weights is /);
  const onProgress = Object.defineProperty(() => {}, "firstCall", { enumerable: true, get: fail });
  await encode(decoder, y, { onProgress });
});

test("a plain value is refused by its option, whatever its own properties are", async () => {
  const { signal } = new AbortController();
  const prior = { name: "gaussian", mean: new Map() } as never;
  await rejected(encode(decoder, y, { prior }), "invalid_argument", /^encode: prior/);
  for (const name of ["toString", "constructor", "__proto__"]) {
    const message = /^encode: (prior|solver) is an object, expected /;
    await rejected(encode(decoder, y, { prior: { name } as never, signal }), "invalid_argument", message);
    await rejected(encode(decoder, y, { solver: { name } as never, signal }), "invalid_argument", message);
  }
});

test("a backend whose session lacks a method is refused by the method's name", async () => {
  const backend = { name: "half", open: async () => ({}) } as never;
  const message = /^encode: backend has no solve\(\) in its session, expected a backend/;
  await rejected(encode(decoder, y, { backend }), "invalid_argument", message);
  await rejected(
    main.decode(decoder, z, { backend }),
    "invalid_argument",
    /^decode: backend has no decode\(\)/,
  );
  const nothing = { name: "none", open: async () => undefined } as never;
  await rejected(
    encode(decoder, y, { backend: nothing }),
    "invalid_argument",
    /^encode: backend has no solve\(\)/,
  );
});

test("options that contradict others are named by the error", async () => {
  const { dense, graph, tanh } = await import("../../src/graph/index.ts");
  const twice = dense(2);
  const named: readonly (readonly [option: string, call: () => unknown])[] = [
    ["solver", () => encode(decoder, y, { flow: main.nesterovFlow(), solver: main.amd() } as never)],
    ["std", () => main.gaussian({ std: 1, covariance: [[1]] })],
    ["shrinkage", () => main.fitGaussian(latents, { latentSize: 2, shrinkage: 0.5 })],
    ["weights", () => encode(decoder, y, { weights: new Float32Array(3) })],
    ["codeOptimizer", () => training.train(decoder, data, { codeOptimizer: training.adam() })],
    ["shape", () => training.createDataset(y, { shape: 3 as never })],
    ["noSuchOption", () => encode(decoder, y, { noSuchOption: 1 } as never)],
    ["operations[2]", () => graph(({ latent }) => twice(tanh()(twice(latent(2)))))],
  ];
  for (const [option, call] of named) {
    const error = await errorOf(call);
    assert.is((error as LatentflowError).option, option, error?.stack);
  }
});

test("a decoder whose parameters have been transferred is refused by every function", async () => {
  const encoding: readonly (readonly [where: string, call: (given: main.Decoder) => unknown])[] = [
    ["encode", (given) => encode(given, y)],
    ["decode", (given) => main.decode(given, z)],
    ["openObjective", (given) => main.openObjective(given, y)],
    ["toSafetensors", (given) => given.toSafetensors()],
    ["toOnnx", (given) => toOnnx(given)],
    ["makeProbe", (given) => main.makeProbe(given)],
    ["train", (given) => training.train(given, data, { epochs: 1 } as never)],
  ];
  for (const [where, call] of encoding) {
    const given = decoderOf(2, 3);
    structuredClone(given.parameters, { transfer: [given.parameters.buffer as ArrayBuffer] });
    const error = await errorOf(() => call(given));
    assert.instance(error, LatentflowError, `${error?.stack}`);
    assert.is((error as LatentflowError).code, "invalid_argument");
    assert.match(error!.message, RegExp(`^${where}: the buffer of decoder\\.parameters has been detached`));
  }
  const late = decoderOf(2, 3);
  const call = errorOf(() => encode(late, y));
  structuredClone(late.parameters, { transfer: [late.parameters.buffer as ArrayBuffer] });
  assert.match(
    (await call)!.message,
    /the buffer of decoder\.parameters was detached .* while the call was at work/,
  );
});

test("a refused part of a list has its place, and a checkpoint of any wrong type its path", async () => {
  const { add, dense, elu, graph, sequential } = await import("../../src/graph/index.ts");
  const labelled = createDecoder(
    graph(({ latent, fixed }) => add()(dense(3)(latent(2)), fixed("label", 3))),
    { loss: "mse" },
  );
  const defined = (operation: object) => () =>
    createDecoder({ ...definition, operations: [...definition.operations, operation] } as never);
  const trained = (checkpoint: unknown) => () =>
    training.train(decoder, data, { checkpoint: checkpoint as never });
  const places: readonly (readonly [option: string, call: () => unknown])[] = [
    ["operations[1].units", defined({ kind: "dense", name: "1", inputs: ["0"], units: 0 })],
    ["operations[1].kind", defined({ kind: "none", name: "1", inputs: ["0"] })],
    ["operations[1].name", defined({ kind: "dense", name: "0", inputs: ["0"], units: 1 })],
    ["operations[1].inputs[0]", defined({ kind: "dense", name: "1", inputs: ["x"], units: 1 })],
    ["operations[1].noSuchSetting", defined({ kind: "dense", name: "1", inputs: ["0"], noSuchSetting: 1 })],
    ["layers[1].units", () => sequential(2, [elu(), dense(0)])],
    ["layers[1]", () => sequential(2, [elu(), elu as never])],
    ["layers[1]", () => createDecoder({ layers: [2, 0] })],
    ["means[0][1]", () => main.gaussianMixture({ means: [[0, Number.NaN]], stds: 1 })],
    ["means[1][0]", () => main.gaussianMixture({ means: [[0], [Number.NaN]], stds: 1 })],
    ["stds[1]", () => main.gaussianMixture({ means: [[0], [1]], stds: [1, 0] })],
    ["stds[1][0]", () => main.gaussianMixture({ means: [[0], [1]], stds: [[1], [0]] })],
    [
      "covariances[1][0][0]",
      () => main.gaussianMixture({ means: [[0], [1]], covariances: [[[1]], [[Number.NaN]]] }),
    ],
    ["saveAt[1]", () => encode(decoder, y, { saveAt: [0, -1] })],
    ["fixed.label", () => encode(labelled, y, { fixed: { label: new Float32Array(2) } })],
    ["solver.maxSteps", () => encode(decoder, y, { solver: { ...main.lbfgs(), maxSteps: -1 } })],
    ["checkpoint", trained(null)],
    ["checkpoint", trained(3)],
    ["checkpoint", trained(new Map())],
    ["checkpoint.save", trained({})],
  ];
  for (const [option, call] of places) {
    const error = (await errorOf(call)) as LatentflowError;
    assert.instance(error, LatentflowError, `${option}: ${error?.stack}`);
    assert.is(error.option, option, error.message);
    hasParts(error);
  }
});

test("no setting of an operation may be null, of any kind", () => {
  const kinds = new Set<string>();
  for (const [at, operation] of allKinds.operations.entries()) {
    kinds.add(operation.kind);
    for (const setting of Object.keys(READERS[operation.kind].settings)) {
      const operations = [...allKinds.operations];
      operations[at] = { ...operation, [setting]: null } as never;
      refused(
        () => createDecoder({ ...allKinds, operations }),
        "invalid_argument",
        RegExp(`${setting}|null`),
      );
    }
  }
  const missing = Object.keys(READERS).filter((kind) => !kinds.has(kind));
  assert.equal(missing, ["embedding"], "kinds that allKinds has no operation of");
});

test.run();
