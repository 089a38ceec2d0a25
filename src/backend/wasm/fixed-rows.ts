import { type FixedValues, writeFixed } from "../../decoder/fixed.ts";
import type { Block } from "../../kernels/arena.ts";
import type { PackedDecoder } from "./packed.ts";
import type { Workspace } from "./workspace.ts";

/**
 * WASM memory for the decoder's fixed inputs of some samples, one input after the other for each sample (Workspace.fixed of
 * assembly/memory/workspace.ts).
 */
export interface FixedRows extends Pick<Block, "free"> {
  /** Returns the pointer to the fixed inputs of the sample stored at index `place`; 0 if the decoder has none. */
  at(place: number): number;
  /** Copies the fixed inputs of sample number `sample` of a call to index `place`. */
  write(place: number, fixed: FixedValues, sample: number): void;
  /**
   * Sets a workspace's pointers to fixed inputs, for `copies` rows per stored sample: row r reads the inputs of the sample
   * stored at index r modulo the number of stored samples.
   */
  point(workspace: Workspace, copies?: number): void;
}

/** Memory for the fixed inputs of a decoder that has none: every function is a no-op. */
const NOTHING: FixedRows = { free() {}, at: () => 0, write() {}, point() {} };

/**
 * Allocates WASM memory for the fixed inputs of `places` samples. For a decoder without fixed inputs nothing is allocated,
 * and the functions are no-ops.
 */
export function allocateFixed({ arena, lowered, decoder }: PackedDecoder, places: number): FixedRows {
  const size = lowered.fixedSize;
  if (size === 0) return NOTHING;
  const block = arena.allocate((piece) => piece(4 * size * places));
  const at = (place: number) => block.layout + 4 * size * place;
  return {
    free: block.free,
    at,
    write(place, fixed, sample) {
      writeFixed(decoder, fixed, sample, arena.f32(at(place), size));
    },
    point(workspace, copies = 1) {
      const view = arena.view();
      for (let row = 0; row < places * copies; row++) {
        view.setUint32(workspace.fixed + 4 * row, at(row % places), true);
      }
    },
  };
}
