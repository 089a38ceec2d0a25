import type { Written } from "./graph-writer.ts";
import { RULES, type Shape } from "./rewrite-rules.ts";

/**
 * Returns an equivalent graph with fewer operations: those that the last one depends on, rewritten by RULES, and each value
 * computed once.
 *
 * @param inputs shapes of the graph's inputs, by name
 */
export function simplify(operations: readonly Written[], inputs: ReadonlyMap<string, Shape>): Written[] {
  const left = rewritten(operations, inputs);
  return left.length < operations.length ? simplify(left, inputs) : left;
}

/** Makes one pass: applies the rules to each operation in order, until none matches. */
function rewritten(operations: readonly Written[], inputShapes: ReadonlyMap<string, Shape>): Written[] {
  const readers = new Map<string, number>();
  const addReaders = (names: readonly string[], count: number) => {
    for (const name of names) readers.set(name, (readers.get(name) ?? 0) + count);
  };
  addReaders([operations.at(-1)!.name, ...operations.flatMap(({ inputs }) => inputs)], 1);
  const kept = new Map<string, Written>();
  /** Takes a reader away from each value; operations whose value is not read any more are removed. */
  const release = (names: readonly string[]) => {
    for (const name of names) {
      addReaders([name], -1);
      const unread = readers.get(name) === 0 ? kept.get(name) : undefined;
      if (unread) release(unread.inputs);
      if (unread) kept.delete(name);
    }
  };
  /** Operations by a key made of all their properties except the name; those with parameters have no duplicates. */
  const twins = new Map<string, Written>();
  const keyOf = ({ kind, inputs, settings }: Written) => JSON.stringify([kind, inputs, settings]);
  const graph = {
    maker: (name = "") => kept.get(name),
    soleMaker: (name = "") => (readers.get(name) === 1 ? kept.get(name) : undefined),
    shapeOf: (name: string) => kept.get(name)?.shape ?? inputShapes.get(name)!,
  };
  /** Returns what an operation becomes: another one, or the name of an earlier one with the same value; undefined for itself. */
  const rewrite = (operation: Written): Written | string | undefined => {
    for (const rule of RULES) {
      const made = rule.rewrite(operation, graph);
      if (made !== undefined) return made;
    }
    const twin = operation.weight ? undefined : twins.get(keyOf(operation));
    return twin && kept.get(twin.name) === twin ? twin.name : undefined;
  };
  /** Name of the value that replaces that of each removed operation. */
  const replaced = new Map<string, string>();
  for (const operation of operations) {
    let current: Written = {
      ...operation,
      inputs: operation.inputs.map((input) => replaced.get(input) ?? input),
    };
    const count = readers.get(operation.name) ?? 0;
    let next = count > 0 ? rewrite(current) : "";
    while (typeof next === "object") {
      addReaders(next.inputs, 1);
      release(current.inputs);
      current = next;
      next = rewrite(current);
    }
    const name = next ?? current.name;
    if (name !== operation.name) {
      replaced.set(operation.name, name);
      addReaders([name], count);
    }
    if (next !== undefined) {
      release(current.inputs);
      continue;
    }
    kept.set(name, current);
    if (!current.weight) twins.set(keyOf(current), current);
  }
  return [...kept.values()];
}
