import { type Decoder, encode, loadDecoder, wasm } from "latentflow";
import { readDataset } from "latentflow/data";
import decoderUrl from "../../demo/convolutional.safetensors?url";
import digitsUrl from "../../demo/mnist-test-300.idx.gz?url";

// What the page of threads measures: the demo's digits, encoded on the page's own thread of control by a number of threads.

/** The demo's decoder, and digits for it to invert. */
export interface Demo {
  readonly decoder: Decoder;
  readonly digits: Float32Array;
  readonly count: number;
}

/** One call of `encode`, as the page shows it. */
export interface Measurement {
  /** Number of threads that took part. */
  readonly threads: number;
  /** Reason why one thread did the work though more were asked for; undefined if there is none. */
  readonly reason: string | undefined;
  readonly seconds: number;
  readonly z: Float32Array;
}

/** Loads the demo's decoder and digits. */
export async function loadDemo(): Promise<Demo> {
  const absolute = (url: string) => new URL(url, location.href).href;
  const [decoder, data] = await Promise.all([
    loadDecoder(absolute(decoderUrl)),
    readDataset(absolute(digitsUrl)),
  ]);
  return { decoder, digits: data.toFloat32(), count: data.count };
}

/** Encodes the digits by a number of threads. */
export async function measure({ decoder, digits }: Demo, threads: number): Promise<Measurement> {
  const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });
  const { z, seconds, backend } = await encode(decoder, digits, { backend: wasm({ threads, worker }) });
  return { threads: backend.threads ?? 1, reason: backend.reason, seconds, z };
}

/** Returns whether two arrays have the same bits. */
export function haveSameBits(a: Float32Array, b: Float32Array): boolean {
  const [bits, others] = [a, b].map(
    ({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length),
  );
  return bits!.length === others!.length && bits!.every((each, i) => each === others![i]);
}
