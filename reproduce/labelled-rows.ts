import { drawGrid, type Tile } from "../src/cli/output/grid.ts";
import type { PictureDecoder } from "../src/images/index.ts";

/** Images beside each other, and what they are. */
export interface LabelledRow {
  readonly label: string;
  /** As many in every row. */
  readonly tiles: readonly Tile[];
}

/** Pixels of a column and of a row. */
const [COLUMN, ROW] = [42, 46];

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/**
 * Draws rows of images, each with its label at the left, as SVG.
 *
 * @param left pixels for the labels
 * @param heads labels above the columns, each of as many columns as the others
 */
export function drawRows(
  rows: readonly LabelledRow[],
  shape: PictureDecoder,
  left: number,
  heads: readonly string[] = [],
): string {
  const columns = rows[0]!.tiles.length;
  const width = COLUMN * columns;
  const top = heads.length > 0 ? 28 : 4;
  const text = (x: number, y: number, anchor: string, label: string) =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="DejaVu Sans" font-size="13">${escaped(label)}</text>`;
  const head = heads.map((label, i) => text(left + ((i + 0.5) * width) / heads.length, 18, "middle", label));
  const parts = rows.map(({ label, tiles }, i) => {
    const png = Buffer.from(drawGrid([tiles], shape)).toString("base64");
    const y = top + i * ROW;
    return `${text(left - 8, y + 26, "end", label)}
<image x="${left}" y="${y}" width="${width}" height="${COLUMN * 1.03}" preserveAspectRatio="xMinYMin meet" href="data:image/png;base64,${png}"/>`;
  });
  const size = [left + width + 8, rows.length * ROW + top + 4];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size[0]}" height="${size[1]}"><rect width="100%" height="100%" fill="#fff"/>
${[...head, ...parts].join("\n")}
</svg>
`;
}
