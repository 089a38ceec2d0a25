import type { Block } from "../../kernels/arena.ts";
import type { Control } from "../../solver/base.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { atStart } from "./at-start.ts";
import { type Jacobian, jacobianStride, NO_MATRICES, panelBytes } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";

/**
 * Callback for rows first … first + count - 1 of J₀ᵀ, the transposed Jacobian at the decoder's start latent. The callback
 * owns `values`, the rows, [count, outputSize].
 */
export type OnJacobianRows = (range: SampleRange, values: Float32Array<ArrayBuffer>) => void;

/**
 * Computes the rows of J₀ᵀ, the transposed Jacobian at the decoder's start latent, that `feed` returns, a block of rows at a
 * time, until it returns none or the caller aborts. Memory is allocated for one block. A row's bits do not depend on the other
 * rows of its block.
 *
 * @throws LatentflowError `out_of_memory`
 */
export async function computeJacobianRows(
  packed: PackedDecoder,
  control: Control,
  feed: Feed,
  onRows: OnJacobianRows,
): Promise<void> {
  if (!feed.hasMore) return;
  const { arena, decoder, kernels, graph } = packed;
  const n = decoder.outputSize;
  const stride = jacobianStride(packed);
  const room = { ...NO_MATRICES, rows: true };
  const objective = { loss: "squaredError", prior: undefined } as const;
  await atStart(packed, objective, room, async ({ workspace, work, rows, tangentsAtOnce }) => {
    while (!control.aborted()) {
      const range = feed.take(tangentsAtOnce);
      if (!range) return;
      const { first, count } = range;
      // The kernels write a row to its place in the whole Jacobian, of which only this block is in memory.
      kernels.objectiveJacobian(graph, workspace, work, 0, rows - first * stride, first, count);
      const values = new Float32Array(count * n);
      for (let i = 0; i < count; i++) values.set(arena.f32(rows + i * stride, n), i * n);
      onRows(range, values);
      await control.pause();
    }
  });
}

/**
 * J₀ᵀ, the transposed Jacobian at the decoder's `start` latent, in the decoder's WASM memory, while and after it is computed:
 * row k holds the derivatives of the logits with respect to latent k. Rows may arrive in any order, from this thread or others.
 */
export class JacobianRows {
  private readonly rows: Block & { readonly layout: number };
  private panels: (Block & { readonly layout: number }) | undefined;
  private readonly isThere: boolean[];

  /**
   * Allocates memory for all d rows of J₀ᵀ, one for each latent.
   *
   * @throws LatentflowError `out_of_memory`
   */
  constructor(private readonly packed: PackedDecoder) {
    const { arena, decoder } = packed;
    const { latentSize: d } = decoder;
    this.rows = arena.allocate((piece) => piece(d * jacobianStride(packed)));
    this.isThere = new Array<boolean>(d).fill(false);
  }

  /**
   * Computes rows of J₀ᵀ on this thread, the ranges that `feed` returns, and stores them here, until `feed` returns none or the
   * caller aborts.
   *
   * @param onRows called with each range of rows that has been stored
   * @throws LatentflowError `out_of_memory`
   */
  compute(feed: Feed, control: Control, onRows: (range: SampleRange) => void = () => {}): Promise<void> {
    return computeJacobianRows(this.packed, control, feed, (range, values) => {
      this.write(range.first, values);
      onRows(range);
    });
  }

  /**
   * Returns a feed (source of ranges) of the rows of the Jacobian that no thread has delivered yet; it returns a row again
   * until it is delivered.
   */
  missing(): Feed {
    const { isThere } = this;
    const next = () => isThere.indexOf(false);
    return {
      get hasMore() {
        return next() >= 0;
      },
      take(most) {
        const first = next();
        if (first < 0) return undefined;
        const end = isThere.indexOf(true, first);
        return { first, count: Math.min(most, (end < 0 ? isThere.length : end) - first) };
      },
    };
  }

  /** Returns a copy of J₀ᵀ, the transposed Jacobian at the decoder's start latent, [latentSize, outputSize]. */
  read(): Float32Array<ArrayBuffer> {
    const { arena, decoder } = this.packed;
    const { latentSize: d, outputSize: n } = decoder;
    const rows = new Float32Array(d * n);
    for (let row = 0; row < d; row++) rows.set(arena.f32(this.pointerTo(row), n), row * n);
    return rows;
  }

  /**
   * Copies rows computed on any thread into J₀ᵀ, the transposed Jacobian, from row `first` on.
   *
   * @param values rows of outputSize numbers, [count, outputSize]
   */
  write(first: number, values: Float32Array): void {
    const { arena, decoder } = this.packed;
    const { outputSize: n } = decoder;
    for (let i = 0; i * n < values.length; i++) {
      arena.f32(this.pointerTo(first + i), n).set(values.subarray(i * n, (i + 1) * n));
      this.isThere[first + i] = true;
    }
  }

  /** True once `pack` has packed the Jacobian's rows into panels of 8 latents. */
  get isPacked(): boolean {
    return this.panels !== undefined;
  }

  /**
   * Packs all rows of J₀ᵀ, which must be complete, into panels (blocks) of 8 latents; returns the pointers to the rows and the
   * panels.
   *
   * @throws LatentflowError `out_of_memory`
   */
  pack(): Jacobian {
    const { arena, kernels, decoder } = this.packed;
    const { latentSize, outputSize } = decoder;
    this.panels = arena.allocate((piece) => piece(panelBytes(this.packed)));
    const [jacobian, jacobianPanels] = [this.rows.layout, this.panels.layout];
    kernels.packPanels(jacobian, latentSize, outputSize, jacobianStride(this.packed), 4, jacobianPanels);
    return { jacobian, jacobianPanels };
  }

  free(): void {
    this.rows.free();
    this.panels?.free();
  }

  private pointerTo(row: number): number {
    return this.rows.layout + row * jacobianStride(this.packed);
  }
}
