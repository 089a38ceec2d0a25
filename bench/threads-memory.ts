// Prints the peak memory, in MB, of a process that encodes with a decoder of 65 million weights:
// node --import tsx bench/threads-memory.ts THREADS WORKER

import { amd, closeWorkers, createDecoder, encode, wasm } from "../src/index.ts";

const [threads, worker] = [Number(process.argv[2]), process.argv[3]];
const decoder = createDecoder({ layers: [64, 8000, 8000, 64], seed: 1, loss: "mse" });
const y = Float32Array.from({ length: 16 * decoder.outputSize }, (_, i) => Math.sin(i));
await encode(decoder, y, { solver: amd({ maxSteps: 2 }), backend: wasm({ threads, worker }) });
await closeWorkers();
console.log(Math.round(process.resourceUsage().maxRSS / 1024));
