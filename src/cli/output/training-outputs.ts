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

/** A finished run of `latentflow train`. */
export interface TrainingRun extends TrainingInput {
  readonly job: TrainingJob;
  readonly training: ChosenTraining;
  readonly result: TrainResult | AutoencoderResult;
  /** Duration in seconds of this process's part of the run, which may have been resumed. */
  readonly seconds: number;
}

/** Names of the files that a training run may write, in addition to its log and checkpoints. */
export const trainingOutputs = [
  "decoder.safetensors",
  "encoder.safetensors",
  "codes.npy",
  "history.csv",
  "validation.csv",
];

/**
 * Formats a decoder as a safetensors file with a probe (a few latents with their outputs), by which readers verify it. The
 * probe is left out if it cannot be made, as when outputs are not finite after diverged training.
 */
async function withProbe(decoder: Decoder): Promise<Uint8Array> {
  try {
    return decoder.toSafetensors({ probe: await makeProbe(decoder) });
  } catch (error) {
    // A decoder trained for hours must be saved in any case.
    if (error instanceof LatentflowError) return decoder.toSafetensors();
    throw error;
  }
}

/** Returns the columns that history.csv and validation.csv share. */
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
