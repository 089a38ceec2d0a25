import { formatCsv } from "../data/csv.ts";
import { imageSize } from "../data/images.ts";
import { writeNpy } from "../data/npy.ts";
import { removeOutput, writeOutput } from "./files.ts";
import type { Run } from "./job.ts";
import { drawReconstructions, drawSteps, shownSteps } from "./pictures.ts";
import type { Output } from "./report.ts";

const outputNames = ["latents.npy", "results.csv", "reconstructions.png", "steps.png"] as const;
type OutputName = (typeof outputNames)[number];

/** Writes what a run has found to its folder: latents and results, and pictures when samples are images. */
export async function writeOutputs(run: Run): Promise<Output[]> {
  const { job, decoder, samples, result } = run;
  const outputs: Output[] = [];
  // A run that draws no picture must not be left beside an earlier one's.
  for (const name of outputNames) await removeOutput(job.out, name);
  async function write(name: OutputName, bytes: string | Uint8Array, content: string): Promise<void> {
    outputs.push({ path: await writeOutput(job.out, name, bytes), content });
  }

  const shape = [samples.count, decoder.latentSize];
  await write("latents.npy", writeNpy(result.z, shape), `the codes z: ${shape.join(" × ")}, float32`);
  const { acceptedSteps, backtracks, t } = result.stats;
  const table = formatCsv({
    index: result.status.map((_, index) => index),
    initial_loss: result.initialLoss,
    loss: result.loss,
    status: result.status,
    accepted_steps: acceptedSteps,
    backtracks,
    t,
  });
  await write("results.csv", table, "losses, status, steps and the time t reached, a line per sample");

  const size = imageSize(decoder.outputShape) ?? imageSize(samples.shape);
  const reconstructions = size && (await drawReconstructions(run, size));
  if (reconstructions) {
    await write(
      "reconstructions.png",
      reconstructions,
      "rows: original, reconstruction, difference (grey: none)",
    );
  }
  const steps = size && (await drawSteps(run, size));
  if (steps) {
    await write("steps.png", steps, `columns: after ${shownSteps.join(", ")} steps, at the end, original`);
  }
  return outputs;
}
