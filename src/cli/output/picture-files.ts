import { type ImageLayout, imageLayout } from "../../files/images.ts";
import type { EncodingInput } from "../input/encoding-input.ts";
import type { Part } from "../parts/part.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import { drawReconstructions, drawSteps, type PictureSource, shownSteps } from "./pictures.ts";

const reconstructionsName = "reconstructions.png";
const stepsName = "steps.png";

/** The files of pictures. */
export const pictureNames = [reconstructionsName, stepsName] as const;

/**
 * Draws the first samples, where samples are images, and writes the pictures to a folder.
 *
 * @param part of the first unit
 * @returns the pictures written; none where there are no samples, or they are no images
 */
export async function writePictures(folder: string, source: PictureSource, part: Part): Promise<Output[]> {
  const layout = layoutOf(source.input);
  return layout && part.count > 0 ? writeOutputs(folder, await drawPictures(source, part, layout)) : [];
}

async function drawPictures(source: PictureSource, part: Part, layout: ImageLayout): Promise<OutputFile[]> {
  const reconstructions = await drawReconstructions(source, part, layout);
  const rows = "rows: original, reconstruction, difference (grey: none)";
  const pictures: OutputFile[] = [{ name: reconstructionsName, bytes: reconstructions, content: rows }];
  const steps = await drawSteps(source, part, layout);
  if (steps) {
    const content = `columns: after ${shownSteps.join(", ")} steps, at the end, original`;
    pictures.push({ name: stepsName, bytes: steps, content });
  }
  return pictures;
}

/** The layout of samples that are images, by the decoder's output or by their file; undefined of others. */
function layoutOf({ decoder, fixed, samples }: EncodingInput): ImageLayout | undefined {
  if (fixed.points === undefined) return imageLayout(decoder.outputShape) ?? imageLayout(samples.shape);
  // Points × channels is no picture, whatever the numbers; points may be the pixels of one all the same.
  const isList = samples.shape.length === 2 && samples.shape[0] === fixed.points;
  return isList ? undefined : imageLayout(samples.shape);
}
