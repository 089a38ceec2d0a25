/** Descriptions of the pictures that `encode` may write, by file name. */
export const PICTURES = {
  "reconstructions.png": "the first samples, original and reconstruction",
  "steps.png": "the first samples on the way to their codes",
  "samples.png": "the first samples and decodings of codes drawn for them",
} as const;

/** File name of a picture that `encode` may write, such as `"samples.png"`. */
export type PictureName = keyof typeof PICTURES;

/** File names of the pictures that `encode` may write. */
export const pictureNames = Object.keys(PICTURES) as PictureName[];
