/** Layout of a decoder's samples as pictures, from `latentflow/images`. */
export { findLayout } from "../../src/images/picture.ts";

/** Maximum number of pixels in a picture file, 64 MB in memory. */
export const MOST_PIXELS = 2 ** 24;
