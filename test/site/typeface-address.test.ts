// Tests site/typeface-page/address.ts and strokes.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fieldOfStrokes } from "../../examples/typefaces/geometry/fields.ts";
import { overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import {
  drawnBy,
  firstState,
  HANDS,
  nextSeed,
  RANGES,
  readAddress,
  type TypefaceState,
  writeAddress,
} from "../../site/typeface-page/address.ts";
import { keptStrokes, packLetters, simplified, unpackLetters } from "../../site/typeface-page/strokes.ts";

/** A stroke as a hand draws it: many points, on a circle of the letter o. */
const circle = Array.from({ length: 400 }, (_, i) => {
  const angle = (i / 399) * 2 * Math.PI;
  return [16 + 6 * Math.cos(angle), 22 + 7 * Math.sin(angle)];
}).flat();

const changed: TypefaceState = {
  ...firstState(),
  drawn: [
    { letter: "o", strokes: [simplified(circle)] },
    { letter: "q", strokes: [] },
    { letter: "i", strokes: [[0, 40], simplified([16, 15.01, 16.02, 29.3])] },
  ],
  pen: 0.8,
  contrast: 2.5,
  sentence: "So & so = 100 %, “ja”?",
  weight: -0.15,
  slant: 0.3,
  width: -0.12,
  seed: 2 ** 31 - 1,
};

test("an address brings back the state that it was written of, bit for bit", () => {
  const hands = HANDS.map(({ letters, hand }) => ({ ...firstState(), ...drawnBy(letters, hand) }));
  for (const state of [firstState(), changed, ...hands]) {
    assert.equal(readAddress(`#${writeAddress(state)}`), state);
  }
  assert.equal(readAddress("#v=1"), firstState(), "what is missing has its first value");
  assert.is(nextSeed(changed.seed), 0);
});

test("an address is short enough for every browser and most chats", () => {
  assert.ok(writeAddress(firstState()).length < 700, `${writeAddress(firstState()).length}`);
});

test("a link to a heading, another version, and every broken part are refused as a whole", () => {
  const whole = writeAddress(changed);
  const bytes = packLetters(changed.drawn);
  const drawing = (broken: Iterable<number>) =>
    `#v=1&drawn=${btoa(String.fromCharCode(...broken))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "")}`;
  const refused = [
    "",
    "#what-it-is",
    "#v=2&pen=1",
    `#${whole}&colour=red`,
    `#${whole}&seed=1`,
    `#${whole.replace("pen=0.8", "pen=0.85")}`,
    `#${whole.replace("pen=0.8", "pen=9")}`,
    `#${whole.replace("weight=-0.15", "weight=--0.15")}`,
    `#v=1&sentence=${"a".repeat(81)}`,
    "#v=1&drawn=%%%",
    drawing(bytes.slice(0, -1)),
    drawing([...bytes, 0]),
    drawing([52, 0]),
    drawing([0, 0, 26, 0]),
    drawing([0, 0, 0, 0]),
    drawing([0, 1, 0]),
    drawing([0, 1, 1, 193, 0]),
    drawing([0, 1, 1, 0, 241]),
  ];
  for (const hash of refused) assert.is(readAddress(hash), undefined, hash);
  assert.equal(readAddress(drawing(bytes))?.drawn, changed.drawn);
});

test("the first stroke replaces a ready-made letter, later ones are added, also from a link", () => {
  for (const { drawn } of [firstState(), readAddress(writeAddress(firstState()))!]) {
    for (const letter of drawn) assert.equal(keptStrokes(letter), [], letter.letter);
  }
  const own = { letter: "n", strokes: [simplified(circle)] };
  const read = readAddress(writeAddress({ ...firstState(), drawn: [own] }))!;
  assert.equal(keptStrokes(read.drawn[0]!), own.strokes);
});

test("a stroke keeps its form with few points, however long it is", () => {
  const few = simplified(circle);
  assert.ok(few.length < 80, `${few.length / 2} points`);
  const pen = { radius: 1 };
  const { common, either } = overlapOf(fieldOfStrokes([circle], pen), fieldOfStrokes([few], pen));
  assert.ok(common / either > 0.94, `${common / either}`);
  // A scribble, of which every point matters.
  const scribble = Array.from({ length: 2000 }, (_, i) => [
    16 + 15 * Math.sin(1.7 * i),
    20 + 19 * Math.sin(2.3 * i),
  ]);
  const drawn = [{ letter: "s", strokes: [simplified(scribble.flat())] }];
  assert.ok(drawn[0]!.strokes[0]!.length <= 2 * 255);
  assert.equal(unpackLetters(packLetters(drawn)), drawn);
  assert.equal(simplified([3, 4]), [3, 4], "a dot");
  assert.equal(simplified([-5, 60]), [0, 40], "places outside are moved to the cell's sides");
});

test("more strokes than a letter may have are refused, and letters too large for an address stay out of it", () => {
  const letter = (name: string, strokes: number, points: number) => ({
    letter: name,
    strokes: Array.from({ length: strokes }, () => Array.from({ length: 2 * points }, () => 5)),
  });
  const read = (drawn: ReturnType<typeof letter>[]) => readAddress(writeAddress({ ...firstState(), drawn }));
  assert.is(read([letter("n", 60, 2)])!.drawn[0]!.strokes.length, 60);
  assert.is(read([letter("n", 61, 2)]), undefined);
  const large = [..."abcdefghijklmnopqrstuvwxyz"].map((name) => letter(name, 60, 255));
  assert.not.match(writeAddress({ ...firstState(), drawn: large }), /drawn=/);
});

test("every slider's first value and ends are in the address's range", () => {
  for (const [name, { min, max, step }] of Object.entries(RANGES)) {
    for (const value of [min, max, Number((min + step).toFixed(2))]) {
      const state = { ...firstState(), [name]: value };
      assert.equal(readAddress(writeAddress(state)), state, `${name} ${value}`);
    }
  }
});

test.run();
