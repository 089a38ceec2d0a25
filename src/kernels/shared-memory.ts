import { builtinModule } from "../base/builtin-module.ts";

// Threads run kernels on one memory, which has to be shared. A module that imports a shared memory refuses another one, and the
// other way round: the embedded binaries import a plain memory, since not every page may share one, and are changed on loading.

/** Name of the empty custom section of a binary that imports a shared memory; scripts/stamp-wasm.mjs adds it, too. */
const SECTION = "shared memory";

/** Maximum size of a shared memory, in pages of 64 KiB: 4 GiB, as much as 32-bit addresses reach. */
const MOST_PAGES = 65536;

/** Beginning of a binary's import section: the section's number, its size and that it has one import, of the module "env". */
const IMPORT = [2, 15, 1, 3];
/** What the size becomes with the type of a shared memory in place of a plain one, which is the section's last two bytes. */
const SHARED_SIZE = 18;
/** Type of a shared memory of at least one page and at most MOST_PAGES. */
const SHARED_TYPE = [3, 1, 128, 128, 4];

/**
 * Returns true if threads can share memory in this runtime: in Node, Deno and Bun, and in pages that are cross-origin isolated.
 */
export function canShareMemory(): boolean {
  if (builtinModule("node:worker_threads")) return true;
  return typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated !== false;
}

/** Returns true if a compiled build of the kernels imports a shared memory. */
export function takesSharedMemory(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.customSections(module, SECTION).length > 0;
}

/** Returns a copy of a binary of the kernels that imports a shared memory in place of a plain one. */
export function withSharedMemory(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = binary.findIndex((_, i) => IMPORT.every((byte, j) => binary[i + j] === byte));
  return Uint8Array.from([
    ...binary.subarray(0, at + 1),
    SHARED_SIZE,
    ...binary.subarray(at + 2, at + 15),
    ...SHARED_TYPE,
    ...binary.subarray(at + 17),
    ...[0, SECTION.length + 1, SECTION.length],
    ...Array.from(SECTION, (letter) => letter.charCodeAt(0)),
  ]);
}

/**
 * Makes a memory for an instance of a build of the kernels, of one page. A shared memory reserves addresses for its maximum: if
 * there are too few, as on a phone, it gets a smaller one.
 */
export function newMemory(module: WebAssembly.Module): WebAssembly.Memory {
  if (!takesSharedMemory(module)) return new WebAssembly.Memory({ initial: 1 });
  for (let maximum = MOST_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch (error) {
      if (maximum === 1) throw error;
    }
  }
}

/**
 * Tells the garbage collector that a shared memory has become garbage: V8 does not count its bytes, and would keep gigabytes of
 * them. An array of as many bytes, which takes no memory since nothing is written to it, is counted.
 */
export function announceGarbage({ buffer }: WebAssembly.Memory): void {
  try {
    void new ArrayBuffer(buffer.byteLength);
  } catch {
    // Arrays may be smaller than memories.
  }
}
