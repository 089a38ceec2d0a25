import type { Block } from "../../kernels/arena.ts";
import { GaussNewton } from "../../kernels/layout.ts";
import type { Control } from "../../solver/base.ts";
import { makeControl } from "../../solver/control.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { atStart } from "./at-start.ts";
import { type Jacobian, jacobianStride, NO_MATRICES, panelBytes } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";

/** Callback for rows first … first + count - 1 of J₀ᵀ; it may keep `values`, count × n. */
export type OnJacobianRows = (range: SampleRange, values: Float32Array<ArrayBuffer>) => void;

/**
 * Computes the rows of J₀ᵀ that `feed` gives, a block of tangents at a time, until it gives none or the caller aborts.
 * Memory is allocated for one block. A row's bits do not depend on the other rows of its block.
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
      // The kernels write a row at its place in the whole Jacobian, of which there is this block only.
      GaussNewton.set(arena.view(), work, { jacobian: rows - first * stride });
      kernels.objectiveJacobian(graph, workspace, work, first, count);
      const values = new Float32Array(count * n);
      for (let i = 0; i < count; i++) values.set(arena.f32(rows + i * stride, n), i * n);
      onRows(range, values);
      await control.pause();
    }
  });
}

/**
 * Transposed Jacobian at the decoder's own start, J₀ᵀ, while and after it is made, in its decoder's memory: row k has the
 * derivatives of the logits by latent k. Rows may come in any order, from this thread or others.
 */
export class JacobianRows {
  private readonly rows: Block & { readonly layout: number };
  private panels: (Block & { readonly layout: number }) | undefined;
  private readonly isThere: boolean[];

  /** @throws LatentflowError `out_of_memory` */
  constructor(private readonly packed: PackedDecoder) {
    const { arena, decoder } = packed;
    const { latentSize: d } = decoder;
    this.rows = arena.allocate((piece) => piece(d * jacobianStride(packed)));
    this.isThere = new Array<boolean>(d).fill(false);
  }

  /**
   * Computes the rows that `feed` gives, until it gives none or the caller aborts.
   *
   * @param onRows called with those that are there now
   * @throws LatentflowError `out_of_memory`
   */
  compute(
    feed: Feed,
    control: Control = makeControl(undefined),
    onRows: (range: SampleRange) => void = () => {},
  ): Promise<void> {
    return computeJacobianRows(this.packed, control, feed, (range, values) => {
      this.write(range.first, values);
      onRows(range);
    });
  }

  /** Feed of the rows of the Jacobian that no thread has delivered yet; a row is handed out again until it is delivered. */
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

  /** Returns a copy of all rows, d × n. */
  read(): Float32Array<ArrayBuffer> {
    const { arena, decoder } = this.packed;
    const { latentSize: d, outputSize: n } = decoder;
    const rows = new Float32Array(d * n);
    for (let row = 0; row < d; row++) rows.set(arena.f32(this.pointerTo(row), n), row * n);
    return rows;
  }

  /**
   * Copies rows computed elsewhere into J₀ᵀ, from `first` on.
   *
   * @param values count × n
   */
  write(first: number, values: Float32Array): void {
    const { arena, decoder } = this.packed;
    const { outputSize: n } = decoder;
    for (let i = 0; i * n < values.length; i++) {
      arena.f32(this.pointerTo(first + i), n).set(values.subarray(i * n, (i + 1) * n));
      this.isThere[first + i] = true;
    }
  }

  /** True once `pack` has been called. */
  get isPacked(): boolean {
    return this.panels !== undefined;
  }

  /**
   * Packs all rows, which must be complete, into panels; returns the pointers to rows and panels.
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
