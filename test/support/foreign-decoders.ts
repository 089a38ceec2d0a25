import { readdirSync, readFileSync } from "node:fs";
import { loadOnnx } from "../../src/onnx/index.ts";

// Decoders that PyTorch and others have written, with what float64 says of them: see fixtures/decoders/README.md.

const folder = new URL("../fixtures/decoders/", import.meta.url);

interface Sample {
  readonly z: number[];
  readonly fixed?: Record<string, number[]>;
  readonly points?: Record<string, number[]>;
  readonly y: number[];
  readonly value: number[];
  readonly loss: number;
  readonly gradient: number[];
  readonly zTrue: number[];
  readonly zMin: number[];
  readonly lossMin: number;
}

interface Expected {
  readonly file: string;
  readonly loss: "mse" | "bce";
  readonly latentShape: number[];
  readonly outputShape: number[];
  readonly inputShapes: {
    readonly fixed?: Record<string, number[]>;
    readonly points?: Record<string, number[]>;
  };
  readonly sharedPoints?: Record<string, number[]>;
  readonly samples: readonly Sample[];
}

const load = (name: string): Expected => JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
/** Their names. */
export const FOREIGN_DECODERS = readdirSync(folder)
  .filter((file) => file.endsWith(".onnx"))
  .map((file) => file.replace(".onnx", ""));

/** A file by its name, the samples' inputs as options of calls, and their numbers one after the other. */
export async function openForeign(name: string) {
  const expected = load(name);
  const { samples, inputShapes, sharedPoints = {} } = expected;
  const points = Object.keys(inputShapes.points ?? {});
  const bytes = new Uint8Array(readFileSync(new URL(expected.file, folder)));
  const decoder = await loadOnnx(bytes, {
    ...(points.length > 0 && { points: points[0]! }),
    loss: expected.loss,
  });
  const ofAll = (pick: (sample: Sample) => number[]) => Float32Array.from(samples.flatMap(pick));
  const fixed: Record<string, Float32Array> = {};
  for (const { name: input } of decoder.fixedInputs) {
    fixed[input] = sharedPoints[input]
      ? Float32Array.from(sharedPoints[input])
      : ofAll((sample) => (sample.fixed?.[input] ?? sample.points?.[input])!);
  }
  const count = points.length > 0 ? inputShapes.points![points[0]!]![0]! : undefined;
  const inputs = { ...(decoder.fixedInputs.length > 0 && { fixed }), ...(count && { points: count }) };
  return { expected, samples, decoder, inputs, fixed, ofAll, count };
}
