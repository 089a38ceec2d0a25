import type { Decoder } from "../../decoder/decoder.ts";
import { logitOperations, stepsOf } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";
import { Emission, loweringOf } from "./lowerings.ts";
import { assignSlots } from "./slots.ts";

/**
 * Graph of a decoder as the kernels compute it. Every value has rows in the workspace; the latent is value 0. Operations that
 * only reshape are dropped. A value read more than once, and a latent that its one reader would overwrite, is followed by a fork:
 * an operation that gives each reader a branch, the value or a copy, and adds up the branches' gradients.
 */
export type LoweredGraph = ReturnType<typeof lowerGraph>;

/**
 * Lowers a decoder's graph: drops reshapes, adds forks (operations that give each reader of a value the value or a copy), and
 * translates each operation into kernel operations (lowerings.ts).
 */
export function lowerGraph(decoder: Decoder) {
  const steps = stepsOf(decoder);
  const into = new Emission();
  const inputs = 1 + decoder.fixedInputs.length;
  /**
   * Index of the value that holds the numbers of each value of the decoder's graph: for the output of a reshape the value
   * that is reshaped, else the value itself.
   */
  const roots = Array.from({ length: inputs }, (_, i) => i);
  const isCopied = new Map<number, boolean[]>();
  for (const { operation, inputs: read } of steps) {
    const place = loweringOf(operation).place?.(operation) ?? "own";
    if (place === "same") {
      roots.push(roots[read[0]!]!);
      continue;
    }
    roots.push(roots.length);
    for (const input of read) {
      const root = roots[input]!;
      isCopied.set(root, [...(isCopied.get(root) ?? []), place === "inPlace"]);
    }
  }
  /**
   * For each of the decoder's values, the indices of the values that its readers use, one per reader: if it has several
   * readers, the branches of its fork (an operation that gives each reader the value or a copy), else the value itself.
   */
  const branches = new Map<number, number[]>();
  const give = (root: number, value: number): void => {
    const copied = isCopied.get(root) ?? [];
    // The prior reads the latent, too, which is not to be overwritten.
    const isShared = copied.length > 1 || (root === 0 && copied[0]);
    if (!isShared) {
      branches.set(root, [value]);
      return;
    }
    const size = into.sizes[value]!;
    const own = copied.map((isCopy) => ({ isCopy, value: into.value(size, isCopy ? undefined : value) }));
    into.emit({ kind: "fork", input: value, output: value, size, branches: own });
    branches.set(
      root,
      own.map(({ value: branch }) => branch),
    );
  };
  give(0, into.value(decoder.latentSize));
  let fixedSize = 0;
  decoder.fixedInputs.forEach(({ shape }, i) => {
    const size = sizeOf(shape);
    const output = into.value(size);
    give(i + 1, into.emit({ kind: "fixed", input: output, output, size, offset: 4 * fixedSize }));
    fixedSize += size;
  });
  const beforeLogits = logitOperations(decoder);
  let toLogits = into.operations.length;
  steps.forEach(({ operation, inputs: read, inputShapes }, i) => {
    if (i === beforeLogits) toLogits = into.operations.length;
    const lowering = loweringOf(operation);
    if (lowering.place?.(operation) === "same") return;
    const reads = read.map((input) => branches.get(roots[input]!)!.shift()!);
    give(inputs + i, lowering.emit(into, operation, reads, inputShapes));
  });
  if (beforeLogits === steps.length) toLogits = into.operations.length;
  const output = branches.get(roots.at(-1)!)![0]!;
  const { operations, sizes, aliases } = into;
  return {
    operations,
    /** Number of elements of each value of the lowered graph, for one sample. */
    sizes,
    /**
     * Index of the value whose storage each value of the lowered graph shares; undefined if it has its own. Gradients are never
     * shared.
     */
    aliases,
    /** Index of the memory block for each value's tangents; values that are not needed at the same time share a block. */
    slots: assignSlots(operations, aliases, output),
    /** Index of the value D(z), whose rows hold the logits before the output activation, which works in place. */
    output,
    /** Number of kernel operations up to the logits. */
    logitOperations: toLogits,
    /** Number of elements of all fixed inputs of a sample together. */
    fixedSize,
  };
}
