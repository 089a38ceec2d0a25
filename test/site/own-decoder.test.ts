// Tests site/page/own-decoder/: what of a visitor's files needs no browser.
import { readFileSync } from "node:fs";
import { createDecoder, decode, LatentflowError } from "latentflow";
import { concat, dense, graph } from "latentflow/graph";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MOST_BYTES } from "../../site/page/own-decoder/files.ts";
import { FILE_HANDLERS, type Opened } from "../../site/page/own-decoder/handlers.ts";
import type { FileCalls, Progress } from "../../site/page/own-decoder/messages.ts";
import { adviceOn } from "../../site/page/own-decoder/python.ts";
import { chartOf, MOST_POINTS } from "../../site/page/own-decoder/sample-chart.ts";
import { toNpy } from "../../src/files/npy.ts";

const decoder = createDecoder({ layers: [2, 12, 16], loss: "mse", seed: 3 });
const fileOf = (name: string, bytes: Uint8Array) => new File([Buffer.from(bytes)], name);

/** Calls a handler as the worker does. */
function call<Name extends keyof FileCalls>(
  opened: Opened,
  name: Name,
  given: FileCalls[Name]["arguments"],
  { signal = new AbortController().signal, report = (_: Progress) => {} } = {},
): Promise<FileCalls[Name]["reply"]> {
  return FILE_HANDLERS[name](opened, given, { signal, report });
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.unreachable("it is read"),
    (error: Error) => error,
  ) as Promise<Error>;

test("samples of an array are encoded, with progress, and keep their order", async () => {
  const opened: Opened = {};
  const z = Float32Array.of(0.5, -1, 0.25, 1, -0.5, 0);
  const y = await decode(decoder, z);
  const description = await call(opened, "readDecoder", { file: fileOf("d", decoder.toSafetensors()) });
  assert.equal([description.latentSize, description.outputSize, description.loss], [2, 16, "squaredError"]);
  const samples = await call(opened, "readSamples", { file: fileOf("y", toNpy(y, [3, 16])) });
  assert.equal(samples, { y, missing: 0, count: 3 });
  assert.is.not(samples.y.buffer, opened.samples!.buffer, "that of a reply is moved to the page");
  const reports: Progress[] = [];
  const codes = await call(opened, "encode", {}, { report: (progress) => reports.push(progress) });
  assert.is(codes.z.length, 6);
  codes.x.forEach((value, i) => {
    assert.ok(Math.abs(value - y[i]!) < 0.02, `${i}`);
  });
  assert.ok(codes.loss.every((loss) => loss < 1e-4));
  assert.equal(reports.at(-1), { done: 3, total: 3 });
});

test("a cancelled encoding fails", async () => {
  const opened: Opened = { decoder, samples: new Float32Array(16) };
  const controller = new AbortController();
  controller.abort();
  assert.is((await failureOf(call(opened, "encode", {}, { signal: controller.signal }))).name, "AbortError");
});

test("what is too large, or needs more than samples, is refused with a reason", async () => {
  const huge = { name: "huge.onnx", size: MOST_BYTES + 1 } as File;
  assert.match(
    (await failureOf(call({}, "readDecoder", { file: huge }))).message,
    /huge\.onnx has 201 MB, expected/,
  );
  const labelled = createDecoder(
    graph(({ latent, fixed }) => dense(4)(concat()(latent(2), fixed("label", 3)))),
    { seed: 1 },
  );
  const file = fileOf("labelled.safetensors", labelled.toSafetensors());
  assert.match((await failureOf(call({}, "readDecoder", { file }))).message, /needs label with each sample/);
  const many = fileOf("many.npy", toNpy(new Float32Array(1001 * 16), [1001, 16]));
  const message = (await failureOf(call({ decoder }, "readSamples", { file: many }))).message;
  assert.match(message, /many\.npy has 1001 samples, expected at most 1000/);
  assert.match((await failureOf(call({}, "encode", {}))).message, /choose a decoder first/);
});

test("an array without samples, and one with numbers that are none, are refused when they are read", async () => {
  const read = async (values: Float32Array, shape: number[]) => {
    const file = fileOf("y.npy", toNpy(values, shape));
    return (await failureOf(call({ decoder }, "readSamples", { file }))).message;
  };
  assert.match(
    await read(new Float32Array(0), [0, 16]),
    /y\.npy has 0 × 16 values, expected a multiple of 16, more than 0/,
  );
  const values = new Float32Array(32);
  values[19] = Number.POSITIVE_INFINITY;
  assert.match(
    await read(values, [2, 16]),
    /y\.npy has Infinity at sample 1, element 3, expected finite numbers, or NaN where a value is missing/,
  );
});

test("NaN is a missing value: it is counted, left out, and drawn as a gap", async () => {
  const whole = await decode(decoder, Float32Array.of(0.5, -1));
  const y = whole.slice();
  y.fill(Number.NaN, 3, 5);
  const opened: Opened = { decoder };
  const samples = await call(opened, "readSamples", { file: fileOf("y.npy", toNpy(y, [1, 16])) });
  assert.equal([samples.missing, [...samples.y]], [2, [...y]]);
  const { x, warnings } = await call(opened, "encode", {});
  assert.equal(warnings, []);
  for (const i of [3, 4]) assert.ok(Math.abs(x[i]! - whole[i]!) < 1e-3, `${x[i]} for ${whole[i]}`);
  y.fill(Number.NaN);
  opened.samples = y;
  assert.match((await call(opened, "encode", {})).warnings[0]!, /nothing|no seen|seen/);
  const { series, yTicks } = chartOf(y, x);
  assert.ok(series[1]!.points.every(([, value]) => Number.isNaN(value)) && yTicks.every(Number.isFinite));
});

test("an array whose axes are the decoder's in another order is refused", async () => {
  const channelsFirst = createDecoder({ layers: [2, 24], outputShape: [2, 3, 4], loss: "squaredError" });
  const samples = (shape: number[]) => {
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    return { file: fileOf("y", toNpy(values, shape)) };
  };
  for (const shape of [
    [2, 3, 4],
    [1, 2, 3, 4],
    [5, 24],
    [3, 2, 3, 4],
  ]) {
    await call({ decoder: channelsFirst }, "readSamples", samples(shape));
  }
  for (const shape of [
    [3, 4, 2],
    [5, 3, 4, 2],
  ]) {
    const { message } = await failureOf(call({ decoder: channelsFirst }, "readSamples", samples(shape)));
    assert.match(message, /has samples of 3 × 4 × 2, expected 2 × 3 × 4\. .*numpy\.transpose/);
  }
});

test("a picture that is too large, or of a format that is not read, is refused before it is decoded", async () => {
  const read = async (file: File) => (await failureOf(call({ decoder }, "readSamples", { file }))).message;
  const header = Buffer.alloc(33);
  header.write("\x89PNG\r\n\x1a\n", "latin1");
  header.writeUInt32BE(20_000, 16);
  header.writeUInt32BE(10_000, 20);
  assert.match(
    await read(fileOf("huge.png", header)),
    /huge\.png has 20000 × 10000 pixels, expected at most/,
  );
  const svg = new File(["<svg/>"], "drawing.svg", { type: "image/svg+xml" });
  assert.match(await read(svg), /drawing\.svg is of type image\/svg\+xml, expected PNG, JPEG/);
});

test("a picture is a sample, unless it is cancelled, and its bitmap is closed", async () => {
  const scope = globalThis as unknown as Record<string, unknown>;
  const kept = { createImageBitmap: scope.createImageBitmap, OffscreenCanvas: scope.OffscreenCanvas };
  let closed = 0;
  let side = 4;
  scope.createImageBitmap = async () => ({ width: side, height: side, close: () => closed++ });
  const data = Uint8ClampedArray.from({ length: 64 }, (_, i) => (i % 4 === 3 ? 255 : 10 * (i >> 2)));
  scope.OffscreenCanvas = class {
    width = 4;
    height = 4;
    getContext = () => ({ drawImage() {}, getImageData: () => ({ width: 4, height: 4, data }) });
  };
  const square = createDecoder({ layers: [2, 16], outputShape: [4, 4], loss: "mse" });
  const opened: Opened = { decoder: square };
  const file = fileOf("grey.gif", Buffer.from("GIF89a"));
  const levels = Float32Array.from({ length: 16 }, (_, i) => (10 * i) / 255);
  assert.equal((await call(opened, "readSamples", { file })).y, levels);
  const [before, controller] = [opened.samples, new AbortController()];
  const cancelled = failureOf(call(opened, "readSamples", { file }, { signal: controller.signal }));
  controller.abort();
  assert.is((await cancelled).name, "AbortError");
  assert.is(opened.samples, before);
  side = 10_000;
  assert.match((await failureOf(call(opened, "readSamples", { file }))).message, /10000 × 10000 pixels/);
  assert.is(closed, 3);
  Object.assign(scope, kept);
});

test("a decoder that another takes the place of is disposed", async () => {
  const opened: Opened = {};
  const file = fileOf("d", decoder.toSafetensors());
  await call(opened, "readDecoder", { file });
  const first = opened.decoder!;
  await call(opened, "readDecoder", { file });
  assert.ok(first.disposed);
  assert.not(opened.decoder!.disposed);
});

test("a chart has the values, and axes about them and 0", () => {
  const [given, decoded] = [Float32Array.of(0.5, -2, 1), Float32Array.of(0.25, -1, 3)];
  const alone = chartOf(given, undefined);
  assert.equal(alone.series, [
    {
      name: "given",
      style: "plain",
      points: [
        [0, 0.5],
        [1, -2],
        [2, 1],
      ],
    },
  ]);
  assert.equal(
    [alone.xTicks, alone.yTicks],
    [
      [0, 1, 2],
      [-2, -0.5, 1],
    ],
  );
  const both = chartOf(given, decoded);
  assert.equal(
    both.series.map(({ name }) => name),
    ["decoded", "given"],
  );
  assert.equal(both.yTicks, [-2, 0.5, 3]);
  const zero = chartOf(new Float32Array(1), undefined);
  assert.equal([zero.xTicks, zero.yTicks], [[0], [0, 0.5, 1]]);
});

test("a chart of a long sample has few points, and every peak", () => {
  const values = new Float32Array(200_000);
  values[123_456] = 5;
  values[123_457] = -3;
  const { series, xTicks, yTicks } = chartOf(values, undefined);
  const { points } = series[0]!;
  assert.ok(points.length <= MOST_POINTS, `${points.length}`);
  assert.ok(points.every(([i, value]) => values[i] === value));
  assert.ok(points.some(([i]) => i === 123_456) && points.some(([i]) => i === 123_457));
  const holes = values.map((value, i) => (value === 0 && i % 3 < 2 ? Number.NaN : value));
  assert.equal(chartOf(holes, undefined).series[0]!.points.length, points.length);
  assert.ok(chartOf(holes, undefined).series[0]!.points.every(([, value]) => Number.isFinite(value)));
  assert.equal(
    [xTicks, yTicks],
    [
      [0, 99_999, 199_999],
      [-3, 1, 5],
    ],
  );
});

test("a file that is no decoder leaves the decoder and the samples as they are", async () => {
  const opened: Opened = { decoder, samples: new Float32Array(16) };
  const before = { ...opened };
  const torn = fileOf("torn.onnx", Uint8Array.of(8, 7, 18));
  assert.match((await failureOf(call(opened, "readDecoder", { file: torn }))).message, /^torn\.onnx: /);
  const text = fileOf("y.npy", Buffer.from("no array"));
  assert.match((await failureOf(call(opened, "readSamples", { file: text }))).message, /^y\.npy: /);
  const controller = new AbortController();
  const reading = call(
    opened,
    "readDecoder",
    { file: fileOf("d", decoder.toSafetensors()) },
    { signal: controller.signal },
  );
  controller.abort();
  assert.is((await failureOf(reading)).name, "AbortError");
  assert.equal(Object.entries(opened), Object.entries(before));
});

test("the lines of Python are those of an error needs_conversion, or for a file of PyTorch", async () => {
  const batchNorm = readFileSync(new URL("../fixtures/safetensors/batch-norm.safetensors", import.meta.url));
  const error = await failureOf(call({}, "readDecoder", { file: fileOf("b", batchNorm) }));
  const { cause } = error;
  assert.is(cause instanceof LatentflowError && cause.code, "needs_conversion");
  const { text, python } = adviceOn(error.message);
  assert.is(python, 'from latentflow_export import export\nexport(decoder, "decoder.onnx", latent=3)');
  assert.match(text, /^b: the file has no definition.* of this package\.$/);
  const adviceFor = async (name: string, bytes: Uint8Array) =>
    adviceOn((await failureOf(call({}, "readDecoder", { file: fileOf(name, bytes) }))).message);
  const magic = Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex");
  const ofPytorch = await adviceFor("model", magic);
  assert.match(ofPytorch.text, /^model: it is a PyTorch file, expected an ONNX file.* LATENT_SIZE/);
  assert.match(ofPytorch.python!, /^from latentflow_export .*\nexport\(.*latent=LATENT_SIZE\)$/);
  assert.is((await adviceFor("decoder.pkl", Buffer.from("8004950a6cfc", "hex"))).python, ofPytorch.python);
  const asData = await failureOf(call({ decoder }, "readSamples", { file: fileOf("data.pt", magic) }));
  assert.is(adviceOn(asData.message).python, undefined, "data are no decoder to export");
  assert.equal(await adviceFor("empty", new Uint8Array()), {
    text: "empty: it is an empty file, expected an ONNX file, as torch.onnx.export writes it; was it written, or downloaded, to its end?",
    python: undefined,
  });
});

test.run();
