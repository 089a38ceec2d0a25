// What a user writes in TypeScript who has Node's types.
import { URL } from "node:url";
import { Worker } from "node:worker_threads";
import { type Backend, wasm } from "latentflow";

const url = new URL("file:///worker.js");
export const backends: Backend[] = [
  wasm({ worker: () => new Worker(url), threads: "auto" }),
  wasm({ worker: url }),
  // @ts-expect-error no worker comes of it
  wasm({ worker: () => url }),
];
