/** Converts pixels, bytes of 0 to 255, to numbers from 0 to 1. */
export function scalePixels(pixels: Uint8Array): Float32Array {
  return Float32Array.from(pixels, (pixel) => pixel / 255);
}

/**
 * Returns height and width of grey images from the shape of their samples: `[28, 28]`, `[28, 28, 1]` or `[1, 28, 28]` for 28 ×
 * 28 pixels. Undefined for every other kind of shape, and for images of a single row or column.
 */
export function imageSize(shape: readonly number[]): readonly [height: number, width: number] | undefined {
  const isChannel = (axis: number) => shape.length === 3 && (axis === 0 || axis === 2) && shape[axis] === 1;
  const sizes = shape.filter((_, axis) => !isChannel(axis));
  const [height = 1, width = 1] = sizes;
  return sizes.length === 2 && height > 1 && width > 1 ? [height, width] : undefined;
}

/** Layout of samples that are pictures. */
export interface ImageLayout {
  readonly height: number;
  readonly width: number;
  /** Number of channels: 1 for grey, 3 for red, green and blue. */
  readonly channels: 1 | 3;
  /** True if each channel is a plane of its own, as in PyTorch; false if the channels of a pixel are adjacent. */
  readonly isChannelsFirst: boolean;
}

/** Lengths of a last axis that are taken for channels: grey, RGB, and RGB with opacity. */
const CHANNELS = [1, 3, 4];

/**
 * Returns the layout of pictures with samples of this shape: grey for the shapes of `imageSize`, such as `[height, width]`;
 * colour for `[height, width, 3]`, and for `[3, height, width]` if width cannot be a number of channels (1, 3 or 4).
 * Undefined for every other shape.
 */
export function imageLayout(shape: readonly number[]): ImageLayout | undefined {
  const grey = imageSize(shape);
  if (grey) return { height: grey[0], width: grey[1], channels: 1, isChannelsFirst: false };
  const [first = 0, middle = 0, last = 0] = shape;
  if (shape.length !== 3) return undefined;
  const isChannelsFirst = first === 3 && !CHANNELS.includes(last);
  const [height, width, channels] = isChannelsFirst ? [middle, last, first] : [first, middle, last];
  return channels === 3 && height > 1 && width > 1 ? { height, width, channels, isChannelsFirst } : undefined;
}
