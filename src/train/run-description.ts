/** Value that JSON stores exactly. */
export type Leaf = string | number | boolean | null;

/**
 * Description of a training run: everything that its result depends on, by dotted names like `solver.stepMax`. A checkpoint
 * contains its run's description; a run with another description cannot continue from it.
 */
export type RunDescription = Readonly<Record<string, Leaf>>;

/** Returns each number, string, boolean and null inside `value` with its dotted name; skips functions and undefined values. */
export function leaves(value: unknown, name = ""): [name: string, leaf: Leaf][] {
  if (value === undefined || typeof value === "function") return [];
  // JSON has no infinities.
  if (typeof value === "number") return [[name, Number.isFinite(value) ? value : String(value)]];
  if (typeof value !== "object" || value === null) return [[name, value as Leaf]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name ? `${name}.${key}` : key));
}
