import { makeControl } from "../../control.ts";
import type { Control } from "../../solver/base.ts";
import type { Feed, SampleRange } from "../feed.ts";
import type { Block } from "./arena.ts";
import { atOrigin } from "./at-origin.ts";
import { type Jacobian, jacobianStride, panelBytes } from "./gauss-newton.ts";
import type { PackedDecoder } from "./packed.ts";

/**
 * J₀ᵀ while it is made, in its decoder's memory: row k says how the logits change at z = 0 as latent k grows. Rows may come
 * in any order, computed here or elsewhere: a row's bits do not depend on those beside it.
 */
export class JacobianRows {
  private readonly block: Block & { readonly layout: Jacobian };
  private readonly isThere: boolean[];
  /** Are all rows there, and packed? */
  isPacked = false;

  constructor(private readonly packed: PackedDecoder) {
    const { arena, decoder } = packed;
    const { latentSize: d } = decoder;
    const stride = jacobianStride(packed);
    this.block = arena.allocate((piece) => ({
      jacobian: piece(d * stride),
      jacobianPanels: piece(panelBytes(packed)),
    }));
    this.isThere = new Array<boolean>(d).fill(false);
  }

  /**
   * Computes rows that it is given, some at a time, until it is given none.
   *
   * @param onRows called with those that are done
   */
  async compute(
    feed: Feed,
    control: Control = makeControl(undefined),
    onRows: (range: SampleRange) => void = () => {},
  ): Promise<void> {
    if (!feed.hasMore) return;
    const { kernels, graph } = this.packed;
    await atOrigin(
      this.packed,
      { loss: "squaredError", prior: undefined },
      this.block.layout,
      async ({ workspace, work, tangentsAtOnce }) => {
        while (!control.aborted()) {
          const range = feed.take(tangentsAtOnce);
          if (!range) return;
          const { first, count } = range;
          kernels.objectiveJacobian(graph, workspace, work, first, count);
          this.isThere.fill(true, first, first + count);
          onRows(range);
          await control.pause();
        }
      },
    );
  }

  /** Those that are not there yet. */
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

  /** A copy of rows, count × n. */
  read({ first, count }: SampleRange): Float32Array<ArrayBuffer> {
    const { arena, decoder } = this.packed;
    const { outputSize: n } = decoder;
    const rows = new Float32Array(count * n);
    for (let i = 0; i < count; i++) rows.set(arena.f32(this.pointerTo(first + i), n), i * n);
    return rows;
  }

  /** Takes over a row that was computed elsewhere. */
  write(row: number, values: Float32Array): void {
    this.packed.arena.f32(this.pointerTo(row), values.length).set(values);
    this.isThere[row] = true;
  }

  /** Once all rows are there. */
  pack(): Jacobian {
    const { kernels, decoder } = this.packed;
    const { jacobian, jacobianPanels } = this.block.layout;
    const { latentSize, outputSize } = decoder;
    kernels.packPanels(jacobian, latentSize, outputSize, jacobianStride(this.packed), 4, jacobianPanels);
    this.isPacked = true;
    return this.block.layout;
  }

  free(): void {
    this.block.free();
  }

  private pointerTo(row: number): number {
    return this.block.layout.jacobian + row * jacobianStride(this.packed);
  }
}
