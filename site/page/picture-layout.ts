/** Layout of a decoder's samples as pictures, as `latentflow/images` finds it. */
export { findLayout } from "../../src/images/picture.ts";

/** Largest picture that is read, in pixels: 64 MB of them in memory. */
export const MOST_PIXELS = 2 ** 24;
