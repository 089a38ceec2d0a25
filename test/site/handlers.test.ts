// run: slow
// Tests site/page/engine/handlers.ts, solvers.ts, and the files that scripts/make-page-models.ts has made.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDecoder, encode, gaussian, wasm } from "latentflow";
import { readDataset } from "latentflow/data";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HANDLERS, type Running, type Workshop } from "../../site/page/engine/handlers.ts";
import type { ArgumentsOf, CallName, DescentPoint, ReplyOf } from "../../site/page/engine/messages.ts";
import { ladder, SOLVERS } from "../../site/page/engine/solvers.ts";

const files = fileURLToPath(new URL("../../site/public/page/", import.meta.url));
const shop: Workshop = { networks: new Map(), backend: wasm() };

function call<Name extends CallName>(
  name: Name,
  given: ArgumentsOf<Name>,
  { signal = new AbortController().signal, report = () => {} }: Partial<Running<Name>> = {},
): Promise<ReplyOf<Name>> {
  return HANDLERS[name](shop, given, { signal, report } as Running<Name>);
}

const load = (name: "plainDecoder" | "plainEncoder" | "maskedDecoder" | "maskedEncoder", file: string) =>
  call("load", { name, source: new Uint8Array(readFileSync(join(files, `${file}.safetensors`))) });

const description = await load("plainDecoder", "plain-decoder");
await load("plainEncoder", "plain-encoder");
await load("maskedDecoder", "masked-decoder");
await load("maskedEncoder", "masked-encoder");
const digits = (await readDataset(join(files, "digits.idx.gz"))).slice(0, 12).toFloat32();
const digit = (i: number) => digits.slice(i * 784, (i + 1) * 784);
/** Two thirds of the pixels are hidden, as in examples/missing-pixels/main.js. */
const weights = Float32Array.from({ length: 784 }, (_, i) =>
  (Math.abs(Math.sin(i + 1)) * 10_000) % 1 < 1 / 3 ? 1 : 0,
);

/** Mean squared error of the hidden pixels. */
function hiddenError(x: Float32Array, y: Float32Array): number {
  const hidden = [...weights.keys()].filter((i) => weights[i] === 0);
  return hidden.reduce((sum, i) => sum + (x[i]! - y[i]!) ** 2, 0) / hidden.length;
}

test("the page's decoder has a prior, a loss and a probe that holds", () => {
  assert.is(description.latentSize, 20);
  assert.is(description.outputSize, 784);
  assert.is(description.loss, "binaryCrossEntropy");
  assert.ok(description.hasPrior);
  assert.ok(description.verified);
  assert.is(description.operations.at(-1)?.operation, "sigmoid");
});

test("the loss at a code is that of the path's point", async () => {
  const [y, z] = [digit(0), new Float32Array(40)];
  const { trajectory } = await call("encode", { y, weights, saveAt: "steps" });
  z.set(trajectory!.z.subarray(20, 60));
  for (const k of [0, 1]) {
    const loss = await call("lossAt", { y, weights, z: z.slice(20 * k, 20 * k + 20) });
    assert.ok(Math.abs(loss - trajectory!.loss[k + 1]!) < 1e-6, `${loss}`);
  }
});

test("hidden pixels: the flow comes closer than both encoders, as in examples/missing-pixels", async () => {
  const errors = { flow: 0, plain: 0, masked: 0 };
  for (let i = 0; i < 12; i++) {
    const y = digit(i);
    errors.flow += hiddenError((await call("encode", { y, weights })).x, y) / 12;
    for (const encoder of ["plain", "masked"] as const)
      errors[encoder] += hiddenError((await call("encoderGuess", { y, weights, encoder })).x, y) / 12;
  }
  assert.ok(errors.flow < errors.masked && errors.masked < errors.plain, JSON.stringify(errors));
});

test("of several starts the lowest objective wins, and a trajectory goes from its start to its end", async () => {
  const y = digit(0);
  const far = new Float32Array(20).fill(-9);
  const alone = await call("encode", { y, weights, z0: far });
  const good = await call("encode", { y, weights });
  const both = await call("encode", { y, weights, z0: Float32Array.of(...far, ...good.z), saveAt: "steps" });
  assert.ok(both.objective <= Math.min(alone.objective, good.objective) + 1e-6);
  const { trajectory } = both;
  assert.equal(trajectory!.z.slice(-20), both.z);
  assert.equal(trajectory!.x.slice(-784), both.x);
  assert.is(trajectory!.x.length, 784 * trajectory!.loss.length);
});

test("a quick search takes few steps, and is as good for a picture that has hardly changed", async () => {
  const [y, strange] = [
    digit(0),
    Float32Array.from(digit(5), (value, i) => (i % 3 === 0 ? 1 - value : value)),
  ];
  const far = await call("encode", { y: strange, quick: true, z0: new Float32Array(20).fill(-9) });
  assert.is(far.status, "max_steps");
  assert.is(far.steps, 12);
  const whole = await call("encode", { y, weights });
  const changed = Float32Array.from(y, (value, i) => (i === 400 ? 1 : value));
  const again = await call("encode", { y: changed, weights, z0: whole.z, quick: true });
  const best = await call("encode", { y: changed, weights, z0: whole.z });
  assert.ok(again.objective <= best.objective * 1.001, `${again.objective} beside ${best.objective}`);
});

test("every solver's curve begins at the start, is paid for in passes, and ends where the solver ends", async () => {
  const y = digit(1);
  for (const solver of Object.keys(SOLVERS) as (keyof typeof SOLVERS)[]) {
    const reported: DescentPoint[] = [];
    const points = await call("descend", { y, weights, solver }, { report: (point) => reported.push(point) });
    const whole = await call("encode", { y, weights, solver });
    assert.equal(reported, points);
    assert.is(points[0]!.steps, 0);
    assert.ok(
      points.every(({ passes }, i) => i === 0 || passes > points[i - 1]!.passes),
      solver,
    );
    const { loss, steps, passes, z } = points.at(-1)!;
    assert.is(steps, whole.steps, solver);
    assert.is(passes, whole.passes, solver);
    // The fixed grid's times are computed in another order.
    assert.ok(Math.abs(loss - whole.loss) < 1e-4, solver);
    assert.ok(
      z.every((value, k) => Math.abs(value - whole.z[k]!) < (solver === "rk4" ? 1e-2 : 1e-6)),
      solver,
    );
  }
});

test("a matrix of a sample's own is paid for by a pass for each latent", async () => {
  const y = digit(2);
  const { stats } = await encode(shop.networks.get("plainDecoder")!, y, { weights, prior: "none" });
  const [matrices] = stats.matrixEvaluations;
  assert.ok(matrices! > 0);
  const { passes } = await call("encode", { y, weights, priorWeight: 0 });
  assert.is(passes, stats.valueEvaluations[0]! + stats.gradientEvaluations[0]! + 20 * matrices!);
});

test("a ladder begins with each step, ends with the last, and has few rungs", () => {
  assert.equal(ladder(3), [0, 1, 2, 3]);
  const rungs = ladder(600);
  assert.equal(rungs.slice(0, 5), [0, 1, 2, 3, 4]);
  assert.is(rungs.at(-1), 600);
  assert.ok(rungs.length < 30);
});

test("contours have the objective at the code in their middle, and more around it", async () => {
  const y = digit(2);
  const { z, objective } = await call("encode", { y, weights });
  const axis = (k: number) => Float32Array.from({ length: 20 }, (_, i) => (i === k ? 1 : 0));
  const a = Float64Array.of(-2, 0, 2);
  const values = await call("contours", { y, weights, grid: { origin: z, u: axis(0), v: axis(1), a, b: a } });
  assert.is(values.length, 9);
  assert.ok(Math.abs(values[4]! - objective) < 1e-5);
  assert.ok(
    values.every((value) => value >= values[4]! - 1e-5),
    `${values}`,
  );
});

test("contours go along u in a row, and along v from row to row", async () => {
  const y = digit(2);
  const [origin, u, v] = [0, 1, 2].map((k) =>
    Float32Array.from({ length: 20 }, (_, i) => Math.cos(i + 9 * k)),
  );
  const [a, b] = [Float64Array.of(-1, 0, 3), Float64Array.of(0, 2)];
  const data = { y, weights, priorWeight: 0 };
  const values = await call("contours", { ...data, grid: { origin: origin!, u: u!, v: v!, a, b } });
  assert.is(values.length, 6);
  for (const [at, value] of values.entries()) {
    const z = origin!.map((own, k) => own + a[at % 3]! * u![k]! + b[Math.floor(at / 3)]! * v![k]!);
    assert.ok(Math.abs(value - (await call("lossAt", { ...data, z }))) < 1e-5, `${at}`);
  }
});

test("a prior's weight counts: without it the loss is lower", async () => {
  const y = digit(3);
  const [without, with10] = [
    await call("encode", { y, weights, priorWeight: 0 }),
    await call("encode", { y, weights, priorWeight: 10 }),
  ];
  assert.ok(without.loss < with10.loss);
  assert.is(without.loss, without.objective);
});

test("samples: weights that add up to one, a picture of each code", async () => {
  const { codes, weights: shares, x } = await call("sample", { y: digit(4), weights, count: 30, seed: 1 });
  assert.is(codes.length, 30 * 20);
  assert.is(x.length, 30 * 784);
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
});

test("a cancelled curve has no point of the run that was cut off", async () => {
  const controller = new AbortController();
  let reports = 0;
  const report = () => {
    if (++reports === 3) controller.abort();
  };
  const given = { y: digit(5), weights, solver: "amd" } as const;
  const points = await call("descend", given, { signal: controller.signal, report });
  assert.equal(
    points.map(({ status, steps }) => [status, steps]),
    [0, 1, 2].map((steps) => ["max_steps", steps]),
  );
  assert.is(reports, 3);
});

test("a cancelled call returns the last code", async () => {
  const controller = new AbortController();
  controller.abort();
  const { status, z } = await call("encode", { y: digit(5) }, { signal: controller.signal });
  assert.is(status, "aborted");
  assert.is(z.length, 20);
});

test("another decoder is inverted until the page's own is again; the encoders' guesses stay", async () => {
  const source = new Uint8Array(readFileSync(join(files, "masked-decoder.safetensors")));
  const before = await call("encoderGuess", { y: digit(6), encoder: "plain" });
  const own = await call("decode", { z: new Float32Array(20) });
  const { hasPrior } = await call("setDecoder", { source });
  assert.not(hasPrior);
  assert.not.equal(await call("decode", { z: new Float32Array(20) }), own);
  assert.equal(await call("encoderGuess", { y: digit(6), encoder: "plain" }), before);
  await call("setDecoder", {});
  assert.equal(await call("decode", { z: new Float32Array(20) }), own);
});

test("a call goes on with the decoder it began with when another takes its place", async () => {
  const source = new Uint8Array(readFileSync(join(files, "masked-decoder.safetensors")));
  await call("setDecoder", { source });
  const given = { y: digit(6), weights, saveAt: "steps" } as const;
  const { decoder } = shop.visitors!;
  const alone = await call("encode", given);
  const beside = call("encode", given);
  await call("setDecoder", {});
  assert.not(decoder.disposed);
  const { z, x } = await beside;
  assert.ok(decoder.disposed, "once nothing uses it");
  assert.equal(z, alone.z);
  assert.equal(x, alone.x);
  assert.not.equal((await call("encode", given)).z, z);
});

test("a decoder that nothing uses is disposed as soon as another takes its place", async () => {
  const source = new Uint8Array(readFileSync(join(files, "masked-decoder.safetensors")));
  await call("setDecoder", { source });
  const { decoder } = shop.visitors!;
  await call("setDecoder", {});
  assert.ok(decoder.disposed);
  const before = shop.networks.get("maskedDecoder")!;
  await load("maskedDecoder", "masked-decoder");
  assert.ok(before.disposed);
});

test("a guest's own weight of its prior is multiplied, and one that ends in tanh draws black as -1", async () => {
  const prior = gaussian({ weight: 4 });
  const layers = [2, 9, 784];
  const guest = createDecoder({ layers, outputActivation: "tanh", loss: "mse", seed: 1, prior });
  const { range } = await call("setDecoder", { source: guest.toSafetensors() });
  assert.equal(range, [-1, 1]);
  const { loss, objective, z } = await call("encode", { y: digit(7), priorWeight: 2.5 });
  const expected = loss + (2.5 * 4 * 0.5 * (z[0]! ** 2 + z[1]! ** 2)) / 784;
  assert.ok(expected - loss > 1e-6 && Math.abs(objective - expected) < 1e-6, `${objective}, ${expected}`);
  await call("setDecoder", {});
});

test("a file that is none is refused by what is wrong with it", async () => {
  const bytes = new TextEncoder().encode("not a decoder at all, not at all");
  const error = await call("setDecoder", { source: bytes }).catch((reason: Error) => reason);
  assert.match((error as Error).message, /loadOnnx: it is text, expected an ONNX file/);
  assert.is((await call("decode", { z: new Float32Array(20) })).length, 784, "the last decoder is kept");
});

test("a decoder's address that is refused is shown without its secrets", async () => {
  const server = createServer((_, response) => void response.writeHead(403).end());
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const messageOf = (source: string) => call("setDecoder", { source }).catch(({ message }) => message);
  const refused = await messageOf(`http://${host}/d.onnx?token=abc#def`);
  server.closeAllConnections();
  server.close();
  assert.is(refused, `http://${host}/d.onnx?… answers 403, expected a decoder's file`);
  // The runtime's message has the address, too.
  const secret = await messageOf(`http://user:pass@${host}/d.onnx?token=abc#def`);
  assert.match(secret, /^http:\/\/127[\d.:]+\/d\.onnx\?… cannot be read: .*credentials.*Access-Control/);
  assert.not.match(secret, /user|pass|token|abc|def/);
});

test.run();
