// Messages on runtimes that do not compile the kernels from bytes. Loaded when there is such a message, and without imports,
// so that nothing else becomes a chunk of its own.

/** End of a message that advises precompiled kernels, for runtimes that cannot compile WebAssembly from bytes. */
const COMPILED_IMPORT =
  'import kernels from "latentflow/wasm/plain.wasm" and encode(decoder, y, { backend: wasm({ module: kernels }) })';

/** Message of a runtime that cannot unpack the kernels. */
export const unpackHint = `this runtime has no DecompressionStream to unpack the kernels with: ${COMPILED_IMPORT}`;

/** Returns the message of a runtime that has refused to compile the kernels, with the words of its error. */
export function compileHint(bytes: Uint8Array<ArrayBuffer>, found: string): string {
  if (!WebAssembly.validate(bytes)) {
    return "this runtime has no WebAssembly SIMD, which latentflow needs; take a newer one";
  }
  return (
    `the kernels could not be compiled (${found}). In a page with a Content-Security-Policy: allow script-src ` +
    `'wasm-unsafe-eval'. In Cloudflare Workers: ${COMPILED_IMPORT}`
  );
}
