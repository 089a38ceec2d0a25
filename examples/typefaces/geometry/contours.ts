// Contours of a field's ink. Runs in browsers too.
import { HEIGHT, WIDTH } from "./cell.ts";

/** A closed contour in the pixels of a cell: x and y in turn, the last point joined to the first. */
export type Contour = number[];

/** A field as it is traced. */
interface Grid {
  readonly field: Float32Array;
  readonly columns: number;
  readonly rows: number;
}

/**
 * Traces the border of a field's ink, by marching squares with linear interpolation. Contours run around ink in one
 * direction and around holes in the other. Ink that reaches the cell's side is closed there.
 *
 * @param detail samples of the field along each side of a pixel
 */
export function contoursOf(field: Float32Array, detail = 1): Contour[] {
  const grid: Grid = { field, columns: WIDTH * detail, rows: HEIGHT * detail };
  const next = new Map<number, number>();
  for (let row = -1; row < grid.rows; row++) {
    for (let column = -1; column < grid.columns; column++) joinCrossings(grid, column, row, next);
  }
  const contours: Contour[] = [];
  for (const start of next.keys()) {
    const contour: Contour = [];
    for (let edge = start; next.has(edge); ) {
      const [x, y] = crossingAt(grid, edge);
      contour.push(x / detail, y / detail);
      const following = next.get(edge)!;
      next.delete(edge);
      edge = following;
    }
    if (contour.length > 0) contours.push(contour);
  }
  return contours;
}

/** A sample's value; beyond the cell there is no ink. */
function valueAt({ field, columns, rows }: Grid, column: number, row: number): number {
  return column < 0 || row < 0 || column >= columns || row >= rows ? -1 : field[row * columns + column]!;
}

/** Number of the edge from a sample to its right neighbour, or to the one below. */
function edgeOf({ columns }: Grid, column: number, row: number, isDown: boolean): number {
  return 2 * ((row + 1) * (columns + 2) + column + 1) + (isDown ? 1 : 0);
}

/** Where the field is 0 on an edge, in samples. */
function crossingAt(grid: Grid, edge: number): [x: number, y: number] {
  const sample = Math.floor(edge / 2);
  const across = grid.columns + 2;
  const [column, row] = [(sample % across) - 1, Math.floor(sample / across) - 1];
  const [right, down] = edge % 2 === 1 ? [0, 1] : [1, 0];
  const from = valueAt(grid, column, row);
  const share = from / (from - valueAt(grid, column + right, row + down));
  return [column + 0.5 + share * right, row + 0.5 + share * down];
}

/** Joins the edges of the square below and to the right of a sample that the border crosses, each to the next one. */
function joinCrossings(grid: Grid, column: number, row: number, next: Map<number, number>): void {
  // Corners and the edges after them, clockwise from the upper left.
  const values = [
    valueAt(grid, column, row),
    valueAt(grid, column + 1, row),
    valueAt(grid, column + 1, row + 1),
    valueAt(grid, column, row + 1),
  ];
  const isInk = values.map((value) => value > 0);
  const edges = [
    edgeOf(grid, column, row, false),
    edgeOf(grid, column + 1, row, true),
    edgeOf(grid, column, row + 1, false),
    edgeOf(grid, column, row, true),
  ];
  // Of two opposite corners with ink, those belong together between which the mean of all corners is ink.
  const isJoined = values.reduce((sum, value) => sum + value, 0) > 0;
  for (let i = 0; i < 4; i++) {
    if (!isInk[i] || isInk[(i + 1) % 4]) continue;
    // Clockwise, edge i leaves the ink; the border runs from there to an edge that enters it.
    let enters = i;
    do enters = (enters + (isJoined ? 1 : 3)) % 4;
    while (isInk[enters] || !isInk[(enters + 1) % 4]);
    next.set(edges[i]!, edges[enters]!);
  }
}
