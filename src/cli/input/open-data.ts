import { stat } from "node:fs/promises";
import { invalid } from "../../base/refuse.ts";
import { fileError } from "../../files/durable-file.ts";
import { splitArrayName } from "../../files/npz.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, openArrays } from "./array-files/open.ts";
import { isStdin, showFile } from "./files.ts";
import { openPictures, type PictureReading } from "./pictures/open-pictures.ts";
import { isPictureFile } from "./pictures/picture-file.ts";

/**
 * Opens files of arrays, or of pictures, as one array along the first axis.
 *
 * @param flag option that names the files, for messages
 * @param paths paths of files, after `expandFiles` has replaced folders and patterns
 * @throws LatentflowError if a file cannot be read, or options for pictures are given with other files
 */
export async function openData(
  flag: string,
  paths: readonly string[],
  limits: DataLimits,
  pictures: PictureReading,
): Promise<ArrayFile> {
  if (await isPictureFile(paths[0]!)) return openPictures(flag, paths, pictures, limits);
  await refusePictureOptions(flag, paths[0]!, pictures);
  return openArrays(flag, paths, limits);
}

/**
 * Throws if an option for pictures, such as `--fit`, is given for a file that is not a picture or does not exist.
 *
 * @throws LatentflowError
 */
export async function refusePictureOptions(
  flag: string,
  path: string,
  { fit, invert, hides, as = "sample" }: PictureReading,
): Promise<void> {
  const ofSamples = fit ? "--fit" : invert && "--invert";
  const given = as === "sample" ? ofSamples : hides && "--mask-hides";
  if (!given) return;
  const at = showFile(flag, path);
  if (!isStdin(path) && !/^(https?|file):/i.test(path)) {
    await stat(splitArrayName(path).file).catch((cause) => {
      throw fileError(at, cause);
    });
  }
  throw invalid(`${given} is for PNG and JPEG files, and ${at} is none; leave it out`);
}
