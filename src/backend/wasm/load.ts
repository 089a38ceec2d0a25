import { instantiate } from "@assemblyscript/loader";
import type { instantiate as debugBindings } from "../../../build/wasm/debug.js";
import { plain, relaxed as relaxedSimd } from "../../../build/wasm/embedded.ts";
import { checksum } from "../../checksum.ts";
import { LatentflowError } from "../../errors.ts";

/** The exports of assembly/index.ts. */
export type Kernels = Awaited<ReturnType<typeof debugBindings>>;

/** A compiled build of the kernels. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  readonly build: "plain" | "relaxed" | "custom";
  /** Of the binary. */
  readonly checksum: number;
}

/**
 * A module with one function, `f32x4.relaxed_madd` of zeros, by hand: what validates it runs the relaxed
 * build, whose binary would have to be unpacked to ask.
 */
const RELAXED_PROBE = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0,
  253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
]);

const compiled = new Map<"plain" | "relaxed", Promise<CompiledKernels>>();
const custom = new WeakMap<Uint8Array, Promise<CompiledKernels>>();

/**
 * Compiles the best build that this runtime takes, once.
 *
 * @param relaxed true or false to ask for one of the two builds
 * @param bytes the caller's own binary instead
 * @throws LatentflowError `unsupported` when the runtime has no WebAssembly (SIMD), or forbids to compile it
 */
export function compileKernels(relaxed: boolean | undefined, bytes?: Uint8Array): Promise<CompiledKernels> {
  if (typeof WebAssembly === "undefined") {
    return Promise.reject(new LatentflowError("unsupported", "wasm: this runtime has no WebAssembly"));
  }
  if (bytes) return compileCustom(bytes);
  if (relaxed && !hasRelaxedSimd()) {
    const message =
      "wasm: relaxed is true, but this runtime has no relaxed SIMD; leave the option out to get the plain build";
    return Promise.reject(new LatentflowError("unsupported", message));
  }
  const build = (relaxed ?? hasRelaxedSimd()) ? "relaxed" : "plain";
  let kernels = compiled.get(build);
  if (!kernels) {
    kernels = unpack(build === "relaxed" ? relaxedSimd : plain).then((binary) => compile(binary, build));
    compiled.set(build, kernels);
    // A failure is not kept: what forbids it may change, an error deserves a new try.
    kernels.catch(() => compiled.delete(build));
  }
  return kernels;
}

/** Compiles a binary of the caller's once: what is packed for it is found by its module. */
function compileCustom(bytes: Uint8Array): Promise<CompiledKernels> {
  let kernels = custom.get(bytes);
  if (!kernels) {
    kernels = compile(bytes, "custom");
    custom.set(bytes, kernels);
    kernels.catch(() => custom.delete(bytes));
  }
  return kernels;
}

/** Makes an instance on a memory of its own. */
export async function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Kernels> {
  const { exports } = await instantiate<Kernels>(module, { env: { memory } });
  return exports as unknown as Kernels;
}

function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

async function unpack(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof DecompressionStream === "undefined") {
    throw new LatentflowError(
      "unsupported",
      "wasm: this runtime has no DecompressionStream; pass the binary itself, wasm({ bytes })",
    );
  }
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function compile(bytes: Uint8Array, build: CompiledKernels["build"]): Promise<CompiledKernels> {
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(bytes as BufferSource);
  } catch (cause) {
    throw new LatentflowError("unsupported", `wasm: ${compileHint(bytes, build)}`, { cause });
  }
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  if (!names.includes("solveImplicitAmd")) {
    throw new LatentflowError("unsupported", "wasm: the bytes given are no build of latentflow's kernels");
  }
  return { module, build, checksum: checksum(bytes) };
}

function compileHint(bytes: Uint8Array, build: CompiledKernels["build"]): string {
  if (!WebAssembly.validate(bytes as BufferSource)) {
    return build === "custom"
      ? "the bytes given are no WebAssembly module that this runtime can run"
      : "this runtime has no WebAssembly SIMD, which latentflow needs";
  }
  return "the module could not be compiled; a page with a Content-Security-Policy has to allow script-src 'wasm-unsafe-eval'";
}
