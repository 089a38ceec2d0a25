import type { KernelOperation } from "./kernel-operations.ts";

/**
 * Assigns each value of a lowered graph a block of memory for its tangents. A block is reused once its value has been read for
 * the last time, so that few are needed.
 *
 * @param aliases for each value the index of the value whose storage it shares, or undefined
 * @param output index of the value that stays valid to the end
 * @returns the index of each value's block
 */
export function assignSlots(
  operations: readonly KernelOperation[],
  aliases: readonly (number | undefined)[],
  output: number,
): number[] {
  const rootOf = (value: number) => aliases[value] ?? value;
  const lastRead = new Map<number, number>();
  operations.forEach((operation, i) => {
    for (const value of valuesOf(operation)) lastRead.set(rootOf(value), i);
  });
  lastRead.set(rootOf(output), operations.length);
  const slots: number[] = new Array(aliases.length).fill(-1);
  const free: number[] = [];
  let count = 0;
  const assign = (value: number) => {
    const root = rootOf(value);
    if (slots[root] === -1) slots[root] = free.pop() ?? count++;
    slots[value] = slots[root]!;
  };
  assign(0);
  operations.forEach((operation, i) => {
    const values = [...new Set(valuesOf(operation))];
    for (const value of values) assign(value);
    for (const root of new Set(values.map(rootOf))) if (lastRead.get(root) === i) free.push(slots[root]!);
  });
  return slots;
}

/** Returns the indices of the values that a kernel operation reads or writes. */
function valuesOf(operation: KernelOperation): number[] {
  const { input, output } = operation;
  if (operation.kind === "fork") return [input, ...operation.branches.map(({ value }) => value)];
  if (operation.kind === "selection") return [input, operation.other, operation.otherwise, output];
  return "other" in operation ? [input, operation.other, output] : [input, output];
}
