import { ParameterGradient, PIXELS_AT_ONCE, paddedSize, WeightGradient } from "../../kernels/layout.ts";
import type { LoweredGraph } from "./lower.ts";
import type { PackedDecoder } from "./packed.ts";
import { parameterBlock } from "./parameter-block.ts";
import { convolutionsOf } from "./write-graph.ts";

/**
 * Allocates sums of the gradient for a decoder's parameters, in the decoder's memory.
 *
 * @param capacity the most rows that are summed in one call
 * @param gradientsElsewhere a block of `parameterBlock(decoder)` to add to; default a new one, cleared
 */
export function allocateParameterSums(packed: PackedDecoder, capacity: number, gradientsElsewhere?: number) {
  const { arena, decoder, lowered } = packed;
  const { operations } = lowered;
  const shape = parameterBlock(decoder);
  const convolutions = convolutionsOf(lowered);
  const tapSums = convolutions.map(
    ({ input, output, taps }) => taps * output.channels * paddedSize(input.channels),
  );
  const rows = convolutions.length > 0 ? Math.max(capacity, PIXELS_AT_ONCE) : capacity;
  // Rows of values that convolutions lie between are taken pixel by pixel.
  const widest = Math.max(
    1,
    ...denseSizes(lowered),
    ...convolutions.map(({ input, output }) => Math.max(input.channels, output.channels)),
  );
  const block = arena.allocate((piece) => ({
    sums: piece(ParameterGradient.size),
    operations: piece(WeightGradient.size * operations.length),
    columns: piece(4 * widest * rows),
    panels: piece(4 * paddedSize(widest) * rows),
    sources: piece(4 * widest),
    destinations: piece(4 * widest),
    taps: piece(4 * Math.max(0, ...tapSums)),
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
    /** Points to the ParameterGradient struct. */
    sums,
    /** Points to the sums themselves, laid out as `shape` says. */
    gradients,
    shape,
    /** Sets the sums to 0. */
    clear,
    /** Returns the sums in the order of `decoder.parameters`. */
    read: () => shape.read(arena, gradients),
  };
}

/** Widths of the inputs and outputs of dense operations. */
function denseSizes({ operations }: LoweredGraph): number[] {
  return operations.flatMap((operation) =>
    operation.kind === "dense" ? [operation.inputSize, operation.outputSize] : [],
  );
}
