import { amd, binaryCrossEntropy, createDecoder, type EncodeResult, wasm } from "../../src/index.ts";
import { randomArray } from "./random.ts";
import { workerUrl } from "./threads.ts";

// A decoder with samples, as tests of the worker pool encode them: small, but enough of both for every thread to get a part.

export const SAMPLES = 101;
export const SIZE = 50;

export function newDecoder(seed = 3) {
  const layers = [5, 17, 33, SIZE];
  return createDecoder({ layers, seed, outputActivation: "sigmoid", loss: binaryCrossEntropy() });
}

export const y = randomArray(1, SAMPLES * SIZE, 0, 1);
export const weights = randomArray(2, SAMPLES * SIZE, 0.1, 1);
/** Long enough that every thread gets samples. */
export const solver = amd({ t1: 4000, stepInit: 5, stepMax: 400, tolerance: 1e-9 });

/** Backend of so many threads, whose workers run the file that is published. */
export const on = (threads: number) => wasm({ threads, worker: workerUrl });
export const alone = wasm({ threads: 1 });

/** Part of a result that does not depend on threads. */
export const resultOf = ({ backend, seconds, ...result }: EncodeResult) => result;
