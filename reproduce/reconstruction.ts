import { createHash } from "node:crypto";
import { passesOf } from "../bench/passes.ts";
import { cpuSeconds, total } from "../bench/timing.ts";
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
import { readKept, writeKept } from "./kept-file.ts";
import { backend } from "./paper-setting.ts";

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

/** How a test goes on, and from where. */
export interface MeasureOptions {
  /** For all images; default 0. */
  readonly z0?: Float32Array | undefined;
  readonly progress?: (share: number) => void;
  /** Where the images so far are kept: a test that is killed goes on from there. */
  readonly file?: string;
}

/** Each image encoded by a solver, without the prior that its decoder may have been trained with. */
export function measureFlow(
  decoder: Decoder,
  data: Dataset,
  solver: Solver<GradientFlow<1>>,
  { z0 = new Float32Array(decoder.latentSize), progress, file }: MeasureOptions = {},
): Promise<Measured> {
  return measure(decoder, data, (y) => encode(decoder, y, { solver, backend, z0, prior: "none" }), {
    progress,
    ...(file && { kept: { file, of: [decoder.parameters, JSON.stringify(solver), z0] } }),
  });
}

/**
 * Each image encoded by an autoencoder's encoder.
 *
 * @param maxSteps steps of `lbfgs` by which the encoder's code is refined
 */
export async function measureCodes(
  decoder: Decoder,
  encoder: Decoder,
  data: Dataset,
  maxSteps = 0,
): Promise<Measured> {
  const measured = await measure(decoder, data, async (y) =>
    encode(decoder, y, {
      z0: await encodeWith(encoder, y, { backend }),
      solver: lbfgs({ maxSteps }),
      backend,
      prior: "none",
    }),
  );
  if (maxSteps > 0) return measured;
  const { passes: _, statuses: __, ...figures } = measured;
  return figures;
}

/** Of the images so far. */
interface Sums {
  readonly images: number;
  readonly loss: number;
  readonly squares: number;
  readonly passes: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly seconds: number;
}

const NOTHING: Sums = { images: 0, loss: 0, squares: 0, passes: 0, statuses: {}, seconds: 0 };

/** Sums in a file, and what they are of: those of another decoder or solver are not taken. */
interface KeptSums {
  readonly key: string;
  readonly sums: Sums;
}

async function measure(
  decoder: Decoder,
  data: Dataset,
  encodePiece: (y: Float32Array) => Promise<EncodeResult>,
  {
    progress,
    kept,
  }: {
    progress?: MeasureOptions["progress"];
    kept?: { file: string; of: readonly (string | Float32Array)[] };
  } = {},
): Promise<Measured> {
  const { count, size } = data;
  const key = kept && hashOf([...kept.of, `${count}`]);
  const before = kept && readKept<KeptSums>(kept.file);
  let sums = before && before.key === key ? before.sums : NOTHING;
  while (sums.images < count) {
    const y = data.slice(sums.images, sums.images + PIECE).toFloat32();
    sums = added(sums, await sumsOf(decoder, y, size, encodePiece));
    // JSON has no NaN: what is not finite is computed anew.
    if (kept && Number.isFinite(sums.loss + sums.squares)) writeKept(kept.file, { key, sums });
    progress?.(sums.images / count);
  }
  return {
    loss: sums.loss / count,
    squaredError: sums.squares / (count * size),
    passes: sums.passes / count,
    statuses: sums.statuses,
    seconds: sums.seconds,
  };
}

async function sumsOf(
  decoder: Decoder,
  y: Float32Array,
  size: number,
  encodePiece: (y: Float32Array) => Promise<EncodeResult>,
): Promise<Sums> {
  const start = cpuSeconds();
  const result = await encodePiece(y);
  const x = await decode(decoder, result.z, { backend });
  let squares = 0;
  for (let i = 0; i < y.length; i++) squares += (x[i]! - y[i]!) ** 2;
  const statuses: Record<string, number> = {};
  for (const status of result.status) statuses[status] = (statuses[status] ?? 0) + 1;
  return {
    images: y.length / size,
    squares,
    statuses,
    loss: total(result.loss),
    passes: total(passesOf(result, decoder.latentSize)),
    seconds: cpuSeconds() - start,
  };
}

function added(sums: Sums, more: Sums): Sums {
  const statuses = { ...sums.statuses };
  for (const [status, count] of Object.entries(more.statuses))
    statuses[status] = (statuses[status] ?? 0) + count;
  return {
    images: sums.images + more.images,
    loss: sums.loss + more.loss,
    squares: sums.squares + more.squares,
    passes: sums.passes + more.passes,
    statuses,
    seconds: sums.seconds + more.seconds,
  };
}

function hashOf(parts: readonly (string | Float32Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
