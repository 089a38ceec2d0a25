// Contours of a field's ink. Runs in browsers too.
import { HEIGHT, WIDTH } from "./cell.ts";

/** A closed contour in the pixels of a cell: x and y in turn, the last point joined to the first. */
export type Contour = number[];

/** Squares of four neighbouring pixels in a row, with one beyond each side of the cell. */
const SQUARES = WIDTH + 1;

/**
 * Traces the border of a field's ink, by marching squares with linear interpolation. Contours run around ink in one
 * direction and around holes in the other. Ink that reaches the cell's side is closed there.
 */
export function contoursOf(field: Float32Array): Contour[] {
  const next = new Map<number, number>();
  for (let row = -1; row < HEIGHT; row++) {
    for (let column = -1; column < WIDTH; column++) joinCrossings(field, column, row, next);
  }
  const contours: Contour[] = [];
  for (const start of next.keys()) {
    const contour: Contour = [];
    for (let edge = start; next.has(edge); ) {
      contour.push(...crossingAt(field, edge));
      const following = next.get(edge)!;
      next.delete(edge);
      edge = following;
    }
    if (contour.length > 0) contours.push(contour);
  }
  return contours;
}

/** A pixel's value; beyond the cell there is no ink. */
function valueAt(field: Float32Array, column: number, row: number): number {
  return column < 0 || row < 0 || column >= WIDTH || row >= HEIGHT ? -1 : field[row * WIDTH + column]!;
}

/** Number of the edge from a pixel to its right neighbour, or to the one below. */
function edgeOf(column: number, row: number, isDown: boolean): number {
  return 2 * ((row + 1) * (SQUARES + 1) + column + 1) + (isDown ? 1 : 0);
}

/** Where the field is 0 on an edge. */
function crossingAt(field: Float32Array, edge: number): [x: number, y: number] {
  const pixel = Math.floor(edge / 2);
  const [column, row] = [(pixel % (SQUARES + 1)) - 1, Math.floor(pixel / (SQUARES + 1)) - 1];
  const [right, down] = edge % 2 === 1 ? [0, 1] : [1, 0];
  const from = valueAt(field, column, row);
  const share = from / (from - valueAt(field, column + right, row + down));
  return [column + 0.5 + share * right, row + 0.5 + share * down];
}

/** Joins the edges of the square below and to the right of a pixel that the border crosses, each to the next one. */
function joinCrossings(field: Float32Array, column: number, row: number, next: Map<number, number>): void {
  // Corners and the edges after them, clockwise from the upper left.
  const values = [
    valueAt(field, column, row),
    valueAt(field, column + 1, row),
    valueAt(field, column + 1, row + 1),
    valueAt(field, column, row + 1),
  ];
  const isInk = values.map((value) => value > 0);
  const edges = [
    edgeOf(column, row, false),
    edgeOf(column + 1, row, true),
    edgeOf(column, row + 1, false),
    edgeOf(column, row, true),
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
