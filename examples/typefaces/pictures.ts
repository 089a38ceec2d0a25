// Pictures: alphabets that follow from letters of a pen, and from letters of test styles.

import { writeFileSync } from "node:fs";
import { joinValues } from "../../src/files/array.ts";
import type { Decoder } from "../../src/index.ts";
import { type Basis, COEFFICIENTS, fieldFrom } from "./basis.ts";
import { chooseLinear, completeLinearly, linearCovariances } from "./choose.ts";
import { completeSamples } from "./completion.ts";
import { fieldOf, HEIGHT, LETTERS, SAMPLE_SIZE, WIDTH } from "./geometry/cell.ts";
import { drawLetters, HANDS } from "./geometry/drawn-letters.ts";
import { placeText } from "./geometry/layout.ts";
import type { Parts, PreparedPart } from "./prepare.ts";
import { nearestStyles, overlapsWith } from "./retrieval.ts";
import { BLACK, type Colour, Sheet } from "./sheet.ts";
import { TRUNK_SIZE } from "./trunk.ts";

/** Colour of letters that the decoder has made. */
const DRAFT: Colour = [0, 60, 160];

/** Pixels beside a line of text. */
const MARGIN = 12;

/** A line of a picture: a sample, with its given letters as they were given. */
export interface Line {
  readonly sample: Float32Array;
  readonly colour: Colour;
  /** Letters that were given, and the sample that has them. */
  readonly given?: { readonly letters: string; readonly sample: Float32Array };
  /** Pixels between this line and the one before. */
  readonly gap?: number;
}

/** Draws alphabets, a line each. */
export function drawAlphabets(lines: readonly Line[], scale: number): Uint8Array {
  const pitch = Math.round((WIDTH - 7) * scale);
  const height = Math.round((HEIGHT - 2) * scale);
  const gaps = lines.reduce((sum, { gap = 0 }) => sum + gap, 0);
  const sheet = new Sheet(LETTERS.length * pitch + 8, lines.length * height + gaps + 8);
  let y = 4;
  for (const { sample, colour, given, gap = 0 } of lines) {
    y += gap;
    for (const [i, letter] of [...LETTERS].entries()) {
      const isGiven = given?.letters.includes(letter) ?? false;
      if (isGiven) sheet.markGiven(4 + i * pitch, y, pitch - 2, height - 2);
      const field = fieldOf(isGiven ? given!.sample : sample, letter);
      const x = 4 + (i + 0.5) * pitch - 1 - (WIDTH * scale) / 2;
      sheet.drawField(field, x, y - scale, scale, isGiven ? BLACK : colour);
    }
    y += height;
  }
  return sheet.toPng();
}

/** Draws a text in several samples, a line each; given letters stand as they were given, spaced by the decoder. */
export function drawTexts(lines: readonly Line[], text: string, scale: number): Uint8Array {
  const widths = lines.map(({ sample, given }) => placeText(withGiven(sample, given), text).width);
  const height = Math.round(HEIGHT * scale);
  const width = Math.ceil(Math.max(...widths) * scale) + 2 * MARGIN;
  const sheet = new Sheet(width, lines.length * height);
  for (const [i, { sample, colour, given }] of lines.entries()) {
    const whole = withGiven(sample, given);
    const isGiven = (letter: string) => given?.letters.includes(letter) ?? false;
    const { placed } = placeText(whole, text);
    for (const { letter, origin, advance } of placed) {
      if (!isGiven(letter)) continue;
      const [x, width] = [Math.round(MARGIN + origin * scale), Math.round(advance * scale)];
      sheet.markGiven(x, i * height + 6, width, height - 12);
    }
    for (const { letter, cell } of placed) {
      const x = MARGIN + cell * scale;
      sheet.drawField(fieldOf(whole, letter), x, i * height, scale, isGiven(letter) ? BLACK : colour);
    }
  }
  return sheet.toPng();
}

/** A sample with the given letters in place of its own; advances and side bearings stay. */
function withGiven(sample: Float32Array, given: Line["given"]): Float32Array {
  const whole = sample.slice();
  for (const letter of given?.letters ?? "") {
    fieldOf(whole, letter).set(fieldOf(given!.sample, letter));
  }
  return whole;
}

/** Completes what hands have drawn, and writes the alphabets and a sentence of each. */
export async function drawHands(decoder: Decoder, folder: string): Promise<void> {
  const lines: Line[] = [];
  for (const { name, letters, hand } of HANDS) {
    const drawn = drawLetters(letters, hand);
    const start = process.cpuUsage();
    const sample = await completeSamples(decoder, drawn, letters);
    console.log(`${name}: ${letters} given, ${(process.cpuUsage(start).user / 1000).toFixed(0)} CPU ms`);
    lines.push({ sample, colour: DRAFT, given: { letters, sample: drawn } });
  }
  writeFileSync(`${folder}/drawn.png`, drawAlphabets(lines, 1.6));
  writeFileSync(`${folder}/text.png`, drawTexts(lines, "the quick brown fox jumps over a lazy dog", 1.6));
}

/** Test styles of the picture: thin, black, italic, condensed and with slab serifs. */
const SHOWN = [
  { family: "Josefin Sans", weight: 100, isItalic: false },
  { family: "Poppins", weight: 900, isItalic: false },
  { family: "IBM Plex Serif", weight: 400, isItalic: true },
  { family: "Barlow Condensed", weight: 400, isItalic: false },
  { family: "Bitter", weight: 700, isItalic: false },
];

/** Letters given of them. */
const SHOWN_GIVEN = "noa";

const LINEAR: Colour = [0, 110, 60];
const NEAREST: Colour = [150, 60, 0];

/** Draws test styles, the letters given marked, above completions by the decoder, linearly and by the nearest style. */
export async function drawTestStyles(
  decoder: Decoder,
  { training, validation, test }: Parts,
  basis: Basis,
  folder: string,
): Promise<void> {
  const chosen = SHOWN.map(({ family, weight, isItalic }) =>
    test.styles.findIndex(
      (each) => each.family.name === family && each.weight === weight && each.isItalic === isItalic,
    ),
  );
  const shown: PreparedPart = {
    styles: chosen.map((i) => test.styles[i]!),
    values: joinValues(chosen.map((i) => test.values.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE))),
    rows: joinValues(chosen.map((i) => test.rows.subarray(i * TRUNK_SIZE, (i + 1) * TRUNK_SIZE))),
  };
  const covariances = await linearCovariances(training);
  const choice = chooseLinear(validation, basis, covariances, SHOWN_GIVEN.length);
  const linear = completeLinearly(shown, choice, SHOWN_GIVEN);
  const overlaps = overlapsWith(training, shown);
  const lines: Line[] = [];
  for (let i = 0; i < shown.styles.length; i++) {
    const truth = shown.values.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE);
    const row = linear.subarray(i * COEFFICIENTS, (i + 1) * COEFFICIENTS);
    const fields = joinValues([...LETTERS].map((_, letter) => fieldFrom(row, letter, basis)));
    const nearest = nearestStyles(overlaps, i, SHOWN_GIVEN, 1)[0]!;
    lines.push(
      { sample: truth, colour: BLACK, given: { letters: SHOWN_GIVEN, sample: truth }, gap: i > 0 ? 12 : 0 },
      { sample: await completeSamples(decoder, truth, SHOWN_GIVEN), colour: DRAFT },
      { sample: fields, colour: LINEAR },
      {
        sample: training.values.subarray(nearest * SAMPLE_SIZE, (nearest + 1) * SAMPLE_SIZE),
        colour: NEAREST,
      },
    );
    const { family } = training.styles[nearest]!;
    console.log(
      `${shown.styles[i]!.family.name}: nearest is ${family.name} ${training.styles[nearest]!.weight}`,
    );
  }
  writeFileSync(`${folder}/test-styles.png`, drawAlphabets(lines, 1.05));
}
