import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Decoder } from "../src/decoder/decoder.ts";
import { createDecoder } from "../src/decoder/initialise.ts";
import { LatentflowError } from "../src/errors.ts";
import { binaryCrossEntropy } from "../src/loss.ts";
import { createRandom } from "../src/random.ts";
import { decoderOf } from "./support/safetensors-file.ts";

// Mutated files are refused with an error of ours or loaded, never anything else, and in bounded time and memory.

const random = createRandom(2412);
const below = (limit: number) => Math.floor(random.uniform() * limit);
const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;

const originals = [
  ...["tiny-bce-elu", "tiny-mse-tanh"].map(
    (name) => new Uint8Array(readFileSync(new URL(`vectors/${name}.safetensors`, import.meta.url))),
  ),
  createDecoder({ layers: [2, 3, 4], outputShape: [2, 2], loss: binaryCrossEntropy() }).toSafetensors(),
];

const headerLengthOf = (file: Uint8Array) => new DataView(file.buffer).getUint32(0, true);

/** The file with its header's text changed, its length made to agree. */
function withHeader(file: Uint8Array, change: (json: string) => string): Uint8Array {
  const end = 8 + headerLengthOf(file);
  const json = new TextEncoder().encode(change(new TextDecoder().decode(file.subarray(8, end))));
  const changed = new Uint8Array(8 + json.length + file.length - end);
  new DataView(changed.buffer).setUint32(0, json.length, true);
  changed.set(json, 8);
  changed.set(file.subarray(end), 8 + json.length);
  return changed;
}

/** One match of `pattern`, chosen at random, replaced. */
function replaceOne(text: string, pattern: RegExp, replacement: string): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const { index, 0: found } = pick(matches);
  return text.slice(0, index) + replacement + text.slice(index! + found.length);
}

const numbers =
  "0,-0,1,-1,3,4,0.5,1e2,1e308,1e400,255,4294967296,4611686018427387904,9007199254740991,-1e99".split(",");
const values = ["null", "true", '"x"', "[]", "{}", "[[[[]]]]", '""', "NaN", '{"a":1}', "[1,2,3]", ...numbers];
const words = [
  "F16",
  "BF16",
  "F64",
  "I32",
  "__proto__",
  "constructor",
  "__metadata__",
  "",
  "\\u0000",
  "decoder.00.weight",
];
const pieces = ["{", "}", "[", "]", ",", ":", '"', "\\", "\u2028", "\ud800", "é", " ", "\n"];

const mutations: Record<string, (file: Uint8Array) => Uint8Array> = {
  "bits flipped"(file) {
    const changed = file.slice();
    for (let flips = 1 + below(4); flips > 0; flips--) changed[below(changed.length)]! ^= 1 << below(8);
    return changed;
  },
  "bytes of the header's length"(file) {
    const changed = file.slice();
    changed[below(8)] = below(256);
    return changed;
  },
  truncated: (file) => file.slice(0, below(file.length)),
  extended(file) {
    const changed = new Uint8Array(file.length + 1 + below(64));
    changed.set(file);
    return changed;
  },
  "a part moved"(file) {
    const start = below(file.length);
    return file.slice().copyWithin(below(file.length), start, start + below(100));
  },
  "a number of the header": (file) => withHeader(file, (json) => replaceOne(json, /\d+/g, pick(numbers))),
  "a value of the header": (file) =>
    withHeader(file, (json) => replaceOne(json, /(?<=:)("[^"]*"|\[[^\]]*\]|\{[^{}]*\})/g, pick(values))),
  "a word of the header": (file) =>
    withHeader(file, (json) => replaceOne(json, /(?<=")[\w.]+(?=")/g, pick(words))),
  "a piece put into the header": (file) =>
    withHeader(file, (json) => {
      const at = below(json.length);
      return json.slice(0, at) + pick(pieces) + json.slice(at + below(2));
    }),
  "a part of the header repeated or lost": (file) =>
    withHeader(file, (json) => {
      const [start, end] = [below(json.length), below(json.length)];
      return json.slice(0, start) + json.slice(end);
    }),
  "an entry of the metadata": (file) =>
    withHeader(file, (json) => {
      const key = pick(["activation", "outputActivation", "loss", "reduction", "outputShape"]);
      const text = pick([...values, "bce", "mse", "sum", "tanh", "[2,2]", '{"name":"elu","alpha":2}']);
      const header = JSON.parse(json);
      header.__metadata__[key] = text;
      return JSON.stringify(header);
    }),
};

/** Loads the file or sees it refused by an error of ours; anything else fails the test. */
function loadOrRefuse(file: Uint8Array): Decoder | LatentflowError {
  try {
    return decoderOf(file);
  } catch (error) {
    if (error instanceof LatentflowError) return error;
    throw error;
  }
}

const outcomes = { loaded: 0, refused: 0 };
const allocated = () => process.memoryUsage().arrayBuffers;

for (const [name, mutate] of Object.entries(mutations)) {
  test(name, () => {
    for (let round = 0; round < 500; round++) {
      let file = mutate(pick(originals));
      if (below(4) === 0) file = mutations["bits flipped"]!(file);

      const allocatedBefore = allocated();
      const start = process.cpuUsage();
      const outcome = loadOrRefuse(file);
      // The processor's time: it may be at work for others.
      const time = process.cpuUsage(start).user / 1000;
      const grown = allocated() - allocatedBefore;
      assert.ok(time < 1000, `round ${round} took ${time} ms`);
      assert.ok(
        grown <= 4 * file.length,
        `round ${round} allocated ${grown} bytes for a file of ${file.length}`,
      );

      if (outcome instanceof LatentflowError) {
        outcomes.refused++;
        assert.ok(["invalid_file", "invalid_argument"].includes(outcome.code), outcome.message);
        assert.ok(outcome.message.length < 1000, outcome.message);
      } else {
        outcomes.loaded++;
        assert.ok(outcome.parameters.every(Number.isFinite));
        assert.equal(decoderOf(outcome.toSafetensors()), outcome);
      }
    }
  });
}

test("the mutations leave files of both kinds", () => {
  assert.ok(outcomes.loaded > 100, JSON.stringify(outcomes));
  assert.ok(outcomes.refused > 2000, JSON.stringify(outcomes));
});

test.run();
