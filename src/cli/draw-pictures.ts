import { type ImageLayout, imageLayout } from "../data/images.ts";
import type { EncodingInput } from "./encoding-input.ts";
import { type OutputFile, writeOutputs } from "./output-files.ts";
import type { Part } from "./parts/part.ts";
import { drawReconstructions, drawSteps, type PictureSource, shownSteps } from "./pictures.ts";

/** The names of the pictures. */
export const pictureNames = ["reconstructions.png", "steps.png"];

/** Draws the first samples that have ended, where samples are images, and writes the pictures to a folder. */
export async function writePictures(folder: string, source: PictureSource, part: Part) {
  const layout = layoutOf(source.input);
  return layout ? writeOutputs(folder, await drawPictures(source, part, layout)) : [];
}

async function drawPictures(source: PictureSource, part: Part, layout: ImageLayout): Promise<OutputFile[]> {
  const pictures: OutputFile[] = [];
  const reconstructions = await drawReconstructions(source, part, layout);
  if (reconstructions) {
    const content = "rows: original, reconstruction, difference (grey: none)";
    pictures.push({ name: "reconstructions.png", bytes: reconstructions, content });
  }
  const steps = await drawSteps(source, part, layout);
  if (steps) {
    const content = `columns: after ${shownSteps.join(", ")} steps, at the end, original`;
    pictures.push({ name: "steps.png", bytes: steps, content });
  }
  return pictures;
}

/** How the samples are pictures, by the decoder's shape of them or that of their file. */
function layoutOf({ decoder, given, samples }: EncodingInput): ImageLayout | undefined {
  if (given.points === undefined) return imageLayout(decoder.outputShape) ?? imageLayout(samples.shape);
  // Points × channels is no picture, whatever the numbers; points may be the pixels of one all the same.
  const isList = samples.shape.length === 2 && samples.shape[0] === given.points;
  return isList ? undefined : imageLayout(samples.shape);
}
