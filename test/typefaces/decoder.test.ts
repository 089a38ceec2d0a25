// run: slow
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { completeSamples } from "../../examples/typefaces/completion.ts";
import {
  bearingsOf,
  FIELD_SIZE,
  fieldOf,
  LETTERS,
  SAMPLE_SIZE,
} from "../../examples/typefaces/geometry/cell.ts";
import { drawLetters } from "../../examples/typefaces/geometry/drawn-letters.ts";
import { countParts, overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import { placeText } from "../../examples/typefaces/geometry/layout.ts";
import { type Decoder, loadDecoder, wasm } from "../../src/index.ts";

// The decoder that examples/typefaces has trained, and letters drawn by a script.

const file = fileURLToPath(new URL("../../examples/typefaces/decoder.safetensors", import.meta.url));
const GIVEN = "noa";
const drawn = drawLetters(GIVEN, { radius: 1 });
let decoder: Decoder;
let completed: Float32Array;

test.before(async () => {
  decoder = await loadDecoder(readFileSync(file));
  completed = await completeSamples(decoder, drawn, GIVEN, wasm({ threads: 1 }));
});

test("the file has at most 7 MB, its probe agrees, and its prior is of its codes", () => {
  assert.ok(statSync(file).size <= 7e6, `${statSync(file).size} bytes`);
  assert.is(decoder.verified, true, decoder.unverifiedReason ?? "");
  assert.is(decoder.outputSize, SAMPLE_SIZE);
  assert.is(decoder.prior?.latentSize, decoder.latentSize);
});

test("letters that are given come out much as they were drawn", () => {
  for (const letter of GIVEN) {
    const { common, either } = overlapOf(fieldOf(completed, letter), fieldOf(drawn, letter));
    assert.ok(common / either > 0.6, `${letter}: ${common / either}`);
  }
});

test("letters that are not given are letters: ink in one part, or two of i and j", () => {
  const wrong = [...LETTERS].filter(
    (letter) => countParts(fieldOf(completed, letter)) !== ("ij".includes(letter) ? 2 : 1),
  );
  assert.ok(wrong.length <= 2, `${wrong.join("")} are in other parts`);
});

test("a bolder pen makes every letter bolder", async () => {
  const bold = drawLetters(GIVEN, { radius: 2 });
  const alphabet = await completeSamples(decoder, bold, GIVEN, wasm({ threads: 1 }));
  const inkOf = (sample: Float32Array, letter: string) =>
    overlapOf(fieldOf(sample, letter), new Float32Array(FIELD_SIZE).fill(1)).common;
  for (const letter of LETTERS) assert.ok(inkOf(alphabet, letter) > 1.2 * inkOf(completed, letter), letter);
});

test("advances set a text: an i takes less room than an m", () => {
  assert.ok(bearingsOf(completed, "i").advance < 0.5 * bearingsOf(completed, "m").advance);
  const { placed, width } = placeText(completed, "in a");
  assert.equal(
    placed.map(({ letter }) => letter),
    ["i", "n", "a"],
  );
  assert.ok(placed.every(({ origin }, i) => i === 0 || origin > placed[i - 1]!.origin));
  assert.ok(width > placed.at(-1)!.origin);
});

test.run();
