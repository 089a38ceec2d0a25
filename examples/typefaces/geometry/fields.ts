// Signed distance fields of outlines and of pen strokes. Runs in browsers too.
import { FIELD_SIZE, HEIGHT, RANGE, WIDTH } from "./cell.ts";
import type { Segments } from "./outline.ts";

/** Offset at which the two sides of an edge are tested, in pixels; edges this close to each other count as one. */
const BESIDE = 1e-3;

/**
 * Computes the field of an outline, filled where its winding number is not 0. Distances are to the border of the union:
 * edges inside overlapping contours are left out.
 *
 * @param thicker pixels added to every distance: the outline grows by so much, with round corners
 */
export function fieldOfOutline(segments: Segments, thicker = 0): Float32Array {
  const border = borderOf(segments);
  const reach = RANGE + Math.abs(thicker);
  const squares = squaredDistances(border, reach);
  const field = new Float32Array(FIELD_SIZE);
  for (let row = 0; row < HEIGHT; row++) {
    const crossings = crossingsOf(segments, row + 0.5);
    let [next, winding] = [0, 0];
    for (let column = 0; column < WIDTH; column++) {
      while (next < crossings.length && crossings[next]![0] < column + 0.5) winding += crossings[next++]![1];
      const distance = Math.min(reach, Math.sqrt(squares[row * WIDTH + column]!));
      field[row * WIDTH + column] = inUnits((winding === 0 ? -distance : distance) + thicker);
    }
  }
  return field;
}

/** A stroke of a pen: points that it goes through, in the pixels of a cell, x and y in turn. */
export type Stroke = readonly number[];

/** A pen's nib: an ellipse. */
export interface Pen {
  /** Half the thickness of a vertical line, in pixels. */
  readonly radius: number;
  /** Thickness of a vertical line over that of a horizontal one. Default 1. */
  readonly contrast?: number;
}

/**
 * Computes the field of strokes by a pen. Within an elliptic nib's stroke distances are measured in the nib's metric, in
 * which they agree with a round nib's along the horizontal.
 *
 * @param detail samples of the field along each side of a pixel. Lines thinner than a sample's side break.
 */
export function fieldOfStrokes(
  strokes: readonly Stroke[],
  { radius, contrast = 1 }: Pen,
  detail = 1,
): Float32Array {
  const segments: number[] = [];
  for (const stroke of strokes) {
    if (stroke.length === 2) segments.push(stroke[0]!, stroke[1]!, stroke[0]!, stroke[1]!);
    for (let i = 0; i + 3 < stroke.length; i += 2) segments.push(...stroke.slice(i, i + 4));
  }
  const squares = squaredDistances(Float64Array.from(segments), radius + RANGE, contrast, detail);
  return Float32Array.from(squares, (square) => inUnits(radius - Math.sqrt(square)));
}

/** Strokes moved to the right or to the left, so that their middle is the cell's. */
export function centredStrokes(strokes: readonly Stroke[]): Stroke[] {
  const xs = strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 0));
  const dx = WIDTH / 2 - (Math.min(...xs) + Math.max(...xs)) / 2;
  return strokes.map((stroke) => stroke.map((value, i) => (i % 2 === 0 ? value + dx : value)));
}

/** A distance in pixels as fields have it. */
function inUnits(distance: number): number {
  return Math.max(-1, Math.min(1, distance / RANGE));
}

/**
 * Squared distances of the cell's pixels, their centres, to the nearest segment; Infinity beyond `reach`.
 *
 * @param stretch factor on vertical distances
 * @param detail samples along each side of a pixel
 */
function squaredDistances(segments: Segments, reach: number, stretch = 1, detail = 1): Float64Array {
  const [columns, rows] = [WIDTH * detail, HEIGHT * detail];
  const squares = new Float64Array(columns * rows).fill(Infinity);
  for (let k = 0; k < segments.length; k += 4) {
    const [ax, ay, bx, by] = [segments[k]!, segments[k + 1]!, segments[k + 2]!, segments[k + 3]!];
    const ex = bx - ax;
    const ey = (by - ay) * stretch;
    const length = ex * ex + ey * ey;
    const firstColumn = Math.max(0, Math.floor((Math.min(ax, bx) - reach) * detail - 0.5));
    const lastColumn = Math.min(columns - 1, Math.ceil((Math.max(ax, bx) + reach) * detail - 0.5));
    const firstRow = Math.max(0, Math.floor((Math.min(ay, by) - reach) * detail - 0.5));
    const lastRow = Math.min(rows - 1, Math.ceil((Math.max(ay, by) + reach) * detail - 0.5));
    for (let row = firstRow; row <= lastRow; row++) {
      for (let column = firstColumn; column <= lastColumn; column++) {
        const px = (column + 0.5) / detail - ax;
        const py = ((row + 0.5) / detail - ay) * stretch;
        const along = length > 0 ? Math.max(0, Math.min(1, (px * ex + py * ey) / length)) : 0;
        const square = (px - along * ex) ** 2 + (py - along * ey) ** 2;
        if (square < squares[row * columns + column]!) squares[row * columns + column] = square;
      }
    }
  }
  return squares;
}

/** Edges between inside and outside: segments, split where they cross others, with ink on one side alone. */
function borderOf(segments: Segments): Segments {
  const border: number[] = [];
  for (let k = 0; k < segments.length; k += 4) {
    const [ax, ay, bx, by] = [segments[k]!, segments[k + 1]!, segments[k + 2]!, segments[k + 3]!];
    const length = Math.hypot(bx - ax, by - ay);
    const [beside, above] = [(-(by - ay) / length) * BESIDE, ((bx - ax) / length) * BESIDE];
    const cuts = [0, ...cutsOf(segments, k), 1];
    for (let i = 0; i + 1 < cuts.length; i++) {
      const [from, to] = [cuts[i]!, cuts[i + 1]!];
      const [x, y] = [ax + ((from + to) / 2) * (bx - ax), ay + ((from + to) / 2) * (by - ay)];
      const isInk = windingOf(segments, x + beside, y + above) !== 0;
      if (isInk === (windingOf(segments, x - beside, y - above) !== 0)) continue;
      border.push(ax + from * (bx - ax), ay + from * (by - ay), ax + to * (bx - ax), ay + to * (by - ay));
    }
  }
  return Float64Array.from(border);
}

/** Where segment k is crossed by others, as shares of its length, in order. */
function cutsOf(segments: Segments, k: number): number[] {
  const [ax, ay, bx, by] = [segments[k]!, segments[k + 1]!, segments[k + 2]!, segments[k + 3]!];
  const [left, right, top, bottom] = [Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by), Math.max(ay, by)];
  const cuts: number[] = [];
  for (let j = 0; j < segments.length; j += 4) {
    const cx = segments[j]!;
    const cy = segments[j + 1]!;
    const dx = segments[j + 2]!;
    const dy = segments[j + 3]!;
    if (j === k || (cx < left && dx < left) || (cx > right && dx > right)) continue;
    if ((cy < top && dy < top) || (cy > bottom && dy > bottom)) continue;
    const cross = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx);
    if (cross === 0) continue;
    const along = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / cross;
    const across = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / cross;
    if (along > 0 && along < 1 && across >= 0 && across <= 1) cuts.push(along);
  }
  return cuts.sort((a, b) => a - b);
}

/** Winding number of the outline around a point. */
function windingOf(segments: Segments, x: number, y: number): number {
  let winding = 0;
  for (let k = 0; k < segments.length; k += 4) {
    const ay = segments[k + 1]!;
    const by = segments[k + 3]!;
    if (ay <= y === by <= y) continue;
    const ax = segments[k]!;
    const bx = segments[k + 2]!;
    const side = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
    if (ay <= y && side > 0) winding++;
    if (ay > y && side < 0) winding--;
  }
  return winding;
}

/** Where the outline crosses a row: x, and the change of the winding number there, from left to right. */
function crossingsOf(segments: Segments, y: number): [x: number, turn: number][] {
  const crossings: [number, number][] = [];
  for (let k = 0; k < segments.length; k += 4) {
    const ay = segments[k + 1]!;
    const by = segments[k + 3]!;
    if (ay <= y === by <= y) continue;
    const ax = segments[k]!;
    const bx = segments[k + 2]!;
    crossings.push([ax + ((y - ay) / (by - ay)) * (bx - ax), by > ay ? 1 : -1]);
  }
  return crossings.sort((a, b) => a[0] - b[0]);
}
