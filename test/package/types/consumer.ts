// What a user writes in TypeScript, without Node's or the DOM's own names beyond those the library needs.
import {
  amd,
  createDecoder,
  crossEntropy,
  type Decoder,
  type DecoderSource,
  decode,
  type EncodeOptions,
  type EncodeResult,
  encode,
  LatentflowError,
  type LatentflowErrorCode,
  type Status,
  squaredError,
  summary,
  wasm,
} from "latentflow";

const controller = new AbortController();

const options: EncodeOptions = {
  loss: crossEntropy({ reduction: "mean" }),
  solver: amd({ stepInit: 1, stepMax: 10, maxSteps: 20, growFrom: "accepted" }),
  backend: wasm({ relaxed: false }),
  batchSize: 2,
  signal: controller.signal,
  onProgress: ({ done, total, meanLoss }) => [done / total, meanLoss],
  onAbort: "return",
};

// @ts-expect-error the loss is made by a function, not named
export const wrong: EncodeOptions = { loss: "crossEntropy" };

// @ts-expect-error a signal is an AbortSignal
export const wrongSignal: EncodeOptions = { signal: "abort" };

export const sources: DecoderSource[] = [new Blob([]), new URL("file:///decoder.safetensors"), "a path"];
// @ts-expect-error a date is no source
export const wrongSource: DecoderSource = new Date();

export async function run(): Promise<string> {
  const decoder: Decoder = createDecoder({
    layers: [2, 5, 4],
    activation: { name: "leakyRelu", slope: 0.2 },
    outputActivation: "sigmoid",
    outputShape: [2, 2],
    seed: 1,
  });
  const y = new Float32Array(3 * decoder.outputSize).fill(0.5);
  const result: EncodeResult = await encode(decoder, y, options);
  const other: EncodeResult = await encode(decoder, y, { loss: squaredError({ reduction: "sum" }) });
  const z: Float32Array = result.z;
  const reconstruction: Float32Array = await decode(decoder, z, { output: "preActivation" });
  const steps: number | undefined = result.stats.acceptedSteps[0];
  const status: Status | undefined = other.status[0];
  decoder.dispose();
  const code = await encode(decoder, y, options).then(
    () => undefined,
    (error: unknown): LatentflowErrorCode | undefined =>
      error instanceof LatentflowError ? error.code : undefined,
  );
  const { samples, build } = summary(result);
  return JSON.stringify({ samples, build, outputs: reconstruction.length, steps, status, code });
}

run().then((text) => console.log(text));
