// What a user writes in TypeScript, without Node's or the DOM's own names beyond those the library needs.
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  type DecoderSource,
  decode,
  type EncodeOptions,
  type EncodeResult,
  encode,
  gaussian,
  LatentflowError,
  type LatentflowErrorCode,
  type Status,
  squaredError,
  summary,
  wasm,
} from "latentflow";
import {
  type AutoencoderResult,
  adam,
  createDataset,
  type Dataset,
  type EncoderReport,
  type EvaluateEncoderOptions,
  type EvaluateReport,
  encodeWith,
  evaluate,
  linear,
  shift,
  type TrainAutoencoderOptions,
  type TrainOptions,
  type TrainResult,
  train,
  trainAutoencoder,
} from "latentflow/train";
import { auto, availableBackends, webgpu } from "latentflow/webgpu";

const controller = new AbortController();

const options: EncodeOptions = {
  loss: binaryCrossEntropy({ reduction: "mean" }),
  solver: amd({ stepInit: 1, stepMax: 10, maxSteps: 20, growFrom: "accepted" }),
  backend: wasm({ relaxed: false }),
  batchSize: 2,
  signal: controller.signal,
  onProgress: ({ done, total, meanLoss }) => [done / total, meanLoss],
  onAbort: "return",
};

export const onGpu: EncodeOptions = { backend: auto([webgpu({ wasmPaths: "/onnxruntime/" }), wasm()]) };
export const reasons: Promise<(string | undefined)[]> = availableBackends().then((backends) =>
  backends.map(({ reason }) => reason),
);

export const named: EncodeOptions = { loss: "mse" };

// @ts-expect-error no loss has this name
export const wrong: EncodeOptions = { loss: "crossEntropy" };

/** What a function's caller may leave out is handed on as it is. */
export function handedOn(
  decoder: Decoder,
  y: Float32Array,
  given: EncodeOptions = {},
): Promise<EncodeResult> {
  const { signal, backend, batchSize, solver, prior, onProgress } = given;
  return encode(decoder, y, { signal, backend, batchSize, solver: solver && amd(), prior, onProgress });
}

/** Figures that a call's options ask for need no check. */
export async function likely(decoder: Decoder, y: Float32Array): Promise<readonly (number | undefined)[]> {
  const prior = gaussian();
  const both = await encode(decoder, y, { prior, saveAt: "steps" });
  const { trajectory } = await encode(decoder, y, { loss: "mse", saveAt: [0, 1] });
  const report = await evaluate(decoder, y, { prior, solver: amd() });
  const byEncoder = await evaluate(decoder, y, { prior, encoder: network });
  const given = [both.prior[0], both.trajectory[0]?.t[0], trajectory.length];
  return [...given, report.prior[0], report.status.length, byEncoder.prior[0], byEncoder.nonfinite];
}

/** Figures that depend on the decoder, or on a value, may be missing. */
export async function perhaps(decoder: Decoder, y: Float32Array, given: EncodeOptions): Promise<object> {
  const own = await encode(decoder, y, { saveAt: "steps" });
  // @ts-expect-error the decoder may have no prior
  own.prior.length;
  const none = await encode(decoder, y, { prior: "none" });
  // @ts-expect-error "none" is no prior
  none.prior.length;
  const result = await encode(decoder, y, given);
  // @ts-expect-error the options may have no saveAt
  result.trajectory.length;
  const report = await evaluate(decoder, y, { solver: amd() });
  // @ts-expect-error the decoder may have no prior
  report.prior.length;
  return { own, none, result, report };
}

/** Files and codes for whoever takes bytes. */
export function saved(decoder: Decoder, { z }: EncodeResult): Blob {
  return new Blob([decoder.toSafetensors(), z]);
}

// @ts-expect-error a signal is an AbortSignal
export const wrongSignal: EncodeOptions = { signal: "abort" };

const runOptions: TrainAutoencoderOptions = {
  optimizer: adam({ learningRate: 1e-3 }),
  schedule: linear(),
  batchSize: 2,
  epochs: 1,
  augment: shift({ pixels: 1 }),
  loss: binaryCrossEntropy(),
  signal: controller.signal,
  onProgress: ({ images, total, loss, secondsLeft }) => [images / total, loss, secondsLeft],
};

// @ts-expect-error nothing is followed in an autoencoder
export const wrongTraining: TrainAutoencoderOptions = { solver: amd() };
const network = createDecoder({ layers: [4, 2] });
// @ts-expect-error codes come from a solver or from an encoder
export const wrongEvaluation: EvaluateEncoderOptions = { solver: amd(), encoder: network };

async function runTraining(decoder: Decoder, y: Float32Array): Promise<object> {
  const data: Dataset = createDataset(y, { shape: [2, 2] });
  const trainOptions: TrainOptions = { ...runOptions, solver: amd({ maxSteps: 20 }) };
  const run: TrainResult = await train(decoder, data, {
    ...trainOptions,
    validation: { data, everyImages: 1 },
  });
  const report: EvaluateReport = await evaluate(run.decoder, data, { solver: amd({ maxSteps: 5 }) });
  const autoencoder: AutoencoderResult = await trainAutoencoder(decoder, y, runOptions);
  const { encoder } = autoencoder;
  const byEncoder: EncoderReport = await evaluate(autoencoder.decoder, y, { encoder });
  const codes: Float32Array = await encodeWith(encoder, y);
  const samples: number = report.samples + byEncoder.loss.length - byEncoder.samples + byEncoder.nonfinite;
  const [updates, validations] = [run.history.length, run.validation.length];
  return { updates, samples, validations, codes: codes.length };
}

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
  const training = await runTraining(decoder, y);
  decoder.dispose();
  const code = await encode(decoder, y, options).then(
    () => undefined,
    (error: unknown): LatentflowErrorCode | undefined =>
      error instanceof LatentflowError ? error.code : undefined,
  );
  const { samples, build } = summary(result);
  return JSON.stringify({ samples, build, outputs: reconstruction.length, steps, status, code, training });
}

run().then((text) => console.log(text));
