import { HEIGHT, LETTERS, WIDTH } from "../../examples/typefaces/geometry/cell.ts";
import type { Contour } from "../../examples/typefaces/geometry/contours.ts";
import { placeText } from "../../examples/typefaces/geometry/layout.ts";
import { contoursIn, type GivenLetter } from "./given.ts";

// Letters as SVG paths, and the sheet that a visitor can save.

/**
 * Formats contours as the data of an SVG path, in pixels of a cell: quadratic curves between the midpoints of a contour's
 * sides, with its corners as control points.
 *
 * @param dx offset to the right
 * @param dy offset downwards
 */
export function pathOf(contours: readonly Contour[], dx = 0, dy = 0): string {
  return contours.map((contour) => curveOf(contour, dx, dy)).join("");
}

function curveOf(contour: Contour, dx: number, dy: number): string {
  const count = contour.length / 2;
  const point = (x: number, y: number) => `${number(x + dx)} ${number(y + dy)}`;
  const at = (i: number): [x: number, y: number] => [
    contour[2 * (i % count)]!,
    contour[2 * (i % count) + 1]!,
  ];
  const middle = (i: number): [x: number, y: number] => {
    const [[x, y], [nextX, nextY]] = [at(i), at(i + 1)];
    return [(x + nextX) / 2, (y + nextY) / 2];
  };
  const curves = Array.from(
    { length: count },
    (_, i) => `Q${point(...at(i + 1))} ${point(...middle(i + 1))}`,
  );
  return `M${point(...middle(0))}${curves.join("")}Z`;
}

/** A letter of a typeset text, with its path at the final position. */
export interface SetLetter {
  readonly letter: string;
  readonly path: string;
}

/** A text set in an alphabet, with its size in pixels of a cell. */
export interface SetText {
  readonly letters: readonly SetLetter[];
  readonly width: number;
  readonly height: number;
}

/**
 * Sets a text in an alphabet: capitals as lower-case letters, other characters as spaces, with line breaks between words.
 *
 * @param given letters that are shown as given
 * @param most maximum width of a line, in pixels of a cell
 */
export function setText(
  alphabet: Float32Array,
  given: readonly GivenLetter[],
  text: string,
  most: number,
): SetText {
  const lines = linesOf(alphabet, text.toLowerCase(), most);
  const letters: SetLetter[] = [];
  let width = 0;
  for (const [row, line] of lines.entries()) {
    const { placed, width: own } = placeText(alphabet, line);
    width = Math.max(width, own);
    for (const { letter, cell } of placed) {
      letters.push({ letter, path: pathOf(contoursIn(alphabet, given, letter), cell, row * LINE) });
    }
  }
  return { letters, width, height: lines.length * LINE + HEIGHT - LINE };
}

/** Returns the characters of a text that `setText` leaves out, each once. */
export function leftOutOf(text: string): string[] {
  return [...new Set(text.toLowerCase())].filter((character) => !`${LETTERS} `.includes(character));
}

/** Distance between baselines, in pixels of a cell. */
const LINE = 36;

function linesOf(alphabet: Float32Array, text: string, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && placeText(alphabet, longer).width > most) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** Statement in the sheet about the licence of the decoder's weights. */
export const LICENCE =
  "Drawn by a decoder whose weights are under the SIL Open Font License 1.1, as the fonts are that it was trained on. " +
  "That licence holds for a font that contains outlines of those fonts; whether a decoder's letters are such outlines is not " +
  "settled. Letters of your own, and those of a font that you gave, stay under their own terms.";

/** Colours of given letters and of the decoder's, as in the light theme. */
const [GIVEN, DRAFT] = ["#000", "#3451b2"];

/** Margin around the sheet, in pixels of a cell. */
const MARGIN = 12;
const COLUMNS = 13;

/**
 * Returns the sheet as an SVG file, with all letters and, below, the sentence.
 *
 * @param alphabet the alphabet as it is shown
 * @param given letters that are shown as given
 */
export function sheetSvg(alphabet: Float32Array, given: readonly GivenLetter[], sentence: string): string {
  const colourOf = (letter: string) => (given.some((each) => each.letter === letter) ? GIVEN : DRAFT);
  const rows = [...LETTERS].map((letter, i) => {
    const [x, y] = [(i % COLUMNS) * WIDTH, Math.floor(i / COLUMNS) * HEIGHT];
    const path = pathOf(contoursIn(alphabet, given, letter), x, y);
    return `<path id="${letter}" fill="${colourOf(letter)}" d="${path}"/>`;
  });
  const across = COLUMNS * WIDTH;
  const down = Math.ceil(LETTERS.length / COLUMNS) * HEIGHT;
  const text = setText(alphabet, given, sentence, across);
  const [width, height] = [Math.max(across, text.width) + 2 * MARGIN, down + text.height + 3 * MARGIN];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${number(3 * width)}" height="${number(3 * height)}" viewBox="0 0 ${number(width)} ${number(height)}">
<title>Draft alphabet made with latentflow</title>
<desc>${LICENCE}</desc>
<rect width="100%" height="100%" fill="#fff"/>
<g transform="translate(${MARGIN} ${MARGIN})">
${rows.join("\n")}
</g>
<g transform="translate(${MARGIN} ${down + 2 * MARGIN})">
${text.letters.map(({ letter, path }) => `<path fill="${colourOf(letter)}" d="${path}"/>`).join("\n")}
</g>
</svg>
`;
}

function number(value: number): string {
  return String(Number(value.toFixed(2)));
}
