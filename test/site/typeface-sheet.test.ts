// Tests site/typeface-page/given.ts and sheet.ts: letters given in place of an alphabet's own, set texts, the SVG sheet.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BASELINE,
  bearingsOf,
  FIELD_SIZE,
  fieldOf,
  HEIGHT,
  LETTERS,
  SAMPLE_SIZE,
  setBearings,
  WIDTH,
} from "../../examples/typefaces/geometry/cell.ts";
import { contoursOf } from "../../examples/typefaces/geometry/contours.ts";
import { drawLetters } from "../../examples/typefaces/geometry/drawn-letters.ts";
import { coverageOf, overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import { placeText, widthOfInk } from "../../examples/typefaces/geometry/layout.ts";
import { drawnBy } from "../../site/typeface-page/address.ts";
import {
  contoursIn,
  drawnLetters,
  type GivenLetter,
  joinFields,
  lettersWithoutInk,
  withGiven,
} from "../../site/typeface-page/given.ts";
import { LICENCE, leftOutOf, pathOf, setText, sheetSvg } from "../../site/typeface-page/sheet.ts";

const hand = { radius: 1 };
const alphabet = drawLetters("aehnot", hand);
for (const letter of LETTERS) setBearings(alphabet, letter, { advance: 12, left: 1 });

/** Numbers of each contour of a path: its first point, then control point and end of each curve. */
function contoursOfPath(path: string): number[][] {
  const contours = path.split("Z").filter((contour) => contour !== "");
  return contours.map((contour) => (contour.match(/-?[\d.]+/g) ?? []).map(Number));
}

/** Area between a path's curves: what runs around holes counts against it. */
function areaOf(path: string): number {
  let area = 0;
  for (const numbers of contoursOfPath(path)) {
    let [x, y] = numbers as [number, number];
    for (let i = 2; i < numbers.length; i += 4) {
      const [cx, cy, endX, endY] = numbers.slice(i, i + 4) as [number, number, number, number];
      // Green's theorem: the chord's part, and two thirds of the triangle of chord and control point.
      area += (x * endY - endX * y) / 2;
      area += ((cx - x) * (endY - y) - (endX - x) * (cy - y)) / 3;
      [x, y] = [endX, endY];
    }
  }
  return area;
}

/** A field's ink as a path. */
const pathOfField = (field: Float32Array) => pathOf(contoursOf(field));

/** A letter given by its field alone. */
const givenBy = (letter: string, field: Float32Array): GivenLetter => ({
  letter,
  field,
  contours: contoursOf(field),
});

test("drawn letters become fields as a script's pen draws them, centred wherever they were drawn", () => {
  const { drawn } = drawnBy("noa", hand);
  const moved = drawn.map(({ letter, strokes }) => ({
    letter,
    strokes: strokes.map((stroke) => stroke.map((value, i) => (i % 2 === 0 ? value - 5 : value))),
  }));
  const given = drawnLetters([...moved, { letter: "z", strokes: [] }], hand);
  assert.equal(
    given.map(({ letter }) => letter),
    ["n", "o", "a"],
    "a letter without strokes is not given",
  );
  for (const { letter, field } of given) {
    const { common, either } = overlapOf(field, fieldOf(alphabet, letter));
    assert.ok(common / either > 0.93, `${letter}: ${common / either}`);
  }
  assert.equal(joinFields(given).subarray(1280, 2560), given[1]!.field);
});

test("a pen's lower edge stands on the baseline, whatever its nib", () => {
  for (const hand of [{ radius: 1 }, { radius: 2.4, contrast: 3 }]) {
    const field = fieldOf(drawLetters("e", hand), "e");
    const rows = Array.from({ length: HEIGHT }, (_, row) => field.subarray(row * WIDTH, (row + 1) * WIDTH));
    const last = rows.map((row) => row.some((value) => value > 0)).lastIndexOf(true);
    assert.is(last, BASELINE - 1, JSON.stringify(hand));
  }
});

test("a path of curves has the area of a field's ink, holes left out, and no corner", () => {
  for (const letter of "aehnot") {
    const field = fieldOf(alphabet, letter);
    const ink = field.reduce((sum, value) => sum + coverageOf(value), 0);
    const path = pathOfField(field);
    const area = areaOf(path);
    assert.ok(Math.abs(area - ink) < 0.06 * ink, `${letter}: ${area}, ${ink} pixels of ink`);
    assert.match(path, /^(M[-\d. ]+(Q[-\d. ]+)+Z)+$/, "quadratic curves alone");
    for (const numbers of contoursOfPath(path)) {
      assert.equal(numbers.slice(0, 2), numbers.slice(-2), "a contour ends where it began");
      for (let i = 2; i + 5 < numbers.length; i += 4) {
        const [cx, cy, x, y, nextX, nextY] = numbers.slice(i, i + 6) as [
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const bend = (x - cx) * (nextY - y) - (y - cy) * (nextX - x);
        // Numbers of a path are rounded to hundredths.
        assert.ok(Math.abs(bend) < 0.03, `${letter} has a corner at ${x} ${y}: ${bend}`);
      }
    }
  }
  assert.is(pathOfField(new Float32Array(FIELD_SIZE).fill(-1)), "");
});

test("thin strokes are shown whole, where a field of whole pixels breaks them", () => {
  const pen = { radius: 0.8, contrast: 2.5 };
  const strokes = [[6, 12, 26, 15, 6, 30, 26, 30.5]];
  const [thin] = drawnLetters([{ letter: "z", strokes }], pen);
  assert.is(thin!.contours.length, 1);
  assert.ok(contoursOf(thin!.field).length > 1, "the field's own contours are several");
});

test("letters without ink are named", () => {
  assert.is(lettersWithoutInk(alphabet), "bcdfgijklmpqrsuvwxyz");
});

/** Least distance between the ink of neighbours, in the pixels of the same row. */
function leastDistance(sample: Float32Array, text: string): number {
  const { placed } = placeText(sample, text);
  let least = Number.POSITIVE_INFINITY;
  for (const [i, { letter, cell }] of placed.slice(1).entries()) {
    const before = placed[i]!;
    for (let row = 0; row < 40; row++) {
      const inked = (name: string) =>
        [...fieldOf(sample, name).subarray(32 * row, 32 * row + 32)].map((value) => value > 0);
      const [right, left] = [inked(before.letter).lastIndexOf(true), inked(letter).indexOf(true)];
      if (right >= 0 && left >= 0) least = Math.min(least, cell + left - (before.cell + right + 1));
    }
  }
  return least;
}

test("letters that would run into each other are moved apart, and others stand where their bearings put them", () => {
  const black = drawLetters("aehnot", { radius: 2.2 });
  for (const letter of LETTERS) setBearings(black, letter, { advance: 12, left: 0 });
  // Whole pixels of ink, which a line between two pixels' values differs from by half a pixel at each side.
  assert.ok(leastDistance(black, "nohateohn") > 0.5, `${leastDistance(black, "nohateohn")}`);
  for (const letter of LETTERS) setBearings(black, letter, { advance: 3, left: 0 });
  assert.ok(leastDistance(black, "n o h a") > 4, `${leastDistance(black, "n o h a")}`);
  for (const letter of LETTERS) setBearings(black, letter, { advance: 24, left: 3 });
  assert.equal(
    placeText(black, "no hat").placed.map(({ origin }) => origin),
    [0, 24, 55, 79, 103],
  );
  // As close as a space's least distance, within a word behind one.
  const wide = widthOfInk(fieldOf(black, "n"));
  for (const letter of LETTERS) setBearings(black, letter, { advance: wide + 2, left: 1 });
  const [, second, third] = placeText(black, "n nn").placed;
  assert.ok(Math.abs(third!.origin - second!.origin - (wide + 2)) < 1e-4, "a letter behind a word's first");
  // Ink that meets from corner to corner alone: the left letter's ends a row above where the right one's begins.
  const steps = drawLetters("", { radius: 1 });
  fieldOf(steps, "a")
    .fill(-1)
    .fill(1, 10 * 32, 10 * 32 + 20);
  fieldOf(steps, "b")
    .fill(-1)
    .fill(1, 11 * 32 + 12, 12 * 32);
  for (const letter of "ab") setBearings(steps, letter, { advance: letter === "a" ? 20 : 25, left: 0 });
  const [left, right] = placeText(steps, "ab").placed;
  assert.ok(right!.origin - left!.origin > 21, "neighbouring rows keep the least distance, too");
  for (const letter of LETTERS) setBearings(black, letter, { advance: 3, left: 0 });
  const { placed, width } = placeText(black, "noho");
  for (const [i, { origin, advance }] of placed.entries()) {
    const next = placed[i + 1]?.origin ?? width;
    assert.ok(Math.abs(origin + advance - next) < 1e-4, "advances lead to the next letter");
  }
});

test("given letters stand in an alphabet as they are; drawn ones keep its distances, a font's have their own", () => {
  const wide = drawLetters("n", { radius: 1, stretch: 1.4 });
  const field = fieldOf(wide, "n");
  const drawn = withGiven(alphabet, [givenBy("n", field)]);
  assert.equal(fieldOf(drawn, "n"), field);
  const { advance, left } = bearingsOf(drawn, "n");
  const own = widthOfInk(fieldOf(alphabet, "n"));
  assert.ok(Math.abs(left - 1) < 1e-5);
  assert.ok(Math.abs(advance - 12 - (widthOfInk(field) - own)) < 1e-4 && advance > 14, `${advance}`);
  const font = withGiven(alphabet, [{ ...givenBy("n", field), bearings: { advance: 20, left: 2 } }]);
  assert.ok(Math.abs(bearingsOf(font, "n").advance - 20) < 1e-5);
  assert.is(alphabet.length, SAMPLE_SIZE);
  assert.is.not(fieldOf(alphabet, "n")[0], undefined);
});

test("a text is broken between words, its capitals are small letters, and what it leaves out is named", () => {
  const wide = alphabet.slice();
  for (const letter of LETTERS) setBearings(wide, letter, { advance: 20, left: 3 });
  const one = setText(wide, [], "Oh no", 1000);
  assert.equal(
    one.letters.map(({ letter }) => letter),
    [..."ohno"],
  );
  assert.ok(Math.abs(one.width - (4 * 20 + 7)) < 1e-4);
  const two = setText(wide, [], "oh no", 60);
  assert.ok(two.height > one.height && two.width < one.width);
  assert.is(setText(wide, [], "nononono", 60).letters.length, 8, "a word that is too long stands alone");
  assert.is(setText(wide, [], "", 60).letters.length, 0);
  const odd = setText(wide, [], "N4!É", 1000);
  assert.equal([odd.letters.length, Math.round(odd.width)], [1, 20 + 3 * 7], "a space for each");
  assert.equal(leftOutOf("N4!É 4"), ["4", "!", "é"]);
  assert.equal(leftOutOf("the Quick fox"), []);
});

test("the sheet has all letters, the sentence and the licence, given letters in black, and names no font", () => {
  const [given] = drawnLetters(drawnBy("n", hand).drawn, hand);
  const svg = sheetSvg(alphabet, [given!], "no hat");
  assert.match(svg, /<title>Draft alphabet made with latentflow<\/title>/);
  assert.ok(svg.includes(`<desc>${LICENCE}</desc>`));
  const letters = [...svg.matchAll(/<path id="(.)" fill="([^"]+)" d="([^"]*)"/g)];
  assert.equal(
    letters.map(([, letter]) => letter),
    [...LETTERS],
  );
  const colours = new Set(letters.map(([, letter, fill]) => `${letter === "n" ? "given" : "draft"} ${fill}`));
  assert.equal(colours, new Set(["draft #3451b2", "given #000"]));
  assert.not.match(svg, /NaN|undefined|Infinity|<font|@font-face/);
  const sentence = [...svg.matchAll(/<path fill="([^"]+)" d="([^"]+)"/g)];
  assert.is(sentence.map(([, fill]) => (fill === "#000" ? "n" : "-")).join(""), "n----");
  for (const [i, letter] of [..."nohat"].entries()) {
    const area = areaOf(pathOf(contoursIn(alphabet, [given!], letter)));
    assert.ok(Math.abs(areaOf(sentence[i]![2]!) - area) < 0.01 * area, letter);
  }
});

test.run();
