// node FLAGS bench/compile-module.mjs FILE: compiles a module of the kernels, for what V8 prints on the way.
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2] ?? ""));
const shared = WebAssembly.Module.customSections(module, "shared memory").length > 0;
const memory = new WebAssembly.Memory({ initial: 1, ...(shared && { maximum: 65536, shared }) });
new WebAssembly.Instance(module, { env: { memory } });
