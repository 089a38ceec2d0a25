// run: slow
// Tests site/typeface-page/engine/: completions in the trunk, samples, what is looked up, and font files.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decode, encode, lbfgs, loadDecoder, sampleCodes } from "latentflow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COEFFICIENTS, COMPONENTS, fieldFrom, projected } from "../../examples/typefaces/basis.ts";
import {
  FIELD_SIZE,
  FIELDS_SIZE,
  fieldOf,
  LETTERS,
  SAMPLE_SIZE,
  weightsOf,
} from "../../examples/typefaces/geometry/cell.ts";
import { drawLetters } from "../../examples/typefaces/geometry/drawn-letters.ts";
import { coverageOf, overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import { nearestRow } from "../../examples/typefaces/nearest.ts";
import type { WorkerLike } from "../../site/page/engine/client.ts";
import directions from "../../site/typeface-page/data/directions.json";
import styleList from "../../site/typeface-page/data/styles.json";
import { readFont } from "../../site/typeface-page/engine/font-file.ts";
import { HANDLERS, type Workshop } from "../../site/typeface-page/engine/handlers.ts";
import type { Given, TypefaceCalls } from "../../site/typeface-page/engine/messages.ts";
import { readFontWithin } from "../../site/typeface-page/read-font.ts";

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const dataUrl = (file: string) =>
  `data:application/octet-stream;base64,${readFileSync(pathOf(file)).toString("base64")}`;

const shop: Workshop = {};

function call<Name extends keyof TypefaceCalls>(
  name: Name,
  given: TypefaceCalls[Name]["arguments"],
  report: (value: TypefaceCalls[Name]["progress"]) => void = () => {},
): Promise<TypefaceCalls[Name]["reply"]> {
  const running = { signal: new AbortController().signal, report };
  return HANDLERS[name](shop, given as never, running as never) as Promise<TypefaceCalls[Name]["reply"]>;
}

const LETTERS_GIVEN = "noa";
const drawn = drawLetters(LETTERS_GIVEN, { radius: 1 });
const given: Given = givenOf(drawn, LETTERS_GIVEN);

function givenOf(sample: Float32Array, letters: string): Given {
  const fields = new Float32Array(letters.length * FIELD_SIZE);
  for (const [i, letter] of [...letters].entries()) fields.set(fieldOf(sample, letter), i * FIELD_SIZE);
  return { letters, fields };
}

/** Ink of an alphabet, in pixels. */
const inkOf = (alphabet: Float32Array) =>
  alphabet.subarray(0, FIELDS_SIZE).reduce((sum, value) => sum + coverageOf(value), 0);

/** Intersection over union of the ink of whole alphabets. */
function likeness(one: Float32Array, other: Float32Array): number {
  const { common, either } = overlapOf(one.subarray(0, FIELDS_SIZE), other.subarray(0, FIELDS_SIZE));
  return common / either;
}

const decoder = await loadDecoder(readFileSync(pathOf("examples/typefaces/decoder.safetensors")));
let arrived = 0;
await call("load", { url: dataUrl("examples/typefaces/decoder.safetensors") }, ({ bytes }) => {
  arrived = bytes;
});
await call("loadStyles", { url: dataUrl("site/typeface-page/data/styles.npy") });
const completed = await call("complete", given);

test("loading reports its bytes, up to all of them", () => {
  assert.is(arrived, readFileSync(pathOf("examples/typefaces/decoder.safetensors")).length);
});

test("a code found by the trunk lowers the whole decoder's objective as far as one found by that", async () => {
  const options = { weights: weightsOf(LETTERS_GIVEN), prior: decoder.prior };
  const found = await encode(decoder, drawn, { ...options, z0: completed.z });
  assert.ok(likeness(await decode(decoder, found.z), completed.alphabet) > 0.99);
  assert.equal(await decode(decoder, completed.z), completed.alphabet);
});

test("a quick search from the code of other letters comes near the whole one", async () => {
  const other = await call("complete", givenOf(drawLetters("noa", { radius: 1.3 }), "noa"));
  const quick = await call("complete", { ...given, z0: other.z, quick: true });
  assert.ok(likeness(quick.alphabet, completed.alphabet) > 0.8);
  const again = await call("complete", { ...given, z0: completed.z, quick: true });
  assert.ok(likeness(again.alphabet, completed.alphabet) > 0.999, "it starts at the code that is given");
});

test("of the starts at the prior's Gaussians the lowest objective wins", async () => {
  const alone = drawLetters("n", { radius: 1 });
  const { z } = await call("complete", givenOf(alone, "n"));
  const options = { weights: weightsOf("n"), prior: decoder.prior, z0: z, solver: lbfgs({ maxSteps: 0 }) };
  const { objective } = await encode(decoder, alone, options);
  // PyTorch's L-BFGS in float64 comes from the four means to 3.9528, 3.9528, 3.9528 and 8.9054, without (2π)^(-d/2).
  assert.ok(Math.abs(FIELD_SIZE * objective[0]! - 3.9528) < 0.01, `${FIELD_SIZE * objective[0]!}`);
});

test("each direction does what its slider says", async () => {
  const moved = (direction: readonly number[], by: number) =>
    call("decode", { z: completed.z.map((value, i) => value + by * direction[i]!) });
  const ink = inkOf(completed.alphabet);
  assert.ok(inkOf(await moved(directions.weight, 0.5)) > 1.1 * ink, "bolder");
  assert.ok(inkOf(await moved(directions.weight, -0.5)) < 0.9 * ink, "lighter");
  // Mean over rows of the ink's middle: an l that leans to the right has its head to the right of its foot.
  const lean = (alphabet: Float32Array) => {
    const field = fieldOf(alphabet, "l");
    const middleOf = (row: number) => {
      const covered = Array.from(field.subarray(row * 32, row * 32 + 32), coverageOf);
      return (
        covered.reduce((sum, value, x) => sum + value * x, 0) / covered.reduce((sum, value) => sum + value, 0)
      );
    };
    return (middleOf(13) - middleOf(23)) / 10;
  };
  const upright = lean(completed.alphabet);
  assert.ok(Math.abs(upright) < 0.05, `${upright}`);
  assert.ok(lean(await moved(directions.slant, 0.2)) > upright + 0.1, "slanted");
  const widthOf = (alphabet: Float32Array) => {
    const columns = Array.from({ length: 32 }, (_, x) =>
      Array.from({ length: 40 }, (_, y) => fieldOf(alphabet, "m")[32 * y + x]! > 0).some(Boolean),
    );
    return columns.lastIndexOf(true) - columns.indexOf(true);
  };
  assert.ok(
    widthOf(await moved(directions.width, 0.2)) > widthOf(await moved(directions.width, -0.2)) + 2,
    "wider",
  );
});

test("other completions are other alphabets, with the letters that are given much as they are", async () => {
  const { alphabets, codes, weights } = await call("sample", { ...given, z: completed.z, count: 6, seed: 1 });
  assert.is(alphabets.length, 6 * SAMPLE_SIZE);
  assert.equal(
    weights,
    [...weights].sort((a, b) => b - a),
  );
  for (let i = 0; i < 6; i++) {
    const one = alphabets.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE);
    const shared = likeness(one, completed.alphabet);
    assert.ok(shared > 0.3 && shared < 0.98, `${shared}`);
    assert.ok(likeness(await call("decode", { z: codes[i]! }), one) > 0.999, "the code of the alphabet");
  }
});

test("other completions are drawn by a squared error of the variance that the prior's weight stands for", async () => {
  const { codes, weights } = await call("sample", { ...given, z: completed.z, count: 2, seed: 3 });
  const { trunk, basis } = shop.network!;
  const [y, precision] = [new Float32Array(trunk.outputSize), new Float32Array(trunk.outputSize)];
  for (const letter of LETTERS_GIVEN) {
    const index = LETTERS.indexOf(letter);
    y.set(projected(fieldOf(drawn, letter), index, basis), index * COMPONENTS);
    // The weight is 2s², the factor of the squared error in the likelihood 1/(2s²).
    precision.fill(1 / decoder.prior!.weight, index * COMPONENTS, (index + 1) * COMPONENTS);
  }
  const prior = { ...decoder.prior!, weight: 1 };
  const expected = await sampleCodes(
    trunk,
    y,
    { z: completed.z },
    { weights: precision, prior, count: 200, seed: 3 },
  );
  const heaviest = expected.weights.indexOf(Math.max(...expected.weights));
  assert.is(weights[0], expected.weights[heaviest]);
  const size = trunk.latentSize;
  assert.equal(codes[0], expected.codes.slice(heaviest * size, (heaviest + 1) * size));
});

test("the nearest style of a training style's letters is that style", async () => {
  const style = 400;
  const row = shop.styles!.subarray(style * COEFFICIENTS, (style + 1) * COEFFICIENTS);
  const own = new Float32Array(SAMPLE_SIZE);
  for (const [i, letter] of [...LETTERS].entries()) {
    fieldOf(own, letter).set(fieldFrom(row, i, shop.network!.basis));
  }
  const found = await call("nearest", givenOf(own, "gek"));
  assert.is(found.style, style);
  assert.ok(found.likeness > 0.999);
  assert.ok(likeness(found.fields, own) > 0.999);
});

test("the nearest style is that of all whose ink has most in common with drawn letters", async () => {
  const { style, likeness } = await call("nearest", given);
  const { letters, fields } = given;
  const all = nearestRow(shop.styles!, shop.network!.basis, letters, fields, Number.POSITIVE_INFINITY);
  assert.equal({ row: style, likeness }, all);
});

test("the linear completion gives an alphabet much like the decoder's", async () => {
  const fields = await call("linear", { ...given, ridge: styleList.ridge });
  assert.ok(likeness(fields, completed.alphabet) > 0.6, `${likeness(fields, completed.alphabet)}`);
});

test("every style has a family with an author", () => {
  assert.is(styleList.styles.length * COEFFICIENTS, shop.styles!.length);
  for (const { family } of styleList.styles) assert.ok(styleList.families[family]!.author.length > 2);
});

/** What opentype.js makes fonts with. */
interface FontMakers {
  readonly Font: new (of: object) => { toArrayBuffer(): ArrayBuffer };
  readonly Glyph: new (of: object) => object;
  readonly Path: new () => {
    moveTo(x: number, y: number): void;
    lineTo(x: number, y: number): void;
    close(): void;
  };
}
const NAMES = { familyName: "a", styleName: "b", unitsPerEm: 1000, ascender: 800, descender: -200 };

test("a font that takes too long is given up, and its worker ended", async () => {
  let isEnded = false;
  const stuck: WorkerLike = {
    postMessage() {},
    terminate() {
      isEnded = true;
    },
    onmessage: null,
    onerror: null,
  };
  await readFontWithin(new File([], "stuck.ttf"), 20, () => stuck).then(
    () => assert.unreachable(),
    ({ message }) =>
      assert.match(message, /^stuck\.ttf takes longer than 0\.02 seconds to read\. Choose another/),
  );
  assert.ok(isEnded);
});

test("a font file's letters are read; files that are none say so in a sentence", async () => {
  const font = readFileSync(pathOf("node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf"));
  const letters = await readFont(new File([font], "DejaVuSans.ttf"));
  assert.is(letters.map(({ letter }) => letter).join(""), LETTERS);
  const i = letters.find(({ letter }) => letter === "i")!;
  const m = letters.find(({ letter }) => letter === "m")!;
  assert.ok(i.bearings.advance < 0.5 * m.bearings.advance);
  const refused = async (file: File) => {
    try {
      await readFont(file);
    } catch (error) {
      return (error as Error).message;
    }
    return "none";
  };
  for (const file of [new File(["no font"], "a.ttf"), new File([font.subarray(0, 4000)], "a.ttf")]) {
    assert.is(
      await refused(file),
      "a.ttf cannot be read as a font. Choose a TTF, OTF or WOFF file (not WOFF2).",
    );
  }
  const { Font, Glyph } = (await import("opentype.js/dist/opentype.mjs")) as unknown as FontMakers;
  const glyphs = [".notdef", "n"].map(
    (name) => new Glyph({ name, advanceWidth: 500, unicode: name.codePointAt(0) }),
  );
  const noCapital = new Font({ ...NAMES, glyphs }).toArrayBuffer();
  assert.match(
    await refused(new File([noCapital], "n.otf")),
    /^n\.otf has no capital H, by which its letters/,
  );
  const large = { name: "large.ttf", size: 31e6 } as File;
  assert.match(await refused(large), /^large\.ttf has 31 MB, expected at most 30/);
});

test("a letter whose outline would take long is left out", async () => {
  const { Font, Glyph, Path } = (await import("opentype.js/dist/opentype.mjs")) as unknown as FontMakers;
  const comb = (teeth: number) => {
    const path = new Path();
    path.moveTo(50, 0);
    for (let i = 0; i < teeth; i++) path.lineTo(50 + (350 * i) / teeth, i % 2 === 0 ? 700 : 400);
    path.lineTo(400, 0);
    path.close();
    return path;
  };
  const glyphs = [
    ...[".notdef", "H", "n"].map((name) => ({ name, path: comb(20) })),
    { name: "o", path: comb(1200) },
  ].map(({ name, path }) => new Glyph({ name, path, advanceWidth: 450, unicode: name.codePointAt(0) }));
  const letters = await readFont(new File([new Font({ ...NAMES, glyphs }).toArrayBuffer()], "combs.otf"));
  assert.equal(
    letters.map(({ letter }) => letter),
    ["n"],
  );
});

test.run();
