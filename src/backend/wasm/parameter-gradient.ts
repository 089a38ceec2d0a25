import { ParameterGradient, PIXELS_AT_ONCE, paddedSize, WeightGradient } from "../../kernels/layout.ts";
import type { LoweredGraph } from "./lower.ts";
import type { PackedDecoder } from "./packed.ts";
import { parameterBlock } from "./parameter-block.ts";
import { mostOfConvolutions } from "./write-graph.ts";

/**
 * Allocates WASM memory for the gradient of a decoder's parameters, summed over samples.
 *
 * @param capacity maximum number of rows that are summed in one call
 * @param gradientsElsewhere pointer to a block of `parameterBlock(decoder)` to add to; a new cleared one by default
 */
export function allocateParameterSums(packed: PackedDecoder, capacity: number, gradientsElsewhere?: number) {
  const { arena, decoder, lowered } = packed;
  const { operations } = lowered;
  const shape = parameterBlock(decoder);
  // Convolutions read and write their values pixel by pixel, so only their channels count.
  const channels = mostOfConvolutions(lowered, ({ input, output }) => [input.channels, output.channels]);
  const tapSums = mostOfConvolutions(lowered, ({ input, output, taps }) => [
    taps * output.channels * paddedSize(input.channels),
  ]);
  const rows = channels > 0 ? Math.max(capacity, PIXELS_AT_ONCE) : capacity;
  const widest = Math.max(1, ...denseSizes(lowered), channels);
  const block = arena.allocate((piece) => ({
    sums: piece(ParameterGradient.size),
    operations: piece(WeightGradient.size * operations.length),
    columns: piece(4 * widest * rows),
    panels: piece(4 * paddedSize(widest) * rows),
    sources: piece(4 * widest),
    destinations: piece(4 * widest),
    taps: piece(4 * tapSums),
    gradients: gradientsElsewhere ?? piece(4 * shape.size),
  }));
  const { sums, gradients, ...pointers } = block.layout;
  const view = arena.view();
  ParameterGradient.fill(view, sums, pointers);
  operations.forEach(({ source }, i) => {
    if (!source) return;
    const { weight, bias } = shape.tensors[decoder.operations.indexOf(source)]!;
    const at = (start: number | undefined) => (start === undefined ? 0 : gradients + 4 * start);
    const fields = { weight: at(weight), bias: at(bias) };
    WeightGradient.set(view, pointers.operations + i * WeightGradient.size, fields);
  });
  const clear = () => void arena.f32(gradients, shape.size).fill(0);
  if (gradientsElsewhere === undefined) clear();
  return {
    ...block,
    /** Pointer to the ParameterGradient struct. */
    sums,
    /** Pointer to the summed parameter gradient, in the layout that `shape` describes. */
    gradients,
    shape,
    /** Sets the summed parameter gradient to 0. */
    clear,
    /** Returns a copy of the summed parameter gradient, [parameterCount], in the order of `decoder.parameters`. */
    read: () => shape.read(arena, gradients),
  };
}

/** Returns the widths of the inputs and outputs of all fully connected operations. */
function denseSizes({ operations }: LoweredGraph): number[] {
  return operations.flatMap((operation) =>
    operation.kind === "dense" ? [operation.inputSize, operation.outputSize] : [],
  );
}
