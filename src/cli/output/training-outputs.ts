import { join } from "node:path";
import { formatCsv } from "../../files/csv.ts";
import { writeNpy } from "../../files/npy.ts";
import { type Decoder, LatentflowError, makeProbe } from "../../index.ts";
import type { TrainingRun } from "../options/training-job.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import { logName } from "./training-log.ts";

/** What a training run may write, beside its log and its checkpoints. */
export const trainingOutputs = [
  "decoder.safetensors",
  "encoder.safetensors",
  "codes.npy",
  "history.csv",
  "validation.csv",
];

/**
 * The decoder's file, with a probe where there can be one: it has none if the training has diverged and the outputs are
 * no numbers.
 */
async function withProbe(decoder: Decoder): Promise<Uint8Array> {
  try {
    return decoder.toSafetensors({ probe: await makeProbe(decoder) });
  } catch (error) {
    // What hours of training have come to is written in any case.
    if (error instanceof LatentflowError) return decoder.toSafetensors();
    throw error;
  }
}

/** Writes what a training run has come to into its folder. */
export async function writeTrainingOutputs({ job, result }: TrainingRun): Promise<Output[]> {
  const { decoder, history, validation } = result;
  const files: OutputFile[] = [
    { name: "decoder.safetensors", bytes: await withProbe(decoder), content: "the trained decoder" },
  ];
  if ("encoder" in result) {
    const content = "the encoder trained with it";
    files.push({ name: "encoder.safetensors", bytes: await withProbe(result.encoder), content });
  }
  if (result.codes) {
    const { codes } = result;
    const shape = [codes.length / decoder.latentSize, decoder.latentSize];
    files.push({ name: "codes.npy", bytes: writeNpy(codes, shape), content: "the samples' codes" });
  }
  const steps = {
    images: history.map(({ images }) => images),
    loss: history.map(({ loss }) => loss),
    gradient_norm: history.map(({ gradientNorm }) => gradientNorm),
  };
  const content = "loss and gradient norm, a line per mini-batch";
  files.push({ name: "history.csv", bytes: formatCsv(steps), content });
  if (validation.length > 0) {
    const validations = {
      images: validation.map(({ images }) => images),
      loss: validation.map(({ loss }) => loss),
    };
    files.push({
      name: "validation.csv",
      bytes: formatCsv(validations),
      content: "the validation samples' mean loss",
    });
  }
  const written = files.map(({ name }) => name);
  const stale = trainingOutputs.filter((name) => !written.includes(name));
  const log = { path: join(job.out, logName), content: "what happened when" };
  return [...(await writeOutputs(job.out, files, stale)), log];
}
