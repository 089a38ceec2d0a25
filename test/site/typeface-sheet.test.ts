// Tests site/typeface-page/given.ts and sheet.ts: letters given in place of an alphabet's own, set texts, the SVG sheet.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bearingsOf,
  fieldOf,
  LETTERS,
  SAMPLE_SIZE,
  setBearings,
} from "../../examples/typefaces/geometry/cell.ts";
import { drawLetters } from "../../examples/typefaces/geometry/drawn-letters.ts";
import { coverageOf, overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import { widthOfInk } from "../../examples/typefaces/geometry/layout.ts";
import { drawnBy } from "../../site/typeface-page/address.ts";
import { drawnLetters, joinFields, withGiven } from "../../site/typeface-page/given.ts";
import { LICENCE, pathOf, setText, sheetSvg } from "../../site/typeface-page/sheet.ts";

const hand = { radius: 1 };
const alphabet = drawLetters("aehnot", hand);
for (const letter of LETTERS) setBearings(alphabet, letter, { advance: 12, left: 1 });

/** Area of closed contours: what runs around holes counts against it. */
function areaOf(path: string): number {
  const contours = path.split("Z").filter((contour) => contour !== "");
  return contours.reduce((sum, contour) => {
    const points = contour
      .slice(1)
      .split("L")
      .map((point) => point.split(" ").map(Number) as [number, number]);
    return points.reduce((own, [x, y], i) => {
      const [nextX, nextY] = points[(i + 1) % points.length]!;
      return own + (x * nextY - nextX * y) / 2;
    }, sum);
  }, 0);
}

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

test("a path has the area of a field's ink, holes left out", () => {
  for (const letter of "aehnot") {
    const field = fieldOf(alphabet, letter);
    const ink = field.reduce((sum, value) => sum + coverageOf(value), 0);
    const area = areaOf(pathOf(field));
    assert.ok(Math.abs(area - ink) < 0.05 * ink, `${letter}: ${area}, ${ink} pixels of ink`);
  }
  assert.is(pathOf(new Float32Array(1280).fill(-1)), "");
});

test("given letters stand in an alphabet as they are; drawn ones keep its distances, a font's have their own", () => {
  const wide = drawLetters("n", { radius: 1, stretch: 1.4 });
  const field = fieldOf(wide, "n");
  const drawn = withGiven(alphabet, [{ letter: "n", field }]);
  assert.equal(fieldOf(drawn, "n"), field);
  const { advance, left } = bearingsOf(drawn, "n");
  const own = widthOfInk(fieldOf(alphabet, "n"));
  assert.ok(Math.abs(left - 1) < 1e-5);
  assert.ok(Math.abs(advance - 12 - (widthOfInk(field) - own)) < 1e-4 && advance > 14, `${advance}`);
  const font = withGiven(alphabet, [{ letter: "n", field, bearings: { advance: 20, left: 2 } }]);
  assert.ok(Math.abs(bearingsOf(font, "n").advance - 20) < 1e-5);
  assert.is(alphabet.length, SAMPLE_SIZE);
  assert.is.not(fieldOf(alphabet, "n")[0], undefined);
});

test("a text is broken between words, and its capitals are small letters", () => {
  const one = setText(alphabet, "Oh no", 1000);
  assert.equal(
    one.letters.map(({ letter }) => letter),
    [..."ohno"],
  );
  assert.ok(Math.abs(one.width - (4 * 12 + 7)) < 1e-4);
  const two = setText(alphabet, "oh no", 40);
  assert.ok(two.height > one.height && two.width < one.width);
  assert.is(setText(alphabet, "nononono", 40).letters.length, 8, "a word that is too long stands alone");
  assert.is(setText(alphabet, "", 40).letters.length, 0);
});

test("the sheet has all letters, the sentence and the licence, and names no font", () => {
  const svg = sheetSvg(alphabet, "no hat");
  assert.match(svg, /<title>Draft alphabet made with latentflow<\/title>/);
  assert.ok(svg.includes(`<desc>${LICENCE}</desc>`));
  assert.equal(
    [...svg.matchAll(/<path id="(.)"/g)].map(([, letter]) => letter),
    [...LETTERS],
  );
  assert.not.match(svg, /NaN|undefined|Infinity|<font|@font-face/);
  const [, sentence] = /<path d="([^"]+)"/.exec(svg)!;
  const areas = [..."nohat"].map((letter) => areaOf(pathOf(fieldOf(alphabet, letter))));
  const sum = areas.reduce((total, area) => total + area, 0);
  assert.ok(Math.abs(areaOf(sentence!) - sum) < 0.01 * sum, "each letter of the sentence once");
});

test.run();
