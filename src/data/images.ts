/** Pixels of 0 to 255 as numbers from 0 to 1. */
export function scalePixels(pixels: Uint8Array): Float32Array {
  return Float32Array.from(pixels, (pixel) => pixel / 255);
}

/**
 * The height and width of samples of this shape as grey images: `[28, 28]`, or the same with one channel
 * before or after it. Undefined for every other shape, and for images of a single row or column.
 */
export function imageSize(shape: readonly number[]): readonly [height: number, width: number] | undefined {
  const isChannel = (axis: number) => shape.length === 3 && (axis === 0 || axis === 2) && shape[axis] === 1;
  const sizes = shape.filter((_, axis) => !isChannel(axis));
  const [height = 1, width = 1] = sizes;
  return sizes.length === 2 && height > 1 && width > 1 ? [height, width] : undefined;
}
