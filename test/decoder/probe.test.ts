import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../src/api/decode.ts";
import { loadDecoder } from "../../src/api/load-decoder.ts";
import { makeProbe, verifyDecoder } from "../../src/api/verify.ts";
import { copyDecoder } from "../../src/decoder/copy.ts";
import { createDecoder } from "../../src/decoder/initialise.ts";
import { type CheckedProbe, fitProbe } from "../../src/decoder/probe.ts";
import { compareWithProbe } from "../../src/decoder/probe-comparison.ts";
import { PROBE, readProbe } from "../../src/decoder/probe-text.ts";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { conv, dense, reshape, sequential, tanh } from "../../src/graph/index.ts";
import { wasm } from "../../src/index.ts";
import { binaryCrossEntropy } from "../../src/terms/losses.ts";
import { refused, rejected } from "../support/refusal.ts";
import { bytesOf, decoderOf, fileOf } from "../support/safetensors-file.ts";

const limits = { maxBytes: 2 ** 30, signal: undefined };

/** What a file's metadata have of its probe. */
const probeIn = (file: Uint8Array) => readSafetensors(file).metadata.get(PROBE);

/** Metadata with a probe of these bytes. */
const metadataOf = (bytes: Uint8Array) => new Map([[PROBE, Buffer.from(bytes).toString("base64")]]);

test("a decoder that is written with its probe is verified when it is read", async () => {
  const decoder = createDecoder({ layers: [3, 8, 6], seed: 1, loss: binaryCrossEntropy() });
  assert.is(decoder.verified, undefined);
  const probe = await makeProbe(decoder);
  assert.equal([probe.z.length, probe.x.length], [12, 24]);
  assert.equal(probe.x, await decode(decoder, probe.z, { backend: wasm({ relaxed: false }) }));
  assert.equal(await makeProbe(decoder), probe);

  const file = decoder.toSafetensors({ probe });
  const loaded = await loadDecoder(file);
  assert.equal([loaded.verified, loaded.unverifiedReason], [true, undefined]);
  assert.equal(loaded.parameters, decoder.parameters);
  assert.equal(loaded.definition, decoder.definition);

  const plain = decoder.toSafetensors();
  assert.is(probeIn(plain), undefined);
  const unproved = await loadDecoder(plain);
  assert.is(unproved.verified, false);
  assert.match(unproved.unverifiedReason!, /there was no probe to compare it with/);
  assert.is((await loadDecoder(plain, { probe })).verified, true);
  // What is trained is a copy, and another decoder.
  assert.is(copyDecoder(loaded, loaded).verified, undefined);
});

test("also one whose file says what its graph is", async () => {
  const decoder = createDecoder(
    sequential(4, [dense(12), reshape([2, 2, 3]), conv({ channels: 2, kernel: 1 }), tanh()]),
  );
  const file = decoder.toSafetensors({ probe: await makeProbe(decoder) });
  assert.is((await loadDecoder(file)).verified, true);
  const { x, z } = await makeProbe(decoder);
  x[3]! += 0.01;
  await rejected(
    loadDecoder(decoder.toSafetensors({ probe: { z, x } })),
    "invalid_file",
    /output 3 of row 0 is [-\d.]+, expected [-\d.]+; .*another one\?/,
  );
});

test("what is no probe is refused when the file is written", () => {
  const decoder = createDecoder({ layers: [2, 3] });
  for (const probe of [null, true, false, 0, Number.NaN, "", {}] as never[]) {
    refused(() => decoder.toSafetensors({ probe }), "invalid_argument", /^toSafetensors: probe/);
  }
});

test("of outputs with many elements the probe has 4,096, all over them", async () => {
  const decoder = createDecoder({ layers: [2, 10_000] });
  const file = decoder.toSafetensors({ probe: await makeProbe(decoder) });
  const { rows, indices, x } = readProbe(readSafetensors(file).metadata, decoder)!;
  assert.is(rows, 4);
  assert.ok(indices!.length > 3900 && indices!.length <= 4096, `${indices!.length}`);
  assert.ok(indices!.every((index, i) => i === 0 || index > indices![i - 1]!));
  assert.ok(indices![0]! < 10 && indices!.at(-1)! >= 9990);
  assert.is(x.length, 4 * indices!.length);
  assert.is((await loadDecoder(file)).verified, true);
});

test("what a header has no room for is left out: rows, and the probe where there are not two", async () => {
  const rowsOf = async (latentSize: number) => {
    const decoder = createDecoder({ layers: [latentSize, 1] });
    const file = decoder.toSafetensors({ probe: await makeProbe(decoder) });
    return readProbe(readSafetensors(file).metadata, decoder)?.rows;
  };
  assert.is(await rowsOf(40_000), 3);
  assert.is(await rowsOf(100_000), undefined);
});

/** A probe of one element, with these outputs. */
const probeOf = (...x: number[]): CheckedProbe => ({
  rows: x.length,
  z: new Float32Array(x.length),
  fixed: new Map(),
  points: undefined,
  indices: undefined,
  x: new Float32Array(x),
});

test("what counts as agreeing, and as proving nothing", () => {
  const outcome = (probe: CheckedProbe, ...outputs: number[]) =>
    compareWithProbe(probe, new Float32Array(outputs)).outcome;
  const probe = probeOf(1, -1, 2, -2);
  assert.is(outcome(probe, 1, -1, 2, -2), "agrees");
  assert.is(outcome(probe, 1.00001, -1, 2, -2), "agrees");
  // A mean difference of 5e-5, of a mean of 1.6; one of 1.9e-4, where the largest is as far below 2e-4; and a largest of
  // 3e-4, of 2.
  assert.is(outcome(probe, 1.0001, -1, 2, -2), "agrees");
  assert.is(outcome(probe, 1.00019, -1.00019, 2.00019, -2.00019), "differs");
  assert.is(outcome(probe, 1.0003, -1, 2, -2), "differs");
  for (const wrong of [Number.NaN, Infinity, -1]) assert.is(outcome(probe, wrong, -1, 2, -2), "differs");

  assert.is(outcome(probeOf(1), 1), "proves nothing");
  assert.is(outcome(probeOf(1), 2), "differs");
  assert.is(outcome(probeOf(0, 0), 0, 0), "proves nothing");
  assert.is(outcome(probeOf(0, 0), 0, 1e-9), "differs");
  assert.is(outcome(probeOf(1, 1.0001), 1, 1.0001), "proves nothing");
  assert.is(outcome(probeOf(1, 1.0001), 1, 1.00005), "proves nothing");
  assert.is(outcome(probeOf(1, 1.01), 1, 1.01), "agrees");
  // Where rows differ by a hundredth, float32's last place is a ten thousandth of that and more.
  assert.is(outcome(probeOf(1, 1.01), 1 + 2 ** -22, 1.01), "agrees");
  assert.is(outcome(probeOf(1, 1.01), 1.00001, 1.01), "differs");
});

test("a probe that proves nothing does not verify, and one that disagrees all the same refuses", async () => {
  const decoder = createDecoder({ layers: [2, 5, 3], seed: 2 });
  const z = new Float32Array([0.5, -1]);
  const x = await decode(decoder, z);
  const file = decoder.toSafetensors();
  const loaded = await loadDecoder(file, { probe: { z, x } });
  assert.is(loaded.verified, false);
  assert.match(loaded.unverifiedReason!, /the probe has one row/);
  const twice = { z: new Float32Array([...z, ...z]), x: new Float32Array([...x, ...x]) };
  assert.match(
    (await loadDecoder(file, { probe: twice })).unverifiedReason!,
    /rows of the probe hardly differ/,
  );
  await rejected(
    loadDecoder(file, { probe: { z, x: x.map((value) => value + 1) } }),
    "invalid_file",
    /probe/,
  );
});

test("compared before the output activation, or on either side", async () => {
  const decoder = createDecoder({ layers: [2, 5, 3], outputActivation: "sigmoid", seed: 3 });
  const { z } = await makeProbe(decoder);
  const [data, logits] = await Promise.all(
    (["data", "preActivation"] as const).map(async (output) =>
      fitProbe({ z, x: await decode(decoder, z, { output }) }, decoder),
    ),
  );
  const verify = (probe: CheckedProbe, compared: "data" | "preActivation" | "either") =>
    verifyDecoder(decoderOf(decoder.toSafetensors()), probe, compared, limits);
  assert.is((await verify(data!, "data")).verified, true);
  assert.is((await verify(logits!, "preActivation")).verified, true);
  for (const probe of [data!, logits!]) assert.is((await verify(probe, "either")).verified, true);
  const hint = /^.*They agree on the other side of the output activation/;
  await rejected(verify(logits!, "data"), "invalid_file", hint);
  await rejected(verify(data!, "preActivation"), "invalid_file", hint);
});

test("what cannot be run within the limits is not verified, and says why", async () => {
  const decoder = createDecoder({ layers: [2, 5, 3] });
  const probe = fitProbe(await makeProbe(decoder), decoder);
  const small = await verifyDecoder(decoderOf(decoder.toSafetensors()), probe, "data", {
    maxBytes: 50,
    signal: undefined,
  });
  assert.match(small.unverifiedReason!, /more memory than maxBytes, 50/);
  const many = { ...probe, rows: 2 ** 40 };
  const long = await verifyDecoder(decoderOf(decoder.toSafetensors()), many, "data", limits);
  assert.match(long.unverifiedReason!, /too long/);
});

test("an abort ends it", async () => {
  const decoder = createDecoder({ layers: [2, 5, 3] });
  const file = decoder.toSafetensors({ probe: await makeProbe(decoder) });
  const controller = new AbortController();
  const loading = loadDecoder(file, { signal: controller.signal });
  controller.abort();
  const reason = await loading.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.is(reason, controller.signal.reason);
});

const decoder = { latentSize: 2, outputSize: 3, fixedInputs: [] };
type Entries = Record<string, { dtype: string; shape: number[]; values: ArrayBufferView }>;
const sound: Entries = {
  z: { dtype: "F32", shape: [2, 2], values: new Float32Array(4) },
  indices: { dtype: "I32", shape: [2], values: new Int32Array([2, 0]) },
  x: { dtype: "F32", shape: [2, 2], values: new Float32Array([1, 2, 3, 4]) },
};

function probeFile(entries: Entries, metadata: Record<string, string> = { format: "1" }): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype, shape, values }] of Object.entries(entries)) {
    header[name] = { dtype, shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  return fileOf(header, Buffer.concat(Object.values(entries).map(({ values }) => bytesOf(values))));
}

test("a probe in metadata: what is read", () => {
  const { rows, x, indices } = readProbe(metadataOf(probeFile(sound)), decoder)!;
  assert.equal([rows, [...x], [...indices!]], [2, [1, 2, 3, 4], [2, 0]]);
  assert.is(readProbe(new Map(), decoder), undefined);
  // Row 0 has elements 2 and 0.
  const outputs = new Float32Array([2, 9, 1, 4, 9, 3]);
  assert.is(
    compareWithProbe({ ...readProbe(metadataOf(probeFile(sound)), decoder)! }, outputs).outcome,
    "agrees",
  );
});

test("a probe in metadata: what is refused", () => {
  const floats = (...shape: number[]) => ({
    dtype: "F32",
    shape,
    values: new Float32Array(shape.reduce((product, length) => product * length, 1)),
  });
  const integers = (...values: number[]) => ({
    dtype: "I32",
    shape: [values.length],
    values: new Int32Array(values),
  });
  const cases: [entries: Entries, message: RegExp, metadata?: Record<string, string>][] = [
    [sound, /its format is "2", expected "1"; a newer/, { format: "2" }],
    [sound, /its format is undefined/, {}],
    [{ z: sound.z! }, /the tensor "x" is missing/],
    [{ ...sound, "fixed.c": floats(2, 1) }, /the tensor "fixed\.c" is none of a probe's/],
    [{ ...sound, z: floats(2, 3) }, /"z" is \[2, 3\] F32, expected \[2, 2\] F32/],
    [{ ...sound, z: floats(0, 2) }, /"z" is \[0, 2\], expected 1 to 64 rows/],
    [{ ...sound, z: floats(65, 2) }, /"z" is \[65, 2\], expected 1 to 64 rows/],
    [{ ...sound, z: floats() }, /"z" is \[\], expected 1 to 64 rows/],
    [{ ...sound, z: { ...sound.z!, dtype: "I32" } }, /"z" is \[2, 2\] I32, expected/],
    [{ ...sound, x: floats(2, 3) }, /"x" is \[2, 3\] F32, expected \[2, 2\]/],
    [
      { ...sound, x: { ...sound.x!, values: new Float32Array([1, 2, Number.NaN, 4]) } },
      /"x" holds NaN at index 2/,
    ],
    [{ ...sound, indices: integers(0, 3) }, /"indices" has 3 at 1, expected 0 to 2/],
    [{ ...sound, indices: integers(-1, 0) }, /"indices" has -1 at 0/],
    [{ ...sound, indices: integers() }, /"indices" is \[0\] I32, expected 1 to 4096/],
    [{ ...sound, indices: integers(...new Array(4097).fill(0)) }, /"indices" is \[4097\]/],
    [{ ...sound, indices: floats(2) }, /"indices" is \[2\] F32/],
  ];
  for (const [entries, message, metadata] of cases) {
    refused(() => readProbe(metadataOf(probeFile(entries, metadata)), decoder), "invalid_file", message);
  }
  refused(
    () => readProbe(new Map([[PROBE, "*"]]), decoder),
    "invalid_file",
    /^the file's latentflow\.probe is no base64/,
  );
  refused(
    () => readProbe(new Map([[PROBE, ""]]), decoder),
    "invalid_file",
    /^the file's latentflow\.probe: not a valid safetensors file/,
  );
  const file = probeFile(sound);
  refused(() => readProbe(metadataOf(file.subarray(0, 80)), decoder), "invalid_file", /latentflow\.probe/);
});

test("a probe as an option: what is refused", async () => {
  const file = createDecoder({ layers: [2, 3] }).toSafetensors();
  const z = new Float32Array(4);
  const x = new Float32Array(6);
  const cases: [probe: unknown, message: RegExp][] = [
    [1, /probe: options are 1, expected a plain object/],
    [null, /probe: options are null/],
    [{ z, x, y: x }, /unknown option "y"/],
    [{ z }, /probe\.x is undefined, expected a Float32Array/],
    [{ z: [1, 2], x }, /probe\.z is an Array/],
    [{ z, x, fixed: [] }, /probe\.fixed is an Array/],
    [{ z, x, fixed: { c: 1 } }, /probe\.fixed\["c"\] is 1/],
    [{ z, x, fixed: { c: x } }, /probe\.fixed has "c", which the decoder has not; its fixed inputs: none/],
    [{ z: new Float32Array(3), x }, /probe\.z has 3 values, expected a multiple of 2/],
    [{ z: new Float32Array(0), x }, /probe\.z has 0 values/],
    [{ z, x: z }, /probe\.x has 4 values, expected 6: 3 .* for each of 2 rows/],
    [{ z, x: x.map(() => Number.NaN) }, /probe\.x is NaN at index 0, expected finite/],
  ];
  for (const [probe, message] of cases) {
    await rejected(loadDecoder(file, { probe } as never), "invalid_argument", message);
  }
  const decoder = createDecoder({ layers: [2, 3] });
  refused(
    () => decoder.toSafetensors({ probe: { z, x: z } }),
    "invalid_argument",
    /^toSafetensors: probe\.x has 4/,
  );
  refused(() => decoder.toSafetensors({ probes: 1 } as never), "invalid_argument", /unknown option "probes"/);
});

test("the package's own decoder has a probe, of the float16 weights in its file", async () => {
  const file = new URL("../../demo/convolutional.safetensors", import.meta.url);
  assert.is((await loadDecoder(file)).verified, true);
});

test("of a decoder with fixed inputs its probe has them", () => {
  const conditioned = {
    latentSize: 2,
    outputSize: 3,
    fixedInputs: [{ name: "c", shape: [4], hasPoints: false }],
  };
  const entries = { ...sound, "fixed.c": { dtype: "F32", shape: [2, 4], values: new Float32Array(8) } };
  assert.is(readProbe(metadataOf(probeFile(entries)), conditioned)!.fixed.get("c")!.length, 8);
  refused(
    () => readProbe(metadataOf(probeFile(sound)), conditioned),
    "invalid_file",
    /the tensor "fixed\.c" is missing/,
  );
  const [z, x, c] = [4, 6, 8].map((length) => new Float32Array(length));
  assert.is(fitProbe({ z: z!, x: x!, fixed: { c: c! } }, conditioned).fixed.get("c"), c);
  refused(
    () => fitProbe({ z: z!, x: x! }, conditioned),
    "invalid_argument",
    /probe\.fixed\["c"\] is missing/,
  );
  refused(
    () => fitProbe({ z: z!, x: x!, fixed: { c: z! } }, conditioned),
    "invalid_argument",
    /probe\.fixed\["c"\] has 4 values, expected \[4\] for each of 2 rows/,
  );
});

test.run();
