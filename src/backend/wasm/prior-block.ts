import type { Arena, Block } from "../../kernels/arena.ts";
import { Prior } from "../../kernels/layout.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";

/**
 * Writes a prior into WASM memory as the struct Prior of assembly/terms/prior.ts, with scratch for one row. `pointer` is 0
 * without a prior.
 */
export function allocatePrior(
  arena: Arena,
  prior: PriorComponents | undefined,
): Block & { readonly pointer: number } {
  if (!prior) return { start: 0, size: 0, pointer: 0, free: () => {} };
  const { latentSize, means, precisions, constants } = prior;
  const block = arena.allocate((piece) => ({
    pointer: piece(Prior.size),
    means: piece(means.byteLength),
    precisions: piece(precisions.byteLength),
    constants: piece(constants.byteLength),
    pulls: piece(means.byteLength),
    responsibilities: piece(constants.byteLength),
    vector: piece(8 * latentSize),
  }));
  const { pointer, ...pieces } = block.layout;
  arena.f64(pieces.means, means.length).set(means);
  arena.f64(pieces.precisions, precisions.length).set(precisions);
  arena.f64(pieces.constants, constants.length).set(constants);
  Prior.fill(arena.view(), pointer, {
    ...prior,
    ...pieces,
    components: prior.count,
    isFull: Number(prior.isFull),
  });
  return { ...block, pointer };
}
