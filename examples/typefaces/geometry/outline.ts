// Outlines of letters as line segments in the pixels of a cell. Runs in browsers too.

/** One command of a path, as fonts have them: y points up, lengths are the font's. */
export type PathCommand =
  | { readonly type: "M"; readonly x: number; readonly y: number }
  | { readonly type: "L"; readonly x: number; readonly y: number }
  | { readonly type: "Q"; readonly x1: number; readonly y1: number; readonly x: number; readonly y: number }
  | {
      readonly type: "C";
      readonly x1: number;
      readonly y1: number;
      readonly x2: number;
      readonly y2: number;
      readonly x: number;
      readonly y: number;
    }
  | { readonly type: "Z" };

/** An affine map: (x, y) to (xx·x + xy·y + dx, yx·x + yy·y + dy). */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
  readonly dx: number;
  readonly dy: number;
}

/** Line segments, four numbers each: the ends' x and y, x and y. */
export type Segments = Float64Array;

/** Largest distance between a curve and its segments, in pixels. */
const TOLERANCE = 0.01;

/** Flattens a path to segments, after the map; contours that are left open are closed. */
export function flatten(path: readonly PathCommand[], map: Affine): Segments {
  const segments: number[] = [];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  const mapped = (px: number, py: number): [number, number] => [
    map.xx * px + map.xy * py + map.dx,
    map.yx * px + map.yy * py + map.dy,
  ];
  const lineTo = (toX: number, toY: number) => {
    if (toX !== x || toY !== y) segments.push(x, y, toX, toY);
    [x, y] = [toX, toY];
  };
  for (const command of path) {
    if (command.type === "M") {
      lineTo(startX, startY);
      [x, y] = [startX, startY] = mapped(command.x, command.y);
    } else if (command.type === "L") {
      lineTo(...mapped(command.x, command.y));
    } else if (command.type === "Z") {
      lineTo(startX, startY);
    } else {
      const controls = [mapped(command.x1, command.y1)];
      if (command.type === "C") controls.push(mapped(command.x2, command.y2));
      const curve = [[x, y], ...controls, mapped(command.x, command.y)] as const;
      const pieces = piecesOf(curve);
      for (let i = 1; i <= pieces; i++) lineTo(...pointOf(curve, i / pieces));
    }
  }
  lineTo(startX, startY);
  return Float64Array.from(segments);
}

/**
 * Number of segments that keep to the tolerance. A chord over a parameter interval h is at most h²/8 · max‖B″‖ off, and
 * ‖B″‖ of a Bézier curve of degree n is at most n(n - 1) times the longest second difference of its points.
 */
function piecesOf(curve: readonly (readonly [number, number])[]): number {
  const degree = curve.length - 1;
  let bend = 0;
  for (let i = 0; i + 2 < curve.length; i++) {
    const [[ax, ay], [bx, by], [cx, cy]] = [curve[i]!, curve[i + 1]!, curve[i + 2]!];
    bend = Math.max(bend, Math.hypot(ax - 2 * bx + cx, ay - 2 * by + cy));
  }
  return Math.max(1, Math.ceil(Math.sqrt((degree * (degree - 1) * bend) / (8 * TOLERANCE))));
}

/** A point of a Bézier curve, by de Casteljau's algorithm. */
function pointOf(curve: readonly (readonly [number, number])[], t: number): [number, number] {
  let points = curve.map(([x, y]): [number, number] => [x, y]);
  while (points.length > 1) {
    points = points
      .slice(1)
      .map(([x, y], i) => [points[i]![0] + t * (x - points[i]![0]), points[i]![1] + t * (y - points[i]![1])]);
  }
  return points[0]!;
}

/** Smallest box around segments; undefined without segments. */
export function boxOf(
  segments: Segments,
): { left: number; top: number; right: number; bottom: number } | undefined {
  if (segments.length === 0) return undefined;
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let i = 0; i < segments.length; i += 2) {
    const [x, y] = [segments[i]!, segments[i + 1]!];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/** Segments moved to the right by `dx`. */
export function movedRight(segments: Segments, dx: number): Segments {
  return segments.map((value, i) => (i % 2 === 0 ? value + dx : value));
}
