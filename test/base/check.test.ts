// run: both
// Tests src/base/show.ts and src/base/refuse.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkNumber, checkOptions } from "../../src/base/check.ts";
import { LatentflowError } from "../../src/base/errors.ts";
import { messageOf } from "../../src/base/realms.ts";
import { escapeText, show, showPath } from "../../src/base/show.ts";
import { showLengths } from "../../src/files/array.ts";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { createDecoder, decode, encode, loadDecoder } from "../../src/index.ts";
import { differences, showDifference } from "../../src/train/run-differences.ts";
import { rejected } from "../support/refusal.ts";
import { fileOf } from "../support/safetensors-file.ts";

// Whatever comes in, a message names it on one line, in a few characters, and nothing but a LatentflowError comes out.

const ESCAPE = "\u001b";

/** Values that are none of those that anybody expects. */
function oddValues(): unknown[] {
  const withName = (name: unknown) => Object.create({ constructor: { name } });
  const names = [1, {}, [], Symbol("s"), "x".repeat(1_000_000), `${ESCAPE}[2J`, "", "a b"];
  return [
    Object.create(null),
    ...names.map(withName),
    ...names.map((name) => ({ constructor: { name } })),
    JSON.parse('{"constructor": {"name": 7}, "toString": 1, "__proto__": {"constructor": null}}'),
    Symbol("x".repeat(100_000)),
    10n ** 10_000n,
    new Array(4_000_000),
    new (class extends Array {})(),
    "x".repeat(1_000_000),
    "\n".repeat(1000),
    "\ud800",
    "\u{1f600}".repeat(1000),
  ];
}

function isOneShortLine(text: string, most: number): boolean {
  return text.length <= most && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);
}

test("a value is named on a line of at most 80 characters, whatever it is", () => {
  for (const [i, value] of oddValues().entries()) {
    const shown = show(value);
    assert.type(shown, "string");
    assert.ok(isOneShortLine(shown, 80), `value ${i}: ${escapeText(shown, 200)}`);
  }
});

test("values are told apart", () => {
  class Decoder {}
  for (const [value, expected] of [
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [undefined, "undefined"],
    [null, "null"],
    ["NaN", '"NaN"'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    [[], "an Array"],
    [{}, "an object"],
    [new Decoder(), "a Decoder"],
    [new Uint8Array(1), "a Uint8Array"],
    [new Int8Array(1), "an Int8Array"],
    [1n, "a BigInt"],
    [Symbol("x"), "a symbol"],
    [() => {}, "a function"],
    // A property of its own says nothing of its class: a file may have set it.
    [{ constructor: { name: "Decoder" } }, "an object"],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(61), `"${"x".repeat(57)}..."`],
  ] as const) {
    assert.is(show(value), expected);
  }
});

test("what a terminal would obey, or a reader not see, is escaped", () => {
  assert.is(show(`${ESCAPE}[31m\u0007\n\t\r`), '"\\u001b[31m\\u0007\\n\\t\\u000d"');
  assert.is(show("\u009b2J \u007f"), '"\\u009b2J \\u007f"');
  assert.is(show("a\u202eb\u2066c\u200bd\ufeff\u2028"), '"a\\u202eb\\u2066c\\u200bd\\ufeff\\u2028"');
  assert.is(show("\ud83dx\ude00"), '"\\ud83dx\\ude00"');
  assert.is(show("\u{1f600} ż 漢"), '"\u{1f600} ż 漢"');
  assert.is(show("\u{e0041}"), '"\\udb40\\udc41"');
  assert.is(showPath(`/a/${ESCAPE}b`), "/a/\\u001bb");
  // Never a half of a character or of an escape at the end.
  for (let length = 50; length < 66; length++) {
    const cut = show("x".repeat(length) + "\u{1f600}".repeat(9));
    assert.ok(isOneShortLine(cut, 62) && cut.endsWith('..."'), cut);
    const escapes = show("x".repeat(length) + "\u001b".repeat(9));
    assert.match(escapes, /^"x+(\\u001b)*\.\.\."$/);
  }
});

test("what was thrown is named, whatever it is", () => {
  for (const value of oddValues()) assert.ok(isOneShortLine(messageOf(value), 400));
  assert.is(messageOf(new Error("so it is")), "so it is");
  assert.is(messageOf("a text"), "a text");
  assert.is(messageOf({ message: "like an error" }), "like an error");
  assert.ok(isOneShortLine(messageOf(new Error(ESCAPE + "x".repeat(1_000_000))), 400));
});

/** The error of ours that a call has to fail with. */
async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    if (error instanceof LatentflowError) return error;
    throw error;
  }
  return assert.unreachable("nothing was refused") as never;
}

test("odd values of arguments and options are refused by a short message", async () => {
  const decoder = createDecoder({ layers: [2, 3], loss: "mse" });
  const y = new Float32Array(6);
  for (const value of oddValues()) {
    const given = value as never;
    for (const call of [
      () => encode(given, y),
      () => encode(decoder, given),
      () => encode(decoder, y, { weights: given }),
      () => encode(decoder, y, { batchSize: given }),
      () => encode(decoder, y, { onAbort: given }),
      () => decode(decoder, given),
      () => checkNumber("x", value),
      () => loadDecoder(typeof value === "string" ? (1 as never) : given),
    ]) {
      const { message } = await errorOf(call);
      assert.ok(isOneShortLine(message, 400), escapeText(message, 400));
    }
  }
});

test("the name of an unknown option is escaped and cut", async () => {
  const unknown = { [`${ESCAPE}${"x".repeat(1_000_000)}`]: 1 };
  const { message } = await errorOf(() => checkOptions<object>(unknown, { a: true, b: true }));
  assert.match(message, /^unknown option "\\u001bx+\.\.\."; the options are a, b$/);
});

test("what a file says is escaped and cut in messages", async () => {
  const long = ESCAPE + "x".repeat(500_000);
  const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const files: Record<string, unknown>[] = [
    { [long]: { ...entry, dtype: long } },
    { [long]: { ...entry, shape: { constructor: { name: long } } } },
    { [long]: entry },
    { [`${long}.0.weight`]: entry },
    { [`${long}.0.bias`]: entry },
    { a: { constructor: { name: 5 } } },
    { a: { ...entry, dtype: { constructor: { name: null } } } },
    { __metadata__: { [long]: { constructor: { name: long } } } },
  ];
  for (const header of files) {
    const bytes = fileOf(header, new Uint8Array(4));
    const { message } = await errorOf(() => loadDecoder(bytes, { activation: "elu" }));
    assert.ok(isOneShortLine(message, 600), escapeText(message, 600));
  }
  assert.ok(showLengths(new Array(1000).fill(7)).length < 60);
  const there = { [long]: long, version: { constructor: { name: 3 } } as never };
  for (const each of differences(there, {})) {
    const text = showDifference(each.name, each);
    assert.ok(isOneShortLine(text, 200), escapeText(text, 300));
  }
});

test("prefixes of tensors that look alike when cut are still two", async () => {
  const prefix = "x".repeat(100);
  const offsets = (i: number, n: number) => ({ dtype: "F32", data_offsets: [i, i + n] });
  const header = {
    [`${prefix}a.0.weight`]: { ...offsets(0, 4), shape: [1, 1] },
    [`${prefix}a.0.bias`]: { ...offsets(4, 4), shape: [1] },
    [`${prefix}b.1.weight`]: { ...offsets(8, 4), shape: [1, 1] },
    [`${prefix}b.1.bias`]: { ...offsets(12, 4), shape: [1] },
  };
  const bytes = fileOf(header, new Uint8Array(16));
  await rejected(loadDecoder(bytes, { activation: "elu" }), "needs_conversion", /expected one prefix/);
  assert.is(readSafetensors(bytes).tensors.size, 4);
});

test.run();
