import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";

const PAGE = 65536;
/** A cache line, so that blocks share none. */
const ALIGNMENT = 64;

/** A stretch of free bytes. */
interface Gap {
  start: number;
  size: number;
}

/**
 * The memory of one WASM instance, given out in blocks: one for a decoder's packed weights, one for each call
 * at work. The first page is the module's own (static data). A block is taken whole before a call's work
 * starts; the memory grows only then, and blocks that were freed are used again.
 *
 * Views are made on use and never kept: growth detaches them.
 */
export class Arena {
  readonly memory = new WebAssembly.Memory({ initial: 1 });
  /** Free blocks by ascending address, no two of them adjacent. */
  private readonly gaps: Gap[] = [];

  /** The bytes of memory held, free blocks included. */
  get byteLength(): number {
    return this.memory.buffer.byteLength;
  }

  /**
   * Allocates a block that `layOut` divides: it asks for pieces by their size in bytes. It runs twice, first to add up the
   * sizes, then with addresses, and must ask for the same pieces both times.
   */
  allocate<T>(layOut: (piece: (bytes: number) => number) => T): Block & { readonly layout: T } {
    // Kernels read whole vectors at the ends of rows, past the end of a block.
    let size = ALIGNMENT;
    layOut((bytes) => {
      size += align(bytes);
      return 0;
    });
    const start = this.take(size);
    let next = start;
    const layout = layOut((bytes) => {
      const piece = next;
      next += align(bytes);
      return piece;
    });
    let freed = false;
    const free = () => {
      if (!freed) this.give(start, size);
      freed = true;
    };
    return { start, size, layout, free };
  }

  view(): DataView {
    return new DataView(this.memory.buffer);
  }

  f32(pointer: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, length);
  }

  f64(pointer: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, pointer, length);
  }

  i32(pointer: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, pointer, length);
  }

  private take(size: number): number {
    const gap = this.gaps.find((candidate) => candidate.size >= size) ?? this.grow(size);
    const start = gap.start;
    gap.start += size;
    gap.size -= size;
    if (gap.size === 0) this.gaps.splice(this.gaps.indexOf(gap), 1);
    return start;
  }

  private grow(size: number): Gap {
    const end = this.byteLength;
    const last = this.gaps.at(-1);
    const reusable = last && last.start + last.size === end ? last.size : 0;
    const pages = Math.ceil((size - reusable) / PAGE);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      const megabytes = Math.ceil((size + end) / 2 ** 20);
      throw new LatentflowError(
        "out_of_memory",
        `WebAssembly memory could not grow to ${megabytes} MB; use a smaller ${option("batchSize")} or a smaller decoder`,
        { cause },
      );
    }
    this.give(end, pages * PAGE);
    return this.gaps.at(-1)!;
  }

  private give(start: number, size: number): void {
    if (size === 0) return;
    const index = this.gaps.findIndex((gap) => gap.start > start);
    const at = index < 0 ? this.gaps.length : index;
    this.gaps.splice(at, 0, { start, size });
    this.merge(at);
    if (at > 0) this.merge(at - 1);
  }

  /** Merges a gap with the next one if they are adjacent. */
  private merge(index: number): void {
    const gap = this.gaps[index]!;
    const next = this.gaps[index + 1];
    if (!next || gap.start + gap.size !== next.start) return;
    gap.size += next.size;
    this.gaps.splice(index + 1, 1);
  }
}

/** A block of an arena's memory. */
export interface Block {
  readonly start: number;
  readonly size: number;
  /** Frees the block; a second call does nothing. */
  free(): void;
}

/** Memory that is freed together, all of it at once if more of it cannot be had. */
export class Blocks {
  private readonly all: { free(): void }[];

  constructor(...first: { free(): void }[]) {
    this.all = first;
  }

  /** Frees all; a second call does nothing. */
  readonly free = (): void => {
    for (const block of this.all.splice(0).reverse()) block.free();
  };

  /** Takes in what `allocate` returns, or frees all if it throws. */
  add<T extends { free(): void }>(allocate: () => T): T {
    const block = this.guard(allocate);
    this.all.push(block);
    return block;
  }

  /** Returns what `work` returns, or frees all if it throws. */
  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.free();
      throw error;
    }
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
