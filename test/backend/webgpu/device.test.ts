// run: newer-node, first
// Tests src/backend/webgpu/device-recovery.ts, src/backend/webgpu/loaded.ts, src/backend/webgpu/platform.ts,
// src/backend/webgpu/tensors.ts, src/backend/webgpu/webgpu.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type OnnxRuntime, type WebgpuOptions, webgpu } from "../../../src/backend/webgpu/index.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  decode,
  type EncodeProgress,
  type EncodeResult,
  encode,
  euler,
  lbfgs,
  linearGrid,
} from "../../../src/index.ts";
import { train } from "../../../src/train/index.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { until } from "../../support/patience.ts";
import { randomArray } from "../../support/random.ts";
import { refused, rejected } from "../../support/refusal.ts";

startDawn();
test.after(leave);

const ort: OnnxRuntime = await import("onnxruntime-web/webgpu");

const newDecoder = () =>
  createDecoder({ layers: [3, 9, 7], seed: 5, outputActivation: "sigmoid", loss: binaryCrossEntropy() });
const y = randomArray(8, 11 * 7, 0, 1);
const solver = amd({ t1: 60, tolerance: 0 });

/** A device whose buffers are counted. */
async function countingDevice() {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  let alive = 0;
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor: GPUBufferDescriptor) => {
    const buffer = createBuffer(descriptor);
    alive++;
    const destroy = buffer.destroy.bind(buffer);
    let isDestroyed = false;
    buffer.destroy = () => {
      if (!isDestroyed) alive--;
      isDestroyed = true;
      return destroy();
    };
    return buffer;
  };
  return { device, alive: () => alive };
}

interface SessionOptions {
  readonly enableGraphCapture?: boolean;
  readonly executionProviders: readonly { readonly device: GPUDevice }[];
}

/** How many sessions have been released while they were running: the real runtime aborts at that, sooner or later. */
let releasedInUse = 0;

/** The runtime, with a say in every session's creation and every run. */
function watchedRuntime(hooks: {
  onCreate?: (options: SessionOptions) => void;
  onRun?: () => unknown;
}): OnnxRuntime {
  const create = async (model: Uint8Array, options: object) => {
    hooks.onCreate?.(options as SessionOptions);
    const session = await ort.InferenceSession.create(model, options);
    let running = 0;
    return {
      run: async (...tensors: Parameters<typeof session.run>) => {
        running++;
        try {
          await hooks.onRun?.();
          return await session.run(...tensors);
        } finally {
          running--;
        }
      },
      release: () => {
        if (running > 0) releasedInUse++;
        return session.release();
      },
    };
  };
  return { InferenceSession: { create }, Tensor: ort.Tensor, env: ort.env };
}

/** What a count has come to once it has not changed for a while: what is freed in the background is freed. */
async function restOf(count: () => number): Promise<number> {
  let before = Number.NaN;
  for (let unchanged = 0; unchanged < 8; ) {
    unchanged = count() === before ? unchanged + 1 : 0;
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return before;
}

// The first test: calls keep our own device once there is one.
test("where there is no WebGPU or no adapter, the error says so and what to use", async () => {
  const { gpu } = navigator;
  const set = (value: unknown) =>
    Object.defineProperty(globalThis.navigator, "gpu", { value, configurable: true });
  const call = () => encode(newDecoder(), y, { backend: webgpu({ ort }), solver });
  try {
    set(undefined);
    await rejected(call(), "unsupported", /no WebGPU.*use wasm\(\)/);
    let asked = 0;
    set({
      requestAdapter: async () => {
        asked++;
        return null;
      },
    });
    await rejected(call(), "unsupported", /no adapter.*use wasm\(\)/);
    assert.is(asked, 2);
    // At first none, then one.
    set({ requestAdapter: async () => (asked++ > 2 ? gpu.requestAdapter() : null) });
    assert.is((await call()).backend.name, "webgpu");
  } finally {
    set(gpu);
  }
});

test("dispose() frees all that was on the GPU; a call still at work keeps its own until it ends", async () => {
  const { device, alive } = await countingDevice();
  const backend = webgpu({ ort, device });
  const decoder = newDecoder();
  await encode(decoder, y, { backend, solver });
  await decode(decoder, randomArray(1, 9), { backend });
  assert.ok(alive() > 10);
  decoder.dispose();
  await until(() => alive() === 0, "buffers are left");

  // One graph after the other: with fewer rows as samples end, or for other samples.
  const shrinking = amd({ t1: 400, tolerance: 1e-3 });
  const grid = euler({ grid: linearGrid({ t1: 4, slices: 4 }) });
  for (const options of [{ solver: shrinking }, { solver: grid, batchSize: 2 }]) {
    const expected = await encode(newDecoder(), y, { ...options, backend: webgpu({ ort }) });
    const other = newDecoder();
    const result = await encode(other, y, { ...options, backend, onProgress: () => other.dispose() });
    assert.ok(other.disposed);
    assert.equal(result.z, expected.z);
    await until(() => alive() === 0, "buffers are left");
  }
});

test("calls one after the other use what is there, and graphs of many options do not pile up", async () => {
  const { device, alive } = await countingDevice();
  let created = 0;
  const backend = webgpu({ ort: watchedRuntime({ onCreate: () => created++ }), device });
  const decoder = newDecoder();
  await encode(decoder, y, { backend, solver });
  const [before, createdBefore] = [alive(), created];
  for (let i = 0; i < 3; i++) await encode(decoder, y, { backend, solver });
  assert.is(alive(), before);
  assert.is(created, createdBefore);
  const encodeOnce = (maxSteps: number) =>
    encode(decoder, y.slice(0, 7), { backend, solver: amd({ maxSteps }) });
  for (let i = 0; i < 8; i++) await encodeOnce(i);
  const eight = await restOf(alive);
  for (let i = 8; i < 12; i++) await encodeOnce(i);
  // Eight graphs are kept; those of some options have a few buffers more than others.
  await until(() => alive() < 1.05 * eight, `more buffers than the ${eight} with eight graphs`);
  decoder.dispose();
  await until(() => alive() === 0);
});

test("where a graph cannot be captured it runs all the same, with the same bits", async () => {
  const decoder = newDecoder();
  const captures: (boolean | undefined)[] = [];
  const onCreate = ({ enableGraphCapture }: SessionOptions) => {
    captures.push(enableGraphCapture);
    if (enableGraphCapture) throw new Error("this graph cannot be captured");
  };
  const { device } = await countingDevice();
  const uncaptured = await encode(decoder, y, {
    backend: webgpu({ ort: watchedRuntime({ onCreate }), device }),
    solver,
  });
  assert.ok(captures.includes(true) && captures.includes(false));
  const captured = await encode(decoder, y, { backend: webgpu({ ort }), solver });
  assert.equal(uncaptured.z, captured.z);
  assert.equal(uncaptured.loss, captured.loss);
});

test("calls at the same time take turns, and none sees another's data", async () => {
  const decoder = newDecoder();
  const backend = webgpu({ ort });
  const parts = [y.slice(0, 21), y.slice(21, 56), y.slice(56)];
  const alone: EncodeResult[] = [];
  for (const part of parts) alone.push(await encode(decoder, part, { backend, solver }));
  const together = await Promise.all(parts.map((part) => encode(decoder, part, { backend, solver })));
  together.forEach((result, i) => {
    assert.equal(result.z, alone[i]!.z);
  });
  const z = randomArray(1, 33);
  const [data] = await Promise.all([
    decode(decoder, z, { backend }),
    encode(decoder, y, { backend, solver }),
  ]);
  assert.equal(data, await decode(decoder, z, { backend }));
});

test("y and weights may be detached while the GPU is at work: the call rejects", async () => {
  const decoder = newDecoder();
  const backend = webgpu({ ort });
  for (const what of ["y", "weights"] as const) {
    const given = { y: y.slice(), weights: new Float32Array(y.length).fill(1) };
    const call = encode(decoder, given.y, {
      backend,
      solver,
      batchSize: 2,
      weights: given.weights,
      onProgress() {
        const { buffer } = given[what];
        if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
      },
    });
    await rejected(call, "invalid_argument", new RegExp(`^encode: the buffer of ${what} was detached`));
  }
  await encode(decoder, y, { backend, solver });
});

test("progress comes between chunks, and an abort throws, or returns what there is", async () => {
  const decoder = newDecoder();
  const backend = webgpu({ ort });
  const whole = await encode(decoder, y, { backend, solver });
  const reports: EncodeProgress[] = [];
  await encode(decoder, y, { backend, solver, batchSize: 2, onProgress: (report) => reports.push(report) });
  assert.ok(reports.length > 2);
  assert.is(reports.at(-1)!.done, 11);
  for (const onAbort of ["throw", "return"] as const) {
    const controller = new AbortController();
    const reason = new Error("enough");
    const call = encode(decoder, y, {
      backend,
      solver,
      batchSize: 2,
      onAbort,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    if (onAbort === "throw") {
      await call.then(
        () => assert.unreachable(),
        (error) => assert.is(error, reason),
      );
      continue;
    }
    const { status, z } = await call;
    assert.ok(status.includes("aborted") && status.includes("reached_t1"));
    status.forEach((value, i) => {
      if (value === "reached_t1") assert.equal(z.slice(3 * i, 3 * i + 3), whole.z.slice(3 * i, 3 * i + 3));
    });
  }
});

/** Encodes, and destroys the device at work in every seventh run until so many have been lost. */
async function encodeWithLosses(
  decoder: Decoder,
  losses: number,
  options: Pick<NonNullable<Parameters<typeof encode>[2]>, "solver">,
) {
  let inUse: GPUDevice | undefined;
  let runs = 0;
  let left = losses;
  const runtime = watchedRuntime({
    onCreate: ({ executionProviders }) => {
      inUse = executionProviders[0]!.device;
    },
    onRun() {
      // The first few runs on each device are for the buffers.
      if (++runs % 7 !== 0 || left === 0) return;
      left--;
      const device = inUse!;
      device.destroy();
      // The runtime takes a while to fail, as it does where it has something to do.
      return device.lost.then(() => new Promise((resolve) => setTimeout(resolve, 50)));
    },
  });
  const { device } = await countingDevice();
  const result = await encode(decoder, y, {
    ...options,
    backend: webgpu({ ort: runtime, device }),
    batchSize: 4,
  });
  assert.is(left, 0);
  assert.is(releasedInUse, 0);
  return result;
}

for (const [name, options] of [
  ["AMD", { solver }],
  ["lbfgs", { solver: lbfgs({ memory: 2 }) }],
  ["Euler", { solver: euler({ grid: linearGrid({ t1: 20, slices: 20 }) }) }],
] as const) {
  test(`${name}: a device that is lost is replaced, and not one bit of the results changes`, async () => {
    const decoder = newDecoder();
    const expected = await encode(decoder, y, { ...options, backend: webgpu({ ort }) });
    assert.is(expected.backend.incidents, undefined);
    const result = await encodeWithLosses(decoder, 1, options);
    assert.equal(result.z, expected.z);
    assert.equal(result.stats, expected.stats);
    assert.equal(result.status, expected.status);
    assert.equal(result.backend.incidents, ["the device was lost and replaced"]);
  });

  test(`${name}: a second loss, and the call ends in WASM`, async () => {
    const decoder = newDecoder();
    const expected = await encode(decoder, y, options);
    const result = await encodeWithLosses(decoder, 2, options);
    assert.equal(result.status, expected.status);
    assert.equal(result.status, expected.status);
    assert.match(result.backend.incidents?.join("; ") ?? "", /replaced; .*lost again.*wasm/);

    result.loss.forEach((loss, i) => {
      assert.ok(Math.abs(loss / expected.loss[i]! - 1) < 1e-5);
      assert.ok(Math.abs(result.initialLoss[i]! / expected.initialLoss[i]! - 1) < 1e-5);
    });
  });
}

test("an error that is not a lost device is not taken for one", async () => {
  let runs = 0;
  const onRun = () => {
    if (++runs > 4) throw new Error("something else");
  };
  const { device } = await countingDevice();
  const backend = webgpu({ ort: watchedRuntime({ onRun }), device });
  await encode(newDecoder(), y, { backend, solver }).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, "something else"),
  );
});

test("what is asked for wrongly is refused", async () => {
  const wrong = (options: unknown) => () => webgpu(options as WebgpuOptions);
  refused(
    wrong({ gpu: 1 }),
    "invalid_argument",
    /unknown option "gpu"; the options are ort, device, wasmPaths/,
  );
  refused(wrong({ ort: {} }), "invalid_argument", /ort is an object, expected the module/);
  refused(wrong({ ort: import("onnxruntime-web/webgpu") }), "invalid_argument", /is an await missing/);
  refused(wrong({ device: "gpu" }), "invalid_argument", /device is "gpu", expected a GPUDevice/);

  const backend = webgpu({ ort });
  const decoder = newDecoder();
  const loss = customLoss({ value: (a, b) => Math.abs(a - b), gradient: (a, b) => Math.sign(a - b) });
  await rejected(encode(decoder, y, { backend, loss }), "unsupported", /customLoss.*use wasm\(\)/);
  await rejected(
    encode(decoder, y, { backend, loss, solver: euler({ grid: linearGrid({ t1: 1, slices: 2 }) }) }),
    "unsupported",
    /customLoss.*use wasm\(\)/,
  );
  await rejected(
    train(decoder, y, { backend }),
    "unsupported",
    /train: the backend webgpu does not train; use wasm\(\)/,
  );
});

test("what has been read back is not kept: memory does not grow with the number of decodes", async () => {
  const wide = createDecoder({ layers: [2, 4096], seed: 1 });
  const z = randomArray(3, 2 * 64);
  const decodeOften = async (times: number) => {
    for (let i = 0; i < times; i++) await decode(wide, z, { backend: webgpu({ ort }) });
  };
  /** What is held once the collector, which frees buffers beside the program, has had the time to. */
  const held = async (enough: number, looks: number) => {
    for (let tries = 0; tries < looks; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      globalThis.gc!();
      if (process.memoryUsage().arrayBuffers < enough) break;
    }
    return process.memoryUsage().arrayBuffers;
  };
  await decodeOften(3);
  // A decode or two that are not freed by then are few beside the forty.
  const before = await held(0, 10);
  await decodeOften(40);
  const after = await held(before + 4 * 2 ** 20, 100);
  // Of each decode a mebibyte is read back.
  assert.ok(after - before < 4 * 2 ** 20, `${before} bytes, and ${after} after 40 more`);
  wide.dispose();
});

test("no time at all: an empty batch asks nothing of the GPU", async () => {
  const result = await encode(newDecoder(), new Float32Array(0), { backend: webgpu({ ort }) });
  assert.equal(result.status, []);
});

test.run();
