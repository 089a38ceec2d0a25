import { builtinModule } from "../base/builtin-module.ts";

// Threads run kernels on one memory, which has to be shared. A module that imports a shared memory refuses another one, and the
// other way round: the embedded binaries import a plain memory, since not every page may share one, and are changed on loading.

/** Name of the empty custom section of a binary that imports a shared memory; scripts/stamp-wasm.mjs adds it, too. */
const SECTION = "shared memory";

/** Maximum size of a shared memory, in pages of 64 KiB: 4 GiB, as much as 32-bit addresses reach. */
const MOST_PAGES = 65536;

/** Import section of the binaries: the memory `env.memory` of at least one page, without a maximum. */
const PLAIN_IMPORT = [2, 15, 1, 3, ...ascii("env"), 6, ...ascii("memory"), 2, 0, 1];
/** The same import of a shared memory, of at most MOST_PAGES. */
const SHARED_IMPORT = [2, 18, 1, 3, ...ascii("env"), 6, ...ascii("memory"), 2, 3, 1, 128, 128, 4];

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
  const at = binary.findIndex((_, i) => PLAIN_IMPORT.every((byte, j) => binary[i + j] === byte));
  const section = [0, SECTION.length + 1, SECTION.length, ...ascii(SECTION)];
  const rest = binary.subarray(at + PLAIN_IMPORT.length);
  const shared = new Uint8Array(at + SHARED_IMPORT.length + rest.length + section.length);
  shared.set(binary.subarray(0, at));
  shared.set(SHARED_IMPORT, at);
  shared.set(rest, at + SHARED_IMPORT.length);
  shared.set(section, shared.length - section.length);
  return shared;
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

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
