import { readFileSync } from "node:fs";
import { checkFixed } from "../../src/decoder/fixed.ts";
import { atPoints } from "../../src/decoder/points.ts";
import { readArray } from "../../src/files/read.ts";
import { type Backend, type Decoder, squaredError, wasm } from "../../src/index.ts";

// NAME.check.npz, which common.py writes beside NAME.onnx: samples with outputs by ONNX Runtime and gradients by PyTorch.

/** Samples, one row each, with the outputs and the gradients that are expected. */
export interface Check {
  readonly samples: number;
  readonly z: Float32Array;
  /** The outputs by ONNX Runtime. */
  readonly x: Float32Array;
  /** The data that the gradients are for. */
  readonly y: Float32Array;
  /** The gradient of each sample's mean squared error by PyTorch in float64. */
  readonly gradient: Float32Array;
  /** The same by PyTorch in float32. */
  readonly rounded: Float32Array;
  readonly fixed: Readonly<Record<string, Float32Array>>;
  /** The number of points, of a decoder over points. */
  readonly points: number | undefined;
}

/** Reads a check with the fixed inputs of its decoder. */
export async function readCheck(path: string, decoder: Decoder): Promise<Check> {
  const bytes = new Uint8Array(readFileSync(path));
  const read = (array: string) => readArray(bytes, { array });
  const numbers = async (array: string) => Float32Array.from((await read(array)).data);
  const fixed: Record<string, Float32Array> = {};
  let points: number | undefined;
  for (const { name, hasPoints } of decoder.fixedInputs) {
    fixed[name] = await numbers(`fixed.${name}`);
    if (hasPoints) points = (await read(`fixed.${name}`)).shape.at(-2);
  }
  const [z, x, y, gradient, rounded] = await Promise.all(
    (["z", "x", "y", "gradient", "rounded"] as const).map(numbers),
  );
  const samples = (await read("z")).shape[0]!;
  return { samples, z: z!, x: x!, y: y!, gradient: gradient!, rounded: rounded!, fixed, points };
}

/** The gradient of each sample's mean squared error, ∂l/∂z. */
export async function gradientsOf(
  decoder: Decoder,
  { samples, z, y, ...given }: Check,
  backend: Backend = wasm(),
): Promise<Float64Array> {
  const bound = atPoints(decoder, given.points);
  const session = await backend.open(bound);
  const problem = {
    decoder: bound,
    loss: squaredError(),
    targets: y,
    sampleCount: samples,
    weights: undefined,
    prior: undefined,
    batchSize: undefined,
    fixed: checkFixed(bound, given.fixed, samples),
  };
  const d = bound.latentSize;
  const gradients = new Float64Array(z.length);
  // One at a time: of large decoders a sample takes hundreds of megabytes.
  const row = Int32Array.of(0);
  for (let sample = 0; sample < samples; sample++) {
    const objective = await session.objective(problem, sample, 1);
    await objective.value(row, Float64Array.from(z.subarray(sample * d, (sample + 1) * d)));
    gradients.set(await objective.gradient(row), sample * d);
    objective.dispose();
  }
  return gradients;
}

/** The largest deviation, as a share of the largest number expected; NaN where a number is. */
export function largestDeviation(found: ArrayLike<number>, expected: Float32Array): number {
  if (found.length !== expected.length) return Number.NaN;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value) / largest), 0);
}
