import { fieldOf, HEIGHT, LETTERS, WIDTH } from "../../examples/typefaces/geometry/cell.ts";
import { contoursOf } from "../../examples/typefaces/geometry/contours.ts";
import { placeText } from "../../examples/typefaces/geometry/layout.ts";

// Letters as paths, and the sheet that a visitor may save.

/** A field's ink as the data of an SVG path, in the pixels of a cell. */
export function pathOf(field: Float32Array, dx = 0, dy = 0): string {
  return contoursOf(field)
    .map((contour) => {
      const points = Array.from({ length: contour.length / 2 }, (_, i) =>
        [contour[2 * i]! + dx, contour[2 * i + 1]! + dy].map((value) => Number(value.toFixed(2))).join(" "),
      );
      return `M${points.join("L")}Z`;
    })
    .join("");
}

/** A letter of a set text, or of a row of letters: its path, moved to its place. */
export interface SetLetter {
  readonly letter: string;
  readonly path: string;
}

/** Lines of a text set in an alphabet. */
export interface SetText {
  readonly letters: readonly SetLetter[];
  readonly width: number;
  readonly height: number;
}

/**
 * Sets a text in an alphabet, capitals as small letters; lines are broken between words.
 *
 * @param most width of a line, in pixels of a cell
 */
export function setText(alphabet: Float32Array, text: string, most: number): SetText {
  const lines = linesOf(alphabet, text.toLowerCase(), most);
  const letters: SetLetter[] = [];
  let width = 0;
  for (const [row, line] of lines.entries()) {
    const { placed, width: own } = placeText(alphabet, line);
    width = Math.max(width, own);
    for (const { letter, cell } of placed) {
      letters.push({ letter, path: pathOf(fieldOf(alphabet, letter), cell, row * LINE) });
    }
  }
  return { letters, width, height: lines.length * LINE + HEIGHT - LINE };
}

/** Distance of baselines, in pixels of a cell. */
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

/** Sentence that a sheet carries about the licence of the weights. */
export const LICENCE =
  "Drawn by a decoder whose weights are under the SIL Open Font License 1.1, as the fonts are that it was trained on. " +
  "A font that is made of these letters should be under the same licence, and must not bear a reserved font name.";

/** Pixels of a cell around the sheet. */
const MARGIN = 12;
const COLUMNS = 13;

/**
 * The sheet as an SVG file: all letters, and below them the sentence.
 *
 * @param alphabet as it is shown, given letters as they were given
 */
export function sheetSvg(alphabet: Float32Array, sentence: string): string {
  const rows = [...LETTERS].map((letter, i) => {
    const [x, y] = [(i % COLUMNS) * WIDTH, Math.floor(i / COLUMNS) * HEIGHT];
    return `<path id="${letter}" d="${pathOf(fieldOf(alphabet, letter), x, y)}"/>`;
  });
  const across = COLUMNS * WIDTH;
  const down = Math.ceil(LETTERS.length / COLUMNS) * HEIGHT;
  const text = setText(alphabet, sentence, across);
  const [width, height] = [Math.max(across, text.width) + 2 * MARGIN, down + text.height + 3 * MARGIN];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${number(3 * width)}" height="${number(3 * height)}" viewBox="0 0 ${number(width)} ${number(height)}">
<title>Draft alphabet made with latentflow</title>
<desc>${LICENCE}</desc>
<rect width="100%" height="100%" fill="#fff"/>
<g transform="translate(${MARGIN} ${MARGIN})">
${rows.join("\n")}
</g>
<g transform="translate(${MARGIN} ${down + 2 * MARGIN})">
<path d="${text.letters.map(({ path }) => path).join("")}"/>
</g>
</svg>
`;
}

function number(value: number): string {
  return String(Number(value.toFixed(2)));
}
