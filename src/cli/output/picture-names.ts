/** Descriptions of the pictures that encode may write, by the names of their files. */
export const PICTURES = {
  "reconstructions.png": "the first samples, original and reconstruction",
  "steps.png": "the first samples on the way to their codes",
  "samples.png": "the first samples and decodings of codes drawn for them",
} as const;

export type PictureName = keyof typeof PICTURES;

/** Names of the files of pictures. */
export const pictureNames = Object.keys(PICTURES) as PictureName[];
