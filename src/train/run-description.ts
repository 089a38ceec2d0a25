/** A value that JSON keeps exactly. */
export type Leaf = string | number | boolean | null;

/**
 * Description of a run: everything that its end result depends on, by dotted names like `solver.stepMax`. A checkpoint
 * has its run's description, and a run with another one is refused.
 */
export type RunDescription = Readonly<Record<string, Leaf>>;

/** Lists each number, text and truth value in `value` with its dotted name. */
export function leaves(value: unknown, name = ""): [name: string, leaf: Leaf][] {
  if (value === undefined || typeof value === "function") return [];
  // JSON has no infinities.
  if (typeof value === "number") return [[name, Number.isFinite(value) ? value : String(value)]];
  if (typeof value !== "object" || value === null) return [[name, value as Leaf]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name ? `${name}.${key}` : key));
}
