import type { DescentPoint } from "./engine/messages.ts";

// Two solvers side by side, by the passes through the decoder that each has taken.

/** The last point that a solver has come to with so many passes; undefined before its first. */
export function pointAt(points: readonly DescentPoint[], passes: number): DescentPoint | undefined {
  return points.filter((point) => point.passes <= passes).at(-1);
}

/** Passes after which all solvers have ended. */
export function longest(...curves: readonly (readonly DescentPoint[])[]): number {
  return Math.max(0, ...curves.map((points) => points.at(-1)?.passes ?? 0));
}

/** The columns of a chart: passes, and the loss of each solver where it has a point; null elsewhere. */
export function chartColumns(
  curves: readonly (readonly DescentPoint[])[],
  passes: number,
): [number[], ...(number | null)[][]] {
  const shown = curves.map((points) => points.filter((point) => point.passes <= passes));
  const xs = [...new Set(shown.flat().map((point) => point.passes))].sort((a, b) => a - b);
  const columns = shown.map((points) => {
    const losses = new Map(points.map(({ passes: at, loss }) => [at, loss]));
    return xs.map((x) => losses.get(x) ?? null);
  });
  return [xs, ...columns];
}
