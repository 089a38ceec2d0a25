// Clears build/lib/ and puts the kernels there, which users may import by themselves.
import { cpSync, rmSync, writeFileSync } from "node:fs";

const library = new URL("../build/lib/", import.meta.url);
rmSync(library, { recursive: true, force: true });
for (const build of ["plain", "relaxed", "plain-wide", "relaxed-wide"]) {
  cpSync(new URL(`../build/wasm/${build}.wasm`, import.meta.url), new URL(`wasm/${build}.wasm`, library));
}

writeFileSync(
  new URL("wasm/kernels.d.ts", library),
  `/** The kernels, as runtimes and bundlers give them that compile what is imported: see the option \`module\` of \`wasm\`. */
declare const kernels: NonNullable<import("../types/index.js").WasmOptions["module"]>;
export default kernels;
`,
);
