// Script of a worker, the package's export "latentflow/worker": it calls the kernels on memories that it shares with the main
// thread, which knows what they mean.

import { builtinModule } from "../../../base/builtin-module.ts";
import { announceGarbage } from "../../../kernels/shared-memory.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

type Exports = Record<string, (...args: unknown[]) => unknown> & { readonly memory: WebAssembly.Memory };

/** Exports of the kernels' instances, by the numbers of their memories. */
const instances = new Map<number, Exports>();

function answer(message: ToWorker): FromWorker | undefined {
  const { key } = message;
  const known = instances.get(key);
  if (message.type === "drop") {
    if (known) announceGarbage(known.memory);
    instances.delete(key);
    return undefined;
  }
  const { name, args, kernels } = message;
  try {
    if (kernels) {
      const instance = new WebAssembly.Instance(kernels.module, { env: { memory: kernels.memory } });
      instances.set(key, instance.exports as unknown as Exports);
    }
    return { type: "result", value: Number(instances.get(key)![name]!(...args) ?? 0) };
  } catch (error) {
    // A first call that fails has not brought the memory, which would not be dropped.
    if (kernels) instances.delete(key);
    return { type: "error", message: String(error) };
  }
}

const threads = builtinModule("node:worker_threads");
const parentPort = threads?.parentPort;
if (threads && !parentPort && typeof globalThis.postMessage !== "function") {
  throw new Error("latentflow/worker is the file of a worker: give its path or URL to wasm({ worker })");
}
const post = (message: FromWorker | undefined) => message && (parentPort ?? globalThis).postMessage(message);
const refuse = () => post({ type: "error", message: "the memory cannot be shared with this worker" });
parentPort?.on("message", (message: ToWorker) => post(answer(message)));
parentPort?.on("messageerror", refuse);
if (!parentPort) {
  globalThis.addEventListener("message", ({ data }) => post(answer(data)));
  globalThis.addEventListener("messageerror", refuse);
}
post({ type: "ready" });
