/** Position in a picture, in pixels from its left and top edge. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Steps of the arrow keys, to the right and downwards. */
export const ARROWS: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Returns the distance of a point from a line segment. */
export function distanceToLine(place: Place, from: Place, to: Place): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((place.x - from.x) * dx + (place.y - from.y) * dy) / length;
  const nearest = Math.min(1, Math.max(0, along));
  return Math.hypot(place.x - from.x - nearest * dx, place.y - from.y - nearest * dy);
}

/** Returns the centre of the pixel that an arrow key moves to, clamped to the picture; undefined for any other key. */
export function arrowMove(key: string, from: Place, columns: number, rows: number): Place | undefined {
  const arrow = ARROWS[key];
  if (!arrow) return undefined;
  const within = (value: number, most: number) => Math.min(most - 0.5, Math.max(0.5, value));
  return { x: within(from.x + arrow[0], columns), y: within(from.y + arrow[1], rows) };
}
