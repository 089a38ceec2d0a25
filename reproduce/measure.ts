import { cpuSeconds } from "../bench/measure.ts";
import { passesOf } from "../bench/passes.ts";
import {
  type Decoder,
  decode,
  type EncodeResult,
  encode,
  type GradientFlow,
  lbfgs,
  type Solver,
} from "../src/index.ts";
import { type Dataset, encodeWith } from "../src/train/index.ts";
import { backend } from "./setting.ts";

/** How well the images of a data set are reconstructed, on average. */
export interface Measured {
  /** Binary cross entropy, a mean over the pixels. */
  readonly loss: number;
  /** Mean over the pixels. */
  readonly squaredError: number;
  /** Of an image, see `passesOf`; left out where there is no flow. */
  readonly passes?: number;
  readonly statuses?: Readonly<Record<string, number>>;
  /** Of computing on one core. */
  readonly seconds: number;
}

/** Images at once: their float32 values take 3 MB. */
const PIECE = 1000;

/** Each image encoded by a solver, from z0 for all of them, by default 0. */
export function measureFlow(
  decoder: Decoder,
  data: Dataset,
  solver: Solver<GradientFlow<1>>,
  progress?: (share: number) => void,
  z0: Float32Array = new Float32Array(decoder.latentSize),
): Promise<Measured> {
  return measure(decoder, data, progress, (y) => encode(decoder, y, { solver, backend, z0 }));
}

/** Each image encoded by an autoencoder's encoder. */
export async function measureCodes(decoder: Decoder, encoder: Decoder, data: Dataset): Promise<Measured> {
  const {
    passes: _,
    statuses: __,
    ...figures
  } = await measure(decoder, data, undefined, async (y) =>
    encode(decoder, y, {
      z0: await encodeWith(encoder, y, { backend }),
      solver: lbfgs({ maxSteps: 0 }),
      backend,
    }),
  );
  return figures;
}

async function measure(
  decoder: Decoder,
  data: Dataset,
  progress: ((share: number) => void) | undefined,
  encodePiece: (y: Float32Array) => Promise<EncodeResult>,
): Promise<Measured> {
  const start = cpuSeconds();
  const statuses: Record<string, number> = {};
  let [loss, squares, passes] = [0, 0, 0];
  for (let first = 0; first < data.count; first += PIECE) {
    const y = data.slice(first, Math.min(first + PIECE, data.count)).toFloat32();
    const result = await encodePiece(y);
    const x = await decode(decoder, result.z, { backend });
    for (let i = 0; i < y.length; i++) squares += (x[i]! - y[i]!) ** 2;
    const taken = passesOf(result, decoder.latentSize);
    for (const [i, status] of result.status.entries()) {
      loss += result.loss[i]!;
      passes += taken[i]!;
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    progress?.(Math.min(1, (first + PIECE) / data.count));
  }
  const { count, size } = data;
  return {
    loss: loss / count,
    squaredError: squares / (count * size),
    passes: passes / count,
    statuses,
    seconds: cpuSeconds() - start,
  };
}
