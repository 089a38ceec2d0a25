import type { DescentPoint } from "./engine/messages.ts";

// Comparison of two solvers by the number of passes through the decoder that they have taken.

/** Returns a solver's last result within a number of passes; undefined before its first. */
export function pointAt(points: readonly DescentPoint[], passes: number): DescentPoint | undefined {
  return points.filter((point) => point.passes <= passes).at(-1);
}

/** Returns the number of passes after which all solvers have ended. */
export function longest(...curves: readonly (readonly DescentPoint[])[]): number {
  return Math.max(0, ...curves.map((points) => points.at(-1)?.passes ?? 0));
}

/** Returns the columns of a chart: numbers of passes, and each solver's loss at these, or null if it has no result there. */
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
