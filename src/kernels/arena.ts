import { LatentflowError } from "../base/errors.ts";
import { option, words } from "../base/message.ts";

const PAGE = 65536;
/** Alignment of the pieces of a block of memory, in bytes: a cache line, so that no two pieces share one. */
const ALIGNMENT = 64;

/** Range of free bytes in an arena's memory: address and size. */
interface Gap {
  start: number;
  size: number;
}

/**
 * Memory of one WASM instance, allocated in blocks: one for a decoder's packed weights, one for each running call. The first
 * page is the module's own (static data). A call allocates its blocks before the work that needs them; the memory grows only then,
 * also while workers compute in it, and freed blocks are reused.
 *
 * Views on the memory are made on use and never stored: growth detaches them, or leaves them too short if the memory is shared.
 */
export class Arena {
  /** Free ranges by ascending address, no two of them adjacent. */
  private readonly gaps: Gap[] = [];

  /** @param memory new WASM memory, which the instance of the kernels imports */
  constructor(readonly memory: WebAssembly.Memory) {}

  /** Size of the memory in bytes, free blocks included. */
  get byteLength(): number {
    return this.memory.buffer.byteLength;
  }

  /**
   * Allocates a block of memory for the pieces that `layOut` requests by their sizes in bytes. `layOut` runs twice, first to
   * add up the sizes, then with each piece's address, and must request the same pieces both times; `layout` is its second
   * result.
   *
   * @throws LatentflowError `out_of_memory` if the memory cannot grow
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

  /** Returns a view on the whole memory; do not store it, as the memory may grow. */
  view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** Returns a view on `length` float32 numbers at an address; do not store it, as the memory may grow. */
  f32(pointer: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, length);
  }

  /** Returns a view on `length` float64 numbers at an address; do not store it, as the memory may grow. */
  f64(pointer: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, pointer, length);
  }

  /** Returns a view on `length` int32 numbers at an address; do not store it, as the memory may grow. */
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
        words`WebAssembly memory could not grow to ${megabytes} MB; use a smaller ${option("batchSize")} or a smaller decoder`,
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

  /** Merges a free range with the next one if they are adjacent. */
  private merge(index: number): void {
    const gap = this.gaps[index]!;
    const next = this.gaps[index + 1];
    if (!next || gap.start + gap.size !== next.start) return;
    gap.size += next.size;
    this.gaps.splice(index + 1, 1);
  }
}

/** A block of an arena's memory: address and size in bytes. */
export interface Block {
  readonly start: number;
  readonly size: number;
  /** Frees the block; a second call is a no-op. */
  free(): void;
}

/** Resources that are freed together, also as soon as a further allocation fails. */
export class Blocks {
  private readonly all: { free(): void }[];

  constructor(...first: { free(): void }[]) {
    this.all = first;
  }

  /** Frees all resources added so far, the last one first; a second call is a no-op. */
  readonly free = (): void => {
    for (const block of this.all.splice(0).reverse()) block.free();
  };

  /**
   * Adds the resource that `allocate` returns to these resources, and returns it; if `allocate` throws, frees all of them and
   * rethrows.
   */
  add<T extends { free(): void }>(allocate: () => T): T {
    const block = this.guard(allocate);
    this.all.push(block);
    return block;
  }

  /** Runs `work` and returns its result; if it throws, frees all of these resources and rethrows. */
  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.free();
      throw error;
    }
  }
}

/** Returns a number of bytes rounded up to a multiple of ALIGNMENT. */
function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
