import { basename, extname, join } from "node:path";
import { type ImageDataLike, type ImageDataOutput, toImageData } from "../../images/index.ts";
import { encodePng } from "../../images/png.ts";
import type { Box } from "../../images/resample.ts";
import { type EncodingInput, type EncodingRun, readBlock } from "../input/encoding-input.ts";
import type { Part } from "../parts/part.ts";
import { distinctNames, inUtf8 } from "./distinct-names.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import { complete, givenOf, reconstruct, shapeOf } from "./picture-source.ts";
import { countOf } from "./report.ts";

/** Subfolder of a run's output folder for pictures whose hidden pixels are filled in. */
export const completedName = "completed";

/** Number of pictures that are drawn and written together. */
const completedAtOnce = 64;

/**
 * Chooses the file names of completed pictures, before the work: those of the input files, with extension .png. Of pictures whose
 * names would differ in case alone, or not at all, the first has its own; the others are printed.
 *
 * @returns undefined if no pictures are completed: the samples were not read from pictures, or nothing is hidden
 */
export function chooseNames(input: EncodingInput): string[] | undefined {
  const { names: paths } = input.samples.array;
  if (!paths || !input.weights || !shapeOf(input)) return undefined;
  const files = paths.slice(0, input.samples.count).map((path) => basename(path));
  const wanted = files.map((file) => ({ stem: inUtf8(basename(file, extname(file))), ending: ".png" }));
  return distinctNames(completedName, "picture", files, wanted);
}

/**
 * Writes a picture for each sample, with hidden values filled in by the decoder and padding cut off. With `--weights`, only
 * pictures in which a weight is 0 are written.
 *
 * @param files names of the pictures, of all samples; undefined to write none
 * @param parts results of the run in parts of consecutive samples, in order
 * @returns the folder; nothing if nothing is hidden, or the signal aborted
 */
export async function writeCompleted(
  folder: string,
  source: EncodingRun,
  files: readonly string[] | undefined,
  parts: AsyncIterable<Part> | Iterable<Part>,
): Promise<Output[]> {
  const { job, input, signal } = source;
  const { samples, weights } = input;
  const { latentSize } = input.decoder;
  const { pictures: facts } = samples.array;
  const shape = shapeOf(input);
  if (!files || !weights || !shape) return [];
  const path = join(folder, completedName);
  let written = 0;
  for await (const { first, count, results } of parts) {
    for (let at = 0; at < count; at += completedAtOnce) {
      if (signal.aborted) return [];
      const block = await readBlock(input, first + at, Math.min(completedAtOnce, count - at));
      const z = results.z.subarray(at * latentSize, (at + block.count) * latentSize);
      const given = givenOf(block);
      const completed = complete(given, await reconstruct(source, block, z));
      const pictures = given.flatMap((tile, i): OutputFile[] => {
        if (!weights.isMask && !tile.some(Number.isNaN)) return [];
        const image = toImageData(completed[i]!, shape, { invert: job.invert });
        const index = block.first + i;
        const box = facts?.boxes[index];
        return [{ name: files[index]!, bytes: encodePng(box ? crop(image, box) : image), content: "" }];
      });
      if (pictures.length > 0) await writeOutputs(path, pictures);
      written += pictures.length;
    }
  }
  const content = `${countOf(written, "picture")}, hidden pixels by the decoder`;
  return written > 0 ? [{ path, content }] : [];
}

/** Cuts a rectangle out of a picture. */
function crop({ width, data }: ImageDataOutput, box: Box): ImageDataLike {
  const cropped = new Uint8ClampedArray(4 * box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = 4 * ((box.top + y) * width + box.left);
    cropped.set(data.subarray(from, from + 4 * box.width), 4 * y * box.width);
  }
  return { width: box.width, height: box.height, data: cropped };
}
