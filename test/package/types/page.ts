// What a user writes in TypeScript who has the DOM's types.
import { type Backend, wasm } from "latentflow";

const url = new URL("worker.js", "https://example.org/");
export const backends: Backend[] = [
  wasm({ worker: () => new Worker(url, { type: "module" }), threads: "auto" }),
  wasm({ worker: url }),
  wasm({ worker: url.href }),
  wasm({ module: new WebAssembly.Module(new Uint8Array(8)) }),
  // @ts-expect-error no worker comes of it
  wasm({ worker: () => url }),
  // @ts-expect-error a worker has to be there at once
  wasm({ worker: async () => new Worker(url) }),
];
