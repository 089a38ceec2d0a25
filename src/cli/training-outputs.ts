import { join } from "node:path";
import { formatCsv } from "../data/csv.ts";
import { removeOutput, writeOutput } from "./files.ts";
import type { Output } from "./report.ts";
import type { TrainingRun } from "./training.ts";

/** Writes what a training run has come to into its folder. */
export async function writeTrainingOutputs({ job, result }: TrainingRun): Promise<Output[]> {
  const { decoder, history, validation } = result;
  const { out } = job;
  const outputs: Output[] = [];
  async function write(name: string, bytes: string | Uint8Array, content: string): Promise<void> {
    outputs.push({ path: await writeOutput(out, name, bytes), content });
  }

  await write("decoder.safetensors", decoder.toSafetensors(), "the trained decoder");
  if ("encoder" in result) {
    await write("encoder.safetensors", result.encoder.toSafetensors(), "the encoder trained with it");
  } else {
    await removeOutput(out, "encoder.safetensors");
  }
  const steps = {
    images: history.map(({ images }) => images),
    loss: history.map(({ loss }) => loss),
    gradient_norm: history.map(({ gradientNorm }) => gradientNorm),
  };
  await write("history.csv", formatCsv(steps), "loss and gradient norm, a line per mini-batch");
  if (validation.length > 0) {
    const validations = {
      images: validation.map(({ images }) => images),
      loss: validation.map(({ loss }) => loss),
    };
    await write("validation.csv", formatCsv(validations), "the validation samples' mean loss");
  } else {
    await removeOutput(out, "validation.csv");
  }
  outputs.push({ path: join(out, "log.jsonl"), content: "what happened when" });
  return outputs;
}
