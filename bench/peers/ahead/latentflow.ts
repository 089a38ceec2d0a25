import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Decoder, type EncodeResult, encode, lbfgs } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { cpuSeconds, median } from "../../timing.ts";
import { oneThread } from "../latentflow.ts";
import type { TrainedDecoder } from "./decoders.ts";
import type { Clock } from "./pytorch.ts";

/** `lbfgs()` on one thread, for one decoder and its samples. */
export interface Ours {
  readonly decoder: Decoder;
  /** To its own end; or without a stop, as PyTorch's runs, for so many steps at most. */
  solve(maxSteps?: number): Promise<EncodeResult>;
  /** At rows of z that are given, without a step. */
  evaluate(z: Float32Array): Promise<EncodeResult>;
  /** Seconds of a call, the mean of as many as take a while together. */
  time(clock: Clock, maxSteps?: number): Promise<number>;
  /** Milliseconds that the first call on a decoder takes more than others: packing, and what samples are preconditioned by. */
  timeOnce(clock: Clock): Promise<number>;
  dispose(): void;
}

/** A call on few samples is over before a clock and a collection of garbage are out of sight. */
const LEAST_SECONDS = 0.2;
const FIRST_CALLS = 3;
/** With such a tolerance it ends where float32 shows no fall any more. */
const NO_STOP = 1e-12;

export async function latentflowOn(
  { name, samples, latents }: TrainedDecoder,
  folder: string,
): Promise<Ours> {
  const file = join(folder, name);
  const xyz = existsSync(`${file}.points`) ? readFloats(`${file}.points`) : undefined;
  const load = () => loadOnnx(`${file}.onnx`, xyz ? { points: "xyz" } : {});
  const decoder = await load();
  const at = xyz && { points: xyz.length / 3, fixed: { xyz } };
  const all = readFloats(`${file}.targets`);
  const outputs = xyz ? xyz.length / 3 : decoder.outputSize;
  const y = all.slice(0, samples * outputs);
  if (decoder.latentSize !== latents || y.length !== samples * outputs) {
    throw new Error(
      `${name}: the decoder has ${decoder.latentSize} latents and ${all.length / outputs} samples, expected ${latents} and ${samples} at least`,
    );
  }
  const backend = oneThread();
  const solver = (maxSteps?: number) => lbfgs(maxSteps === undefined ? {} : { maxSteps, tolerance: NO_STOP });
  const solve = (maxSteps?: number, by = decoder, data = y) =>
    encode(by, data, { ...at, backend, solver: solver(maxSteps) });
  return {
    decoder,
    solve: (maxSteps) => solve(maxSteps),
    evaluate: (z0) => encode(decoder, y, { ...at, backend, z0, solver: solver(0) }),
    async time(clock, maxSteps) {
      const now = clockOf(clock);
      const start = now();
      let calls = 0;
      do {
        await solve(maxSteps);
        calls++;
      } while (now() - start < LEAST_SECONDS);
      return (now() - start) / calls;
    },
    async timeOnce(clock) {
      const now = clockOf(clock);
      const first = y.slice(0, outputs);
      const times: number[] = [];
      for (let i = 0; i < FIRST_CALLS; i++) {
        const fresh = await load();
        const start = now();
        await solve(1, fresh, first);
        const between = now();
        await solve(1, fresh, first);
        times.push(1000 * (between - start - (now() - between)));
        fresh.dispose();
      }
      return median(times);
    },
    dispose: () => decoder.dispose(),
  };
}

/** Seconds. */
function clockOf(clock: Clock): () => number {
  return clock === "wall" ? () => performance.now() / 1000 : cpuSeconds;
}

function readFloats(file: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}
