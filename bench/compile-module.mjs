// node FLAGS bench/compile-module.mjs FILE: compiles a module of the kernels, for what V8 prints on the way.
import { readFileSync } from "node:fs";

new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2] ?? "")), {
  env: { memory: new WebAssembly.Memory({ initial: 1 }) },
});
