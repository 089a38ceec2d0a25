// A thread that runs the probe for a while, and says how many GFLOP/s that were; see peak.ts.
import { parentPort, workerData } from "node:worker_threads";

const { module, iterations, operations } = workerData;
const memory = new WebAssembly.Memory({ initial: 1 });
const operands = 1024;
new Float32Array(memory.buffer, operands, 24).fill(1e-3);
const instance = new WebAssembly.Instance(module, { env: { memory } });
const probe = /** @type {Record<string, any>} */ (instance.exports);

/**
 * @param {"chained" | "independent"} name
 * @param {number} milliseconds
 */
function speed(name, milliseconds) {
  const perRun = iterations * probe[name.toUpperCase()].value * operations;
  const start = performance.now();
  let runs = 0;
  for (; performance.now() - start < milliseconds; runs++) probe[name](iterations, operands);
  return (runs * perRun) / (performance.now() - start) / 1e6;
}

const best = speed("chained", 50) > speed("independent", 50) ? "chained" : "independent";
parentPort?.on("message", (milliseconds) => parentPort?.postMessage(speed(best, milliseconds)));
parentPort?.postMessage("ready");
