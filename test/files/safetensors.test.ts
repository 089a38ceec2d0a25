import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atOnce } from "../../src/base/event-loop.ts";
import { readSafetensors, writeSafetensors } from "../../src/files/safetensors.ts";
import { elementSizes, readFloats } from "../../src/files/tensor.ts";
import { refused } from "../support/refusal.ts";
import { bytesOf, fileOf } from "../support/safetensors-file.ts";

const read = (bytes: Uint8Array) => readSafetensors(bytes);
const refusedFile = (bytes: Uint8Array, message: RegExp) =>
  refused(() => read(bytes), "invalid_file", message);
const entry = (shape: unknown, begin: unknown, end: unknown, dtype: unknown = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("a file is read to tensors and metadata", () => {
  const file = read(readFileSync(new URL("../vectors/images.safetensors", import.meta.url)));
  assert.is(file.metadata.get("scale"), "divide by 255");
  const images = file.tensors.get("images")!;
  assert.is(images.dtype, "U8");
  assert.equal(images.shape, [8, 784]);
  assert.is(images.bytes.length, 6272);
});

test("tensors may come in any order, be empty, or be scalars", () => {
  const { tensors } = read(fileOf({ b: entry([1], 4, 8), none: entry([0, 3], 4, 4), a: entry([], 0, 4) }, 8));
  assert.equal([...tensors.keys()], ["b", "none", "a"]);
  assert.equal(
    [...tensors.values()].map(({ bytes }) => bytes.length),
    [4, 0, 4],
  );
  assert.is(read(fileOf({})).tensors.size, 0);
});

test("what is written is read back to the bit, and padded to 8 bytes", () => {
  const values = new Float32Array([0, -0, 1.5, 2 ** -149, -3.4e38, 0.1]);
  const metadata = new Map([
    ["a", '"quoted" \u2028 \\'],
    ["é", ""],
  ]);
  const bytes = writeSafetensors(
    [
      { name: 'one "1"', shape: [2, 3], values },
      { name: "two", shape: [2], values: values.subarray(1, 3) },
    ],
    metadata,
  );
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.is(headerLength % 8, 0);
  assert.is(bytes.length, 8 + headerLength + 24 + 8);
  const file = read(bytes);
  assert.equal([...file.metadata], [...metadata]);
  assert.equal(file.tensors.get('one "1"')!.bytes, bytesOf(values));
  assert.equal(file.tensors.get("two")!.bytes, bytesOf(values.slice(1, 3)));
});

test("float64 and integers are written with their dtypes", () => {
  const wide = new Float64Array([Number.NaN, Number.NEGATIVE_INFINITY, 5e-324]);
  const counts = new Uint32Array([2 ** 32 - 1]);
  const { tensors } = read(
    writeSafetensors(
      [
        { name: "wide", shape: [3, 1], values: wide },
        { name: "counts", shape: [1], values: counts },
      ],
      new Map(),
    ),
  );
  assert.equal([tensors.get("wide")!.dtype, tensors.get("counts")!.dtype], ["F64", "U32"]);
  assert.equal(tensors.get("wide")!.bytes, new Uint8Array(wide.buffer));
  assert.equal(tensors.get("counts")!.bytes, new Uint8Array(counts.buffer));
});

test("a header length that does not fit is refused", () => {
  refusedFile(new Uint8Array(0), /^not a valid safetensors file: it has 0 bytes, fewer than the 8/);
  refusedFile(new Uint8Array(7), /7 bytes/);
  refusedFile(new Uint8Array(8), /does not begin with {/);
  const file = fileOf({ a: entry([1], 0, 4) }, 4);
  refusedFile(
    file.subarray(0, 30),
    /should have \d+ bytes, but only 22 follow; it begins with ".*": is it truncated/,
  );
  const giant = file.slice();
  giant.fill(0xff, 0, 8);
  refusedFile(giant, /should have 18446744073709552000 bytes/);
  refusedFile(new TextEncoder().encode("<!DOCTYPE html><html></html>"), /another kind of file\?/);
  const padded = (length: number) => fileOf(`{}${" ".repeat(length - 2)}`);
  assert.is(read(padded(2 ** 20)).tensors.size, 0);
  refusedFile(padded(2 ** 20 + 1), /its header has 1048577 bytes, more than the 1048576/);
});

test("a header that is no JSON object is refused", () => {
  for (const header of ["", " {}", "[]", "null", '"a"', "\uFEFF{}"])
    refusedFile(fileOf(header), /begin with {/);
  for (const header of ["{", "{}x", "{a:1}", "{'a':1}", '{"a":NaN}', '{"a":1,}', '{"a\n":1}', "{}\0"]) {
    refusedFile(fileOf(header), /not valid JSON/);
  }
  const notUtf8 = fileOf('{"__metadata__":{"a":"x"}}');
  notUtf8[8 + 22] = 0xff;
  refusedFile(notUtf8, /not valid JSON/);
});

test("a header of deep brackets is refused before it is parsed", () => {
  refusedFile(fileOf(`{"a":${"[".repeat(8)}`), /brackets more than 8 deep/);
  refusedFile(fileOf(`{"a":${'{"a":'.repeat(8)}`), /brackets more than 8 deep/);
  const text = '[{"['.repeat(100);
  assert.is(read(fileOf({ __metadata__: { text } })).metadata.get("text"), text);
});

test("a key that occurs twice is refused, however it is written", () => {
  const tensor = JSON.stringify(entry([1], 0, 4));
  refusedFile(fileOf(`{"a":${tensor},"a":${tensor}}`, 4), /has the key "a" twice/);
  refusedFile(fileOf(`{"a":${tensor},"\\u0061" : ${tensor}}`, 4), /has the key "a" twice/);
  refusedFile(
    fileOf(`{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}`, 4),
    /"shape" twice/,
  );
  refusedFile(fileOf('{"__metadata__":{"k":"1","k":"2"}}'), /"k" twice/);
  const harmless = '{"__metadata__":{"a":"{\\"a\\":1,\\"a\\":2}","b":"a\\\\","c":"\\": {"},"b":';
  assert.is(read(fileOf(`${harmless}${tensor}}`, 4)).tensors.size, 1);
});

test("the worst headers of the largest size take little time", () => {
  const size = 2 ** 20;
  const escapes = "\\n".repeat(size / 2 - 10);
  const headers = [
    `{"a":${"[".repeat(size / 2 - 3)}${"]".repeat(size / 2 - 3)}}`,
    `${'{"a":'.repeat(size / 6)}1${"}".repeat(size / 6)}`,
    `${'{"a":'.repeat(size / 5)}`,
    `{"${escapes}":1}`,
    `{"a":"${escapes}"}`,
    `{"a":"${escapes}`,
    `{${Array.from({ length: size / 16 }, (_, i) => `"${i}":{}`).join(",")}}`,
    `{"a":{"dtype":"F32","shape":[${"1,".repeat(size / 2 - 50)}1]}}`,
  ];
  for (const header of headers) {
    // The processor's time: it may be at work for others.
    const start = process.cpuUsage();
    refusedFile(fileOf(header), /not a valid safetensors file/);
    assert.ok(process.cpuUsage(start).user < 2e6, header.slice(0, 40));
  }
});

test("entries that are not what they should be are refused", () => {
  for (const value of [null, 1, "x", []]) {
    refusedFile(fileOf({ a: value }), /the entry "a" is .*, expected an object/);
    refusedFile(fileOf({ __metadata__: value }), /the entry "__metadata__" is .*, expected an object/);
    if (typeof value !== "string") {
      refusedFile(fileOf({ __metadata__: { k: value } }), /metadata "k" is .*, expected a string/);
    }
  }
  for (const dtype of ["F31", "f32", "", 32, null, "__proto__"]) {
    refusedFile(
      fileOf({ a: entry([1], 0, 4, dtype) }, 4),
      /tensor "a" has the dtype .*, expected one of F32/,
    );
  }
  refusedFile(fileOf({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /the dtype undefined/);
  for (const shape of [undefined, null, 1, "1", { 0: 1 }, [-1], [1.5], ["1"], [null], [2 ** 53], [[1]]]) {
    refusedFile(fileOf({ a: entry(shape, 0, 4) }, 4), /tensor "a" has the shape .* integers >= 0/);
  }
  refusedFile(
    fileOf({ a: entry(new Array(9).fill(1), 0, 4) }, 4),
    /shape \[1, .*1, \.\.\.\], expected at most 8/,
  );
  for (const offsets of [undefined, 4, [4], [0, 4, 4], [-4, 0], [0, 4.5], [0, "4"], [0, null], [0, 1e300]]) {
    const header = { a: { dtype: "F32", shape: [1], data_offsets: offsets } };
    refusedFile(fileOf(header, 4), /tensor "a" has the data_offsets .*, expected two integers >= 0/);
  }
});

test("shapes and offsets that do not agree with the data are refused", () => {
  refusedFile(fileOf({ a: entry([1], 4, 0) }, 4), /tensor "a" lies at \[4, 0\] of 4 bytes/);
  refusedFile(fileOf({ a: entry([2], 0, 8) }, 4), /tensor "a" lies at \[0, 8\] of 4 bytes .*truncated/);
  refusedFile(fileOf({ a: entry([2], 0, 2 ** 53 - 1) }, 4), /tensor "a" lies at/);
  refusedFile(fileOf({ a: entry([2], 0, 4) }, 4), /tensor "a" of \[2\] F32 needs 8 bytes but has 4/);
  refusedFile(fileOf({ a: entry([1], 0, 4, "F16") }, 4), /needs 2 bytes but has 4/);
  refusedFile(fileOf({ a: entry([0], 0, 4) }, 4), /needs 0 bytes but has 4/);
  const giant = 2 ** 53 - 1;
  refusedFile(fileOf({ a: entry([giant, giant], 0, 4) }, 4), /needs 3.2\S+e\+32 bytes but has 4/);
  // 2^62 · 4 bytes, which 64 bits of a careless reader would wrap to 0.
  refusedFile(fileOf({ a: entry([2 ** 31, 2 ** 31], 0, 0) }), /needs 18446744073709552000 bytes but has 0/);
});

test("overlaps, gaps and bytes left over are refused", () => {
  refusedFile(
    fileOf({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8),
    /"b" overlaps .* begins at 4, expected 8/,
  );
  refusedFile(fileOf({ a: entry([1], 0, 4), b: entry([1], 0, 4) }, 4), /"b" overlaps/);
  refusedFile(fileOf({ a: entry([1], 4, 8) }, 8), /"a" leaves a gap .* begins at 4, expected 0/);
  refusedFile(fileOf({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /"b" leaves a gap/);
  refusedFile(fileOf({ a: entry([1], 0, 4) }, 7), /its last 3 bytes belong to no tensor/);
  refusedFile(fileOf({}, 1), /its last 1 bytes/);
  refusedFile(fileOf({ a: entry([1], 0, 4), b: entry([0], 2, 2) }, 4), /"b" overlaps/);
});

function floats(dtype: string, array: ArrayBufferView, count: number): Float32Array {
  const target = new Float32Array(count);
  atOnce(readFloats("t", { dtype, shape: [count], bytes: bytesOf(array) }, target));
  return target;
}

test("F32 at any alignment is read to the bit", () => {
  const values = new Float32Array([1.1, -0, 2 ** -149, 3.4e38]);
  const shifted = new Uint8Array(17);
  shifted.set(bytesOf(values), 1);
  assert.equal(floats("F32", shifted.subarray(1), 4), values);
});

test("F16: all 65,536 patterns", () => {
  // Against the definition, in integers: ± 1.fraction · 2^(exponent - 15), subnormal 0.fraction · 2^-14.
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) {
      const value = fraction ? "NaN" : bits >> 15 ? "-Infinity" : "Infinity";
      refused(
        () => floats("F16", new Uint16Array([0, bits]), 2),
        "invalid_file",
        new RegExp(`${value} at index 1`),
      );
      continue;
    }
    const ulps = exponent === 0 ? fraction : (1024 + fraction) * 2 ** (exponent - 1);
    const expected = (bits >> 15 ? -1 : 1) * ulps * 2 ** -24;
    if (!Object.is(floats("F16", new Uint16Array([bits]), 1)[0], expected))
      assert.unreachable(`pattern ${bits}`);
  }
  // From IEEE 754: 1, -2, the largest, 1/3, the smallest normal and subnormal.
  assert.equal(
    floats("F16", new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x3555, 0x0400, 0x0001]), 6),
    new Float32Array([1, -2, 65504, 0.333251953125, 2 ** -14, 2 ** -24]),
  );
});

test("BF16: all 65,536 patterns are the upper half of a float32", () => {
  const wide = new Uint32Array(1);
  const expected = new Float32Array(wide.buffer);
  for (let bits = 0; bits < 2 ** 16; bits++) {
    wide[0] = bits << 16;
    if (!Number.isFinite(expected[0])) {
      refused(() => floats("BF16", new Uint16Array([bits]), 1), "invalid_file", /at index 0/);
    } else if (!Object.is(floats("BF16", new Uint16Array([bits]), 1)[0], expected[0])) {
      assert.unreachable(`pattern ${bits}`);
    }
  }
});

test("F64 is rounded to float32", () => {
  const values = [0.1, -0, 1e-50, 2 ** -149, 1.5 * 2 ** -149, 2 ** -127, -3.4028234663852886e38, 1 / 3];
  assert.equal(floats("F64", new Float64Array(values), values.length), new Float32Array(values));
  assert.ok(Object.is(floats("F64", new Float64Array([-0]), 1)[0], -0));
});

test("a value that is no finite float32 is refused by tensor and index", () => {
  const refusedValue = (dtype: string, array: ArrayBufferView, message: RegExp) =>
    refused(() => floats(dtype, array, 3), "invalid_file", message);
  refusedValue(
    "F32",
    new Float32Array([0, 1, Number.NaN]),
    /^tensor "t" holds NaN at index 2, expected a finite/,
  );
  refusedValue("F32", new Float32Array([0, -Infinity, 1]), /holds -Infinity at index 1/);
  refusedValue("F64", new Float64Array([0, 1e39, 1]), /holds 1e\+39 at index 1/);
  refusedValue("F64", new Float64Array([Number.NaN, 0, 1]), /holds NaN at index 0/);
});

// Those of the format that fill whole bytes, by the bytes that a value takes.
const dtypes: Record<number, readonly string[]> = {
  1: ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"],
  2: ["F16", "BF16", "U16", "I16"],
  4: ["F32", "U32", "I32"],
  8: ["F64", "U64", "I64", "C64"],
};

test("each dtype takes its bytes; floats are read, and the others are refused by name", () => {
  for (const [width, names] of Object.entries(dtypes)) {
    const length = 3 * Number(width);
    for (const dtype of names) {
      assert.is(read(fileOf({ a: entry([3], 0, length, dtype) }, length)).tensors.get("a")!.dtype, dtype);
      for (const other of [length - 1, length + 1, 2 * length]) {
        refusedFile(
          fileOf({ a: entry([3], 0, other, dtype) }, other),
          new RegExp(`of \\[3\\] ${dtype} needs ${length} bytes but has ${other}`),
        );
      }
      const zeros = () => floats(dtype, new Uint8Array(length), 3);
      if (/^B?F\d+$/.test(dtype)) {
        assert.equal(zeros(), new Float32Array(3), dtype);
        continue;
      }
      refused(
        zeros,
        "invalid_file",
        new RegExp(
          `"t" has the dtype ${dtype}, expected one of F32, F64, F16, BF16; save the state dict of model.float\\(\\)`,
        ),
      );
    }
  }
  assert.equal(Object.values(dtypes).flat().sort(), [...elementSizes.keys()].sort());
});

test.run();
