import { deflated, sizes, version } from "../../build/wasm/embedded.ts";
import { builtinModule } from "../base/builtin-module.ts";
import { calling } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { keptUnlessFailed } from "../base/kept.ts";
import { messageOf } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { CompiledKernels } from "./instance.ts";
import { canShareMemory, withSharedMemory } from "./shared-memory.ts";

/**
 * Hand-written module whose function `f` returns a² - (1 + 2⁻¹¹), a = 1 + 2⁻¹², by `f32x4.relaxed_madd`: 2⁻²⁴ if the product is
 * not rounded before the sum, else 0.
 */
const FUSED_PROBE = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 125, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 31, 1, 29, 0,
  67, 0, 8, 128, 63, 253, 19, 67, 0, 8, 128, 63, 253, 19, 67, 0, 16, 128, 191, 253, 19, 253, 133, 2, 253, 31,
  0, 11,
]);

const compiled = new Map<"plain" | "relaxed", Promise<CompiledKernels>>();

/**
 * Compiles a build of the kernels; the result is cached. By default the best build that this runtime supports.
 *
 * @param relaxed true for the relaxed-SIMD build, false for the plain one, undefined for the best
 * @throws LatentflowError `unsupported` if the runtime has no WebAssembly, lacks the SIMD instructions of the build, or forbids
 *   compiling from bytes
 */
export function compileKernels(relaxed: boolean | undefined): Promise<CompiledKernels> {
  return calling("wasm", async () => {
    if (typeof WebAssembly === "undefined") {
      throw new LatentflowError("unsupported", "this runtime has no WebAssembly");
    }
    if (relaxed && !canRunRelaxed()) {
      const message = `relaxed is true, but ${NOT_FUSED}; leave the option out to get the plain build`;
      throw new LatentflowError("unsupported", message);
    }
    const build = (relaxed ?? canRunRelaxed()) ? "relaxed" : "plain";
    return keptUnlessFailed(compiled, build, async () => {
      const binary = binaryOf(build, await unpack());
      return compile(canShareMemory() ? withSharedMemory(binary) : binary);
    });
  });
}

/** Name of the custom section that scripts/stamp-wasm.mjs adds to each build. */
const SECTION = "latentflow";

/**
 * Checks that a compiled module is a build of this version's kernels, and returns it with its name and checksum.
 *
 * @param module may be of another realm
 * @throws LatentflowError `invalid_argument` if it is not a build of this version; `unsupported` if it is the relaxed one, and
 *   this runtime or processor cannot run it
 */
export function recogniseKernels(module: WebAssembly.Module): CompiledKernels {
  return calling("wasm", () => {
    const refuse = (got: string, expected: string) =>
      refused("module", "is", got, expected, '; import kernels from "latentflow/wasm/plain.wasm"');
    let sections: ArrayBuffer[];
    try {
      sections = WebAssembly.Module.customSections(module, SECTION);
    } catch {
      throw refuse(show(module), "a WebAssembly.Module");
    }
    const stamp = readStamp(sections[0]);
    if (!stamp || stamp.version !== version) {
      const found = stamp
        ? `the kernels of latentflow ${show(stamp.version)}`
        : "a module that is not latentflow's";
      throw refuse(found, `the kernels of latentflow "${version}"`);
    }
    if (stamp.build === "relaxed" && !canRunRelaxed()) {
      throw new LatentflowError(
        "unsupported",
        `module is the relaxed build, but ${NOT_FUSED}; give the plain build`,
      );
    }
    return { module, build: stamp.build, checksum: stamp.checksum };
  });
}

/**
 * Returns the version, build name and checksum in a custom section; undefined if it is not one that scripts/stamp-wasm.mjs
 * wrote.
 */
function readStamp(section: ArrayBuffer | undefined) {
  if (!section) return undefined;
  try {
    // Read without TextDecoder, which not every runtime has: the section is ASCII.
    const stamp: Readonly<Record<string, unknown>> = JSON.parse(
      String.fromCharCode(...new Uint8Array(section)),
    );
    const { version, build, checksum } = stamp;
    return { version: String(version), build: String(build), checksum: String(checksum) };
  } catch {
    return undefined;
  }
}

/** Reason why the relaxed build cannot run, for messages. */
const NOT_FUSED = "this runtime or its processor has no relaxed SIMD with fused multiply-add";

let fuses: boolean | undefined;

/**
 * Returns true if this runtime has relaxed SIMD whose multiply-add rounds once. On a processor without a fused multiply-add
 * instruction the relaxed build would gain nothing, and without AVX its numbers would be wrong: there V8 up to version 13.6
 * (Node 24) overwrites an operand of `f32x4.relaxed_madd`. True without a test in runtimes that forbid compiling from bytes,
 * since there the caller may pass a compiled module.
 */
export function canRunRelaxed(): boolean {
  fuses ??= typeof WebAssembly !== "undefined" && WebAssembly.validate(FUSED_PROBE) && findFused();
  return fuses;
}

function findFused(): boolean {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(FUSED_PROBE));
    return (exports as { f(): number }).f() > 0;
  } catch {
    return true;
  }
}

/**
 * Returns the binary of one build of the kernels.
 *
 * @param halves both builds' binaries as scripts/embed-wasm.mjs has stored them: the first half of the plain one, the first half
 *   of the relaxed one, then the second halves in the same order
 */
function binaryOf(build: "plain" | "relaxed", halves: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = sizes[build];
  const middle = Math.ceil(size / 2);
  const isSecond = build === "relaxed";
  const first = isSecond ? Math.ceil(sizes.plain / 2) : 0;
  const second = isSecond
    ? sizes.plain + Math.ceil(sizes.relaxed / 2)
    : Math.ceil(sizes.relaxed / 2) + middle;
  const binary = new Uint8Array(size);
  binary.set(halves.subarray(first, first + middle));
  binary.set(halves.subarray(second, second + size - middle), middle);
  return binary;
}

/** Returns the kernels' plain and relaxed binaries, unpacked: the first half of each, then the second half of each. */
async function unpack(): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(deflated), (character) => character.charCodeAt(0));
  if (typeof DecompressionStream === "undefined") return unpackInNode(packed);
  // Through a reader and a writer: shorter ways need Blob.stream or Response, which jsdom lacks.
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  // Errors of the writer reach the reader too.
  for (const written of [writer.write(packed), writer.close()]) written.catch(() => {});
  const reader = readable.getReader();
  const both = new Uint8Array(sizes.plain + sizes.relaxed);
  let filled = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    both.set(part.value, filled);
    filled += part.value.length;
  }
  return both;
}

async function unpackInNode(packed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const zlib = builtinModule("node:zlib");
  if (!zlib) throw new LatentflowError("unsupported", (await import("./compile-hints.ts")).unpackHint);
  return Uint8Array.from(zlib.inflateRawSync(packed));
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<CompiledKernels> {
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (cause) {
    const { compileHint } = await import("./compile-hints.ts");
    throw new LatentflowError("unsupported", compileHint(bytes, messageOf(cause)), { cause });
  }
  return recogniseKernels(module);
}
