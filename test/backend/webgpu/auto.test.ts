// run: newer-node, alone
// Tests src/backend/webgpu/calibration.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Session } from "../../../src/backend/backend.ts";
import { allSamples } from "../../../src/backend/feed.ts";
import { solveByObjectives } from "../../../src/backend/solve-by-objectives.ts";
import { type AutoOptions, auto, availableBackends, webgpu } from "../../../src/backend/webgpu/index.ts";
import {
  concat,
  dense,
  embedding,
  graph,
  reshape,
  sequential,
  sigmoid,
  tanh,
  upsample,
} from "../../../src/graph/index.ts";
import {
  amd,
  type Backend,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  decode,
  encode,
  euler,
  linearGrid,
  wasm,
} from "../../../src/index.ts";
import { cutFixed } from "../../support/cut-fixed.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { randomArray } from "../../support/random.ts";
import { refused, rejected } from "../../support/refusal.ts";

startDawn();
test.after(leave);

const newDecoder = () =>
  createDecoder({ layers: [3, 9, 7], seed: 5, outputActivation: "sigmoid", loss: binaryCrossEntropy() });
const y = randomArray(8, 5 * 7, 0, 1);

/** With a condition of 2 numbers and a class of 5. */
const conditional = () =>
  createDecoder(
    graph(({ latent, fixed }) => {
      const kind = embedding({ classes: 5, units: 3 })(fixed("kind", { classes: 5 }));
      const h = tanh()(dense(9)(concat()(latent(3), fixed("label", 2), kind)));
      return sigmoid()(dense(7)(h));
    }),
    { seed: 6, loss: "bce" },
  );
const solver = amd({ t1: 60, tolerance: 0 });

/** A device that gives itself out for a GPU, since the one here is a program and would never be taken. */
async function gpuDevice(): Promise<GPUDevice> {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const info = { vendor: "acme", architecture: "gpu", device: "", description: "" };
  Object.defineProperty(device, "adapterInfo", { value: info });
  return device;
}

/** A backend whose every solve goes through `around`. */
function wrapped(backend: Backend, around: (work: () => Promise<void>) => Promise<void>): Backend {
  return {
    ...backend,
    async open(decoder: Decoder) {
      const session = await backend.open(decoder);
      return {
        ...session,
        solve: (...given) => around(() => session.solve(...given)),
      };
    },
  };
}

/** The GPU's backend and WASM, only so slow that the GPU is the faster one, however busy the machine is. */
function withSlowWasm(gpu: Backend): [Backend, Backend] {
  let gpuTime = 200;
  const timed = wrapped(gpu, async (work) => {
    const start = performance.now();
    await work();
    gpuTime = performance.now() - start;
  });
  const slow = wrapped(wasm(), async (work) => {
    await new Promise((resolve) => setTimeout(resolve, 5 * gpuTime));
    await work();
  });
  return [timed, slow];
}

/** Encodes again and again until it is known what to take, and returns the first and the last result. */
async function encodeUntilDecided(backend: Backend, decoder: Decoder) {
  const first = await encode(decoder, y, { backend, solver });
  let last = first;
  while (/meanwhile/.test(last.backend.reason ?? "")) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    last = await encode(decoder, y, { backend, solver });
  }
  return { first, last };
}

test("availableBackends says what can be used, and why not", async () => {
  const [gpu, cpu] = await availableBackends();
  assert.is(gpu?.name, "webgpu");
  assert.is(gpu?.available, false);
  assert.match(gpu?.reason ?? "", /^software adapter: llvmpipe/);
  assert.equal(cpu, { name: "wasm", available: true });
  const [real] = await availableBackends([webgpu({ device: await gpuDevice() })]);
  assert.equal(real, { name: "webgpu", available: true, adapter: "acme gpu" });

  const { gpu: dawn } = navigator;
  const set = (value: unknown) =>
    Object.defineProperty(globalThis.navigator, "gpu", { value, configurable: true });
  try {
    set(undefined);
    assert.match((await availableBackends())[0]!.reason ?? "", /^this runtime has no WebGPU/);
    set({ requestAdapter: async () => null });
    assert.match((await availableBackends())[0]!.reason ?? "", /no adapter/);
  } finally {
    set(dawn);
  }
});

test("a software adapter is never chosen", async () => {
  const { backend } = await encode(newDecoder(), y, { backend: auto([webgpu(), wasm()]), solver });
  assert.is(backend.name, "wasm");
  assert.match(backend.reason ?? "", /webgpu: software adapter: llvmpipe/);
});

test("a faster GPU is taken once it is known to be: WASM works meanwhile", async () => {
  const backend = auto(withSlowWasm(webgpu({ device: await gpuDevice() })));
  const decoder = newDecoder();
  const { first, last } = await encodeUntilDecided(backend, decoder);
  assert.is(first.backend.name, "wasm");
  assert.match(first.backend.reason ?? "", /webgpu \(acme gpu\) is being tried meanwhile/);
  assert.is(last.backend.name, "webgpu");
  assert.match(last.backend.reason ?? "", /acme gpu.* times the speed of wasm/);
  // Another number of samples is another question.
  const other = await encode(decoder, y.slice(0, 7), { backend, solver });
  assert.match(other.backend.reason ?? "", /meanwhile/);
});

test("a slower one is not, and is not tried again", async () => {
  let opened = 0;
  const gpu = webgpu({ device: await gpuDevice() });
  const counting: Backend = {
    ...gpu,
    open(decoder: Decoder) {
      opened++;
      return gpu.open(decoder);
    },
  };
  const backend = auto([counting, wasm()]);
  const decoder = newDecoder();
  const { last } = await encodeUntilDecided(backend, decoder);
  assert.is(last.backend.name, "wasm");
  assert.match(last.backend.reason ?? "", /acme gpu.* at 0\.\d+ times the speed of wasm/);
  assert.is(opened, 1);
  await encode(decoder, y, { backend, solver });
  assert.is(opened, 1);
});

test("both are timed with the solver that was asked for, on the samples' own data: lbfgs by its curvature", async () => {
  const decoder = conditional();
  const seen: Record<string, string[]> = { webgpu: [], wasm: [] };
  let matrices = 0;
  const watched = (backend: Backend): Backend => ({
    ...backend,
    async open(own: Decoder) {
      const session = await backend.open(own);
      const watchedSession: Session = {
        ...session,
        async objective(problem, first, count) {
          const objective = await session.objective(problem, first, count);
          const { curvature } = objective;
          const shared = () => {
            matrices++;
            return curvature!.shared();
          };
          return { ...objective, curvature: { ...curvature!, shared } };
        },
      };
      return {
        ...session,
        solve(problem, pair, solution, control) {
          const fixed = problem.fixed.map(({ length }) => length);
          seen[backend.name]!.push(`${pair.solver.name}, ${problem.sampleCount} samples, given ${fixed}`);
          if (backend.name !== "webgpu") return session.solve(problem, pair, solution, control);
          const samples = allSamples(problem.sampleCount);
          return solveByObjectives(watchedSession, { problem, pair, solution }, control, samples);
        },
      };
    },
  });
  const backend = auto([watched(webgpu({ device: await gpuDevice() })), watched(wasm())]);
  const fixed = { label: randomArray(5, 2 * 5, -1, 1), kind: Uint8Array.of(0, 1, 2, 3, 4) };
  let reason: string | undefined = "meanwhile";
  while (/meanwhile/.test(reason ?? "")) {
    reason = (await encode(decoder, y, { backend, fixed })).backend.reason;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(reason ?? "", /was measured at .* times the speed of wasm/);
  for (const lines of Object.values(seen)) {
    assert.ok(lines.length > 0);
    for (const line of lines) assert.is(line, "lbfgs, 5 samples, given 5,10");
  }
  // On the GPU at least when it was made ready and when it was timed.
  assert.ok(matrices >= 2, `${matrices}`);
});

test("what a GPU would compute wrongly for the samples' own data is found", async () => {
  const decoder = conditional();
  const gpu = webgpu({ device: await gpuDevice() });
  // As if every sample were given what the first one is.
  const mixedUp: Backend = {
    ...gpu,
    async open(own: Decoder) {
      const session = await gpu.open(own);
      return {
        ...session,
        objective: (problem, first, count) =>
          session.objective({ ...problem, fixed: cutFixed(own, problem.fixed, 0, 1) }, first, count),
      };
    },
  };
  const fixed = { label: randomArray(5, 2 * 5, -1, 1), kind: Uint8Array.of(0, 1, 2, 3, 4) };
  const backend = auto([mixedUp, wasm()]);
  await encode(decoder, y, { backend, fixed });
  let reason: string | undefined = "meanwhile";
  while (/meanwhile/.test(reason ?? "")) {
    reason = (await encode(decoder, y, { backend, fixed })).backend.reason;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(reason ?? "", /computes wrongly/);
});

test("a decoder that graphs cannot be written of runs in WASM, and the reason says why, at once", async () => {
  const decoder = createDecoder(
    sequential(1, [dense(2000), reshape([2000, 1]), upsample({ scale: 2, mode: "bilinear" })]),
    { loss: "mse" },
  );
  const backend = auto([webgpu({ device: await gpuDevice() }), wasm()]);
  const few = amd({ maxSteps: 1 });
  const result = await encode(decoder, new Float32Array(4000), { backend, solver: few });
  assert.is(result.backend.name, "wasm");
  assert.match(
    result.backend.reason ?? "",
    /^webgpu: upsample "[^"]+" cannot be computed on a GPU: .*matrix/,
  );
});

test("without calibration fixed inputs are compared, too", async () => {
  const backend = auto([webgpu({ device: await gpuDevice() }), wasm()], { calibrate: false });
  const fixed = { label: randomArray(5, 2 * 5, -1, 1), kind: 3 };
  const result = await encode(conditional(), y, { backend, fixed, solver });
  assert.is(result.backend.name, "webgpu");
  assert.match(result.backend.reason ?? "", /computes rightly/);
});

test("without calibration a GPU that computes rightly is taken at once, with every solver", async () => {
  const backend = auto([webgpu({ device: await gpuDevice() }), wasm()], { calibrate: false });
  const decoder = newDecoder();
  for (const chosen of [solver, euler({ grid: linearGrid({ t1: 10, slices: 5 }) })]) {
    const result = await encode(decoder, y, { backend, solver: chosen });
    assert.is(result.backend.name, "webgpu");
    assert.match(result.backend.reason ?? "", /acme gpu.* computes rightly/);
    const expected = await encode(decoder, y, { solver: chosen });
    result.loss.forEach((loss, i) => {
      assert.ok(Math.abs(loss / expected.loss[i]! - 1) < 1e-5);
    });
  }
  const loss = customLoss({ value: (a, b) => (a - b) ** 2, gradient: (a, b) => 2 * (a - b) });
  const custom = await encode(decoder, y, { backend, solver, loss });
  assert.is(custom.backend.name, "wasm");
  assert.match(custom.backend.reason ?? "", /customLoss/);
  const z = randomArray(1, 6);
  assert.equal(await decode(decoder, z, { backend }), await decode(decoder, z));
});

test("a GPU that computes wrongly is not taken, with and without calibration", async () => {
  for (const calibrate of [true, false]) {
    const device = await gpuDevice();
    const writeBuffer = device.queue.writeBuffer.bind(device.queue);
    device.queue.writeBuffer = (buffer, offset, data, ...part) => {
      const isOurs = data instanceof ArrayBuffer;
      const wrong = isOurs && new Float32Array(data).map((value) => value * 1.01).buffer;
      return writeBuffer(buffer, offset, wrong || data, ...part);
    };
    const backend = auto([webgpu({ device }), wasm()], { calibrate });
    const { last } = await encodeUntilDecided(backend, newDecoder());
    assert.is(last.backend.name, "wasm");
    assert.match(last.backend.reason ?? "", /acme gpu.* computes wrongly: losses by/);
  }
});

test("a GPU that fails is not taken, and the call does not notice", async () => {
  const device = await gpuDevice();
  const ort = await import("onnxruntime-web/webgpu");
  const create = async () => {
    throw new Error("no session today");
  };
  const broken = webgpu({ device, ort: { Tensor: ort.Tensor, env: ort.env, InferenceSession: { create } } });
  for (const calibrate of [true, false]) {
    const { last } = await encodeUntilDecided(auto([broken, wasm()], { calibrate }), newDecoder());
    assert.is(last.backend.name, "wasm");
    assert.match(last.backend.reason ?? "", /failed: no session today/);
  }
});

test("what is asked for wrongly is refused", async () => {
  const wrong = (backends: unknown, options?: unknown) => () =>
    auto(backends as Backend[], options as AutoOptions);
  refused(wrong([]), "invalid_argument", /auto: backends is empty, expected an array as/);
  refused(wrong(undefined), "invalid_argument", /auto: backends is undefined, expected an array as/);
  refused(
    wrong([wasm(), undefined]),
    "invalid_argument",
    /auto: backends\[1\] is undefined, expected a backend/,
  );
  refused(wrong([wasm]), "invalid_argument", /auto: backends\[0\] is a function, .* \(are the brackets/);
  for (const backends of [null, [5], [undefined]] as never[]) {
    await rejected(
      availableBackends(backends),
      "invalid_argument",
      /^availableBackends: .*expected (a backend, as in|an array as)/,
    );
  }
  refused(wrong("webgpu"), "invalid_argument", /auto: backends is "webgpu", expected an array as/);
  refused(wrong(["wasm"]), "invalid_argument", /auto: backends\[0\] is "wasm", expected a backend/);
  refused(wrong([wasm()], { calibrat: true }), "invalid_argument", /unknown option "calibrat"/);
  refused(wrong([wasm()], { calibrate: 1 }), "invalid_argument", /calibrate is 1, expected true or false/);
});

test.run();
