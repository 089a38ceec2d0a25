// run: both
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attached, codeOf, messageOf, throwIfAborted } from "../../src/base/realms.ts";
import {
  amd,
  type Backend,
  binaryCrossEntropy,
  createDecoder,
  decode,
  type EncodeResult,
  encode,
  loadDecoder,
  wasm,
} from "../../src/index.ts";
import { createDataset, evaluate, train } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { refused, rejected } from "../support/refusal.ts";
import { workerUrl } from "../support/threads.ts";

// Values of another realm (a frame, node:vm, jsdom) are taken as those of this one; memory that has gone, or may go,
// is refused.

const SIZE = 9;
const SAMPLES = 20;
const decoder = createDecoder({
  layers: [3, 8, SIZE],
  outputActivation: "sigmoid",
  loss: binaryCrossEntropy(),
});
const y = randomArray(1, SAMPLES * SIZE, 0, 1);
const weights = randomArray(2, SAMPLES * SIZE, 0.5, 1);
const z0 = randomArray(3, SAMPLES * 3, -1, 1);
const solver = amd({ maxSteps: 20 });
const backends: readonly Backend[] = [wasm({ threads: 1 }), wasm({ threads: 2, worker: workerUrl })];

const resultOf = ({ backend, seconds, ...result }: EncodeResult) => result;

/** The same values, of another realm's class. */
function foreign<T extends Float32Array | Uint8Array>(values: T): T {
  const copy: T = runInNewContext(`new ${values.constructor.name}(length)`, { length: values.length });
  copy.set(values);
  assert.not(copy instanceof Float32Array || copy instanceof Uint8Array, "it is of another realm");
  return copy;
}

function inMemory(values: Float32Array, buffer: ArrayBufferLike): Float32Array {
  const view = new Float32Array(buffer, 0, values.length);
  view.set(values);
  return view;
}

const shared = (values: Float32Array) => inMemory(values, new SharedArrayBuffer(values.byteLength));

function detach<T extends ArrayBufferView>(values: T): T {
  structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
  return values;
}

for (const [what, convert] of Object.entries<(values: Float32Array) => Float32Array>({
  "arrays of another realm": foreign,
  "arrays in shared memory": shared,
})) {
  test(`${what} are taken, with the same results`, async () => {
    for (const backend of backends) {
      const given = { weights, z0, solver, backend };
      const expected = await encode(decoder, y, given);
      const result = await encode(decoder, convert(y), {
        ...given,
        weights: convert(weights),
        z0: convert(z0),
      });
      assert.equal(resultOf(result), resultOf(expected));
      const oneRow = weights.subarray(0, SIZE);
      assert.equal(
        resultOf(await encode(decoder, convert(y), { ...given, weights: convert(oneRow) })),
        resultOf(await encode(decoder, y, { ...given, weights: oneRow })),
      );
      assert.equal(
        await decode(decoder, convert(expected.z.slice()), { backend }),
        await decode(decoder, expected.z, { backend }),
      );
      const training = { solver, backend, epochs: 2 };
      assert.equal(
        (await train(decoder, convert(y), { ...training, weights: convert(weights) })).decoder.parameters,
        (await train(decoder, y, { ...training, weights })).decoder.parameters,
      );
      const report = await evaluate(decoder, createDataset(convert(y), { shape: [SIZE] }), {
        solver,
        backend,
        weights: convert(weights),
      });
      assert.equal(report.loss, (await evaluate(decoder, y, { solver, backend, weights })).loss);
    }
  });
}

test("bytes of another realm are taken", async () => {
  const pixels = Uint8Array.from({ length: 2 * SIZE }, (_, i) => 10 * i);
  const labels = new Uint8Array([1, 2]);
  const dataset = createDataset(foreign(pixels), { shape: [SIZE], labels: foreign(labels) });
  const expected = createDataset(pixels, { shape: [SIZE], labels }).select([1]);
  assert.equal(dataset.select([1]).toFloat32(), expected.toFloat32());

  const bytes = decoder.toSafetensors();
  const sharedBytes = new Uint8Array(new SharedArrayBuffer(bytes.length));
  sharedBytes.set(bytes);
  for (const source of [foreign(bytes), foreign(bytes).buffer, bytes.slice().buffer, sharedBytes]) {
    assert.equal((await loadDecoder(source as Uint8Array)).parameters, decoder.parameters);
  }
});

/** As jsdom's: an object of a class that this realm does not have. */
function likePlatform<T>(name: string, members: object): T {
  return Object.create(members, { [Symbol.toStringTag]: { value: name } }) as T;
}

test("loadDecoder takes a Blob, a URL and a signal of another realm", async () => {
  const bytes = decoder.toSafetensors();
  for (const name of ["Blob", "File"]) {
    const { length: size } = bytes;
    const blob = likePlatform<Blob>(name, { size, arrayBuffer: async () => foreign(bytes).buffer });
    assert.equal((await loadDecoder(blob)).parameters, decoder.parameters);
  }
  const server = createServer((request, response) => {
    if (request.url === "/decoder") response.end(bytes);
    // The other address never answers.
  }).listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const url = (path: string) => likePlatform<URL>("URL", { href: `http://localhost:${port}${path}` });
  const makeSignal = () => {
    const listeners: (() => void)[] = [];
    const members = {
      aborted: false,
      addEventListener: (_: string, listener: () => void) => void listeners.push(listener),
    };
    const abort = () => {
      members.aborted = true;
      for (const listener of listeners) listener();
    };
    return { signal: likePlatform<AbortSignal>("AbortSignal", members), abort };
  };
  assert.equal((await loadDecoder(url("/decoder"))).parameters, decoder.parameters);
  const { signal, abort } = makeSignal();
  assert.equal((await loadDecoder(url("/decoder"), { signal })).parameters, decoder.parameters);
  const waiting = loadDecoder(url("/never"), { signal });
  setTimeout(abort, 20);
  const aborted = await waiting.then(
    () => undefined,
    (error: Error) => error.name,
  );
  assert.is(aborted, "AbortError");
  const before = await encode(decoder, y, { signal }).then(
    () => undefined,
    (error: Error) => error.name,
  );
  assert.is(before, "AbortError");
  server.closeAllConnections();
  server.close();
});

test("a signal that is older than throwIfAborted() is looked at", () => {
  throwIfAborted(undefined);
  throwIfAborted({ aborted: false });
  try {
    throwIfAborted({ aborted: true });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, DOMException);
    assert.is((error as DOMException).name, "AbortError");
  }
});

test("an error of another realm is heard out", () => {
  assert.is(messageOf(runInNewContext("new RangeError('from there')")), "from there");
});

test("the system's name of an error is read in any realm, and of anything", () => {
  assert.is(codeOf(runInNewContext("Object.assign(new Error('gone'), { code: 'ENOENT' })")), "ENOENT");
  for (const thrown of [null, undefined, 1, "text", {}, { code: 7 }]) assert.is(codeOf(thrown), undefined);
});

test("memory that has gone, or may go, is refused before any work", async () => {
  const growing = ({ byteLength }: Float32Array, kind: "ArrayBuffer" | "SharedArrayBuffer") =>
    // @ts-expect-error The types of ES2022 do not know them yet.
    new globalThis[kind](byteLength, { maxByteLength: 2 * byteLength }) as ArrayBuffer;
  const wrong = [
    [(values: Float32Array) => detach(values.slice()), /the buffer of \w+ has been detached.*slice\(\)$/],
    [
      (values: Float32Array) => inMemory(values, growing(values, "ArrayBuffer")),
      /the buffer of \w+ is resizable, .*slice\(\)$/,
    ],
    [
      (values: Float32Array) => inMemory(values, growing(values, "SharedArrayBuffer")),
      /the buffer of \w+ is growable, .*slice\(\)$/,
    ],
    [(values: Float32Array) => detach(foreign(values)), /the buffer of \w+ has been detached/],
  ] as const;
  for (const [make, message] of wrong) {
    const backend = { name: "none", open: () => assert.unreachable() } as unknown as Backend;
    for (const call of [
      encode(decoder, make(y), { backend }),
      encode(decoder, y, { weights: make(y), backend }),
      encode(decoder, y, { z0: make(z0), backend }),
      decode(decoder, make(z0), { backend }),
      train(decoder, make(y), { backend }),
      train(decoder, y, { weights: make(y), backend }),
      evaluate(decoder, make(y), { backend }),
    ]) {
      await rejected(call, "invalid_argument", message);
    }
    refused(() => createDataset(make(y), { shape: [SIZE] }), "invalid_argument", message);
  }
  const empty = await encode(decoder, new Float32Array(0), { solver });
  assert.is(empty.status.length, 0);
});

test("an array that is empty, and was not, has gone while the call was at work", () => {
  for (const values of [y, decoder.toSafetensors()]) assert.is(attached("y", values), values);
  refused(
    () => attached("y", detach(y.slice())),
    "invalid_argument",
    /^the buffer of y was detached \(transferred\) while the call was at work; give a copy/,
  );
});

test("bytes that have gone are refused, and few may go at once", async () => {
  const bytes = decoder.toSafetensors();
  for (const gone of [detach(bytes.slice()), detach(bytes.slice()).buffer]) {
    await rejected(
      loadDecoder(gone as Uint8Array),
      "invalid_argument",
      /the buffer of the source has been detached/,
    );
  }
  // What takes a few milliseconds is read before the call returns; by a clock that stands, on a busy machine too.
  const given = bytes.slice();
  const { now } = performance;
  performance.now = () => 0;
  const loading = loadDecoder(given);
  performance.now = now;
  detach(given);
  assert.equal((await loading).parameters, decoder.parameters);
});

test.run();
