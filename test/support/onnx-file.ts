import * as ort from "onnxruntime-web";
import type { Decoder } from "../../src/decoder/decoder.ts";
import type { Declared } from "../../src/onnx/read/model.ts";
import { readModel } from "../../src/onnx/read/model-file.ts";
import { randomArray } from "./random.ts";

// ONNX files as onnxruntime runs them.

/** An input of a file with numbers. */
export interface Fed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly isInteger: boolean;
}

const SAMPLES = 2;
const POINTS = 3;
/** No file has fewer. */
const CLASSES = 5;

/** Inputs for a file: lengths without a number are 2 for the batch, 3 for points. */
export function feed(bytes: Uint8Array): Fed[] {
  const { inputs, initializers } = readModel(bytes);
  const known = new Set(initializers.map(({ name }) => name));
  return inputs
    .filter(({ name }) => !known.has(name))
    .map(({ name, shape, names, elementType }: Declared, i) => {
      const lengths = shape!.map((length, axis) => length ?? (names[axis] === "points" ? POINTS : SAMPLES));
      const size = lengths.reduce((product, length) => product * length, 1);
      const isInteger = elementType !== 1;
      const values = isInteger
        ? Float32Array.from({ length: size }, (_, k) => (3 * k + 1) % CLASSES)
        : randomArray(10 + i, size, -1, 1);
      return { name, shape: lengths, values, isInteger };
    });
}

/** What onnxruntime makes of a file. */
export async function run(
  bytes: Uint8Array,
  inputs: readonly Fed[],
  output: string,
  data: ort.InferenceSession.SessionOptions = {},
) {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, ...data });
  const feeds = Object.fromEntries(
    inputs.map(({ name, shape, values, isInteger }) => [
      name,
      isInteger
        ? new ort.Tensor(
            "int64",
            BigInt64Array.from(values, (value) => BigInt(value)),
            shape,
          )
        : new ort.Tensor("float32", values, shape),
    ]),
  );
  const { [output]: result } = await session.run(feeds);
  await session.release();
  return { shape: result!.dims, values: result!.data as Float32Array };
}

/** The part of an input that is one sample's, by the decoder's account. */
export function partOf(
  decoder: Decoder,
  { name, values, shape }: Fed,
  sample: number,
  samples: number,
): Float32Array {
  const input = decoder.fixedInputs.find((each) => each.name === name);
  const isLatent = !input;
  const own = isLatent ? decoder.latentSize : values.length / samples;
  // What has no batch is the same for all.
  const isShared =
    input && input.shape.length === shape.length && !(input.shape.length === 1 && input.shape[0] === 1);
  return isShared ? values : values.subarray(sample * own, (sample + 1) * own);
}
