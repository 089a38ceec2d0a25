import { join } from "node:path";
import { formatCsv } from "../../files/csv.ts";
import { toNpy } from "../../files/npy.ts";
import { type Decoder, LatentflowError, makeProbe } from "../../index.ts";
import type { AutoencoderResult, TrainResult } from "../../train/index.ts";
import type { TrainingInput } from "../input/training-input.ts";
import type { TrainingJob } from "../options/training-job.ts";
import type { ChosenTraining } from "../options/training-options.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import { logName } from "./training-log.ts";

/** Finished run of `latentflow train`. */
export interface TrainingRun extends TrainingInput {
  readonly job: TrainingJob;
  readonly training: ChosenTraining;
  readonly result: TrainResult | AutoencoderResult;
  /** Seconds since the start of this process's run, which may have begun at a checkpoint. */
  readonly seconds: number;
}

/** Names of the files that a training run may write, beside its log and its checkpoints. */
export const trainingOutputs = [
  "decoder.safetensors",
  "encoder.safetensors",
  "codes.npy",
  "history.csv",
  "validation.csv",
];

/**
 * Formats a decoder as safetensors with a probe. Has no probe if the outputs are not finite, as after a training that has
 * diverged.
 */
async function withProbe(decoder: Decoder): Promise<Uint8Array> {
  try {
    return decoder.toSafetensors({ probe: await makeProbe(decoder) });
  } catch (error) {
    // Hours of training are written in any case.
    if (error instanceof LatentflowError) return decoder.toSafetensors();
    throw error;
  }
}

/** Columns that tables of a run have. */
function columnsOf(rows: readonly { readonly images: number; readonly loss: number }[]) {
  return { images: rows.map(({ images }) => images), loss: rows.map(({ loss }) => loss) };
}

/** Writes the results of a training run into its folder. */
export async function writeTrainingOutputs({ job, result }: TrainingRun): Promise<Output[]> {
  const { decoder, history, validation, codes } = result;
  const files: OutputFile[] = [
    { name: "decoder.safetensors", bytes: await withProbe(decoder), content: "the trained decoder" },
  ];
  if ("encoder" in result) {
    const bytes = await withProbe(result.encoder);
    files.push({ name: "encoder.safetensors", bytes, content: "the encoder trained with it" });
  }
  if (codes) {
    const bytes = toNpy(codes, [codes.length / decoder.latentSize, decoder.latentSize]);
    files.push({ name: "codes.npy", bytes, content: "the samples' codes" });
  }
  const steps = {
    ...columnsOf(history),
    gradient_norm: history.map(({ gradientNorm }) => gradientNorm),
  };
  const content = "loss and gradient norm, a line per mini-batch";
  files.push({ name: "history.csv", bytes: formatCsv(steps), content });
  if (validation.length > 0) {
    const bytes = formatCsv(columnsOf(validation));
    files.push({ name: "validation.csv", bytes, content: "the validation samples' mean loss" });
  }
  const stale = trainingOutputs.filter((name) => !files.some((file) => file.name === name));
  const log = { path: join(job.out, logName), content: "what happened when" };
  return [...(await writeOutputs(job.out, files, stale)), log];
}
