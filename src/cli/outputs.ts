import { type ImageLayout, imageLayout } from "../data/images.ts";
import { writeNpy } from "../data/npy.ts";
import { decode } from "../index.ts";
import { type Output, type OutputFile, writeOutputs } from "./files.ts";
import { givenOptions } from "./fixed-inputs.ts";
import type { Run } from "./job.ts";
import { backendOf } from "./options.ts";
import { drawReconstructions, drawSteps, shownSteps } from "./pictures.ts";
import { resultsFile, resultsName } from "./results.ts";

const pictureNames = ["reconstructions.png", "steps.png"];

/** What a run that encodes may write. */
export const encodeOutputs = ["latents.npy", resultsName, "reconstructions.npy", ...pictureNames];

/** Writes what a run has found to its folder: latents and results, and pictures when samples are images. */
export async function writeEncodeOutputs(run: Run): Promise<Output[]> {
  const { job, decoder, samples, result } = run;
  const codes = [samples.count, decoder.latentSize];
  const numbers: OutputFile[] = [
    {
      name: "latents.npy",
      bytes: writeNpy(result.z, codes),
      content: `the codes z: ${codes.join(" × ")}, float32`,
    },
    resultsFile(result),
  ];
  if (job.reconstructions) {
    const shape = [samples.count, ...samples.shape];
    const values = await decode(decoder, result.z, { ...givenOptions(run.given), backend: backendOf(job) });
    numbers.push({
      name: "reconstructions.npy",
      bytes: writeNpy(values, shape),
      content: `the decodings D(z): ${shape.join(" × ")}, float32`,
    });
  }
  // Before the pictures, which take a while. A run that draws none must not be left beside an earlier one's.
  const written = numbers.map(({ name }) => name);
  const stale = encodeOutputs.filter((name) => !written.includes(name));
  return [
    ...(await writeOutputs(job.out, numbers, stale)),
    ...(await writeOutputs(job.out, await drawPictures(run))),
  ];
}

async function drawPictures(run: Run): Promise<OutputFile[]> {
  const layout = layoutOf(run);
  const pictures: OutputFile[] = [];
  const reconstructions = layout && (await drawReconstructions(run, layout));
  if (reconstructions) {
    const content = "rows: original, reconstruction, difference (grey: none)";
    pictures.push({ name: "reconstructions.png", bytes: reconstructions, content });
  }
  const steps = layout && (await drawSteps(run, layout));
  if (steps) {
    const content = `columns: after ${shownSteps.join(", ")} steps, at the end, original`;
    pictures.push({ name: "steps.png", bytes: steps, content });
  }
  return pictures;
}

/** How the samples are pictures, by the decoder's shape of them or that of their file. */
function layoutOf({ decoder, given, samples }: Run): ImageLayout | undefined {
  if (given.points === undefined) return imageLayout(decoder.outputShape) ?? imageLayout(samples.shape);
  // Points × channels is no picture, whatever the numbers; points may be the pixels of one all the same.
  const isList = samples.shape.length === 2 && samples.shape[0] === given.points;
  return isList ? undefined : imageLayout(samples.shape);
}
