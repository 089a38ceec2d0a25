import type { PlatformType } from "../base/platform.ts";
import { messageOf, typedArrayName } from "../base/realms.ts";
import { invalidFile, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";

// Pictures as in web pages, with pixels of red, green, blue and opacity, and the position of their values in a decoder's
// output.

/** Pixels in the format of `ImageData`: red, green, blue and opacity of each pixel, row by row from the top left. */
export interface ImageDataLike {
  readonly width: number;
  readonly height: number;
  /** width × height × 4 values, 0 to 255, or 0 to 65535 in a Uint16Array. */
  readonly data: Uint8ClampedArray | Uint8Array | Uint16Array;
}

/** A canvas with a 2D context: an `HTMLCanvasElement` or an `OffscreenCanvas`. */
export interface CanvasLike {
  readonly width: number;
  readonly height: number;
  getContext(
    type: "2d",
  ): { getImageData(x: number, y: number, width: number, height: number): ImageDataLike } | object | null;
}

/** An `ImageData` if the runtime has that class; otherwise, as in Node, a plain object with the same fields. */
export type ImageDataOutput = PlatformType<"ImageData", ImageDataLike & { readonly data: Uint8ClampedArray }>;

/** Shape of the samples of a decoder whose samples are pictures. Every `Decoder` has these fields. */
export interface PictureDecoder {
  /** [height, width], optionally with an axis of 1, 3 or 4 channels: grey, colour, or colour and opacity. */
  readonly outputShape: readonly number[];
  /** Position of the channel axis. Ignored if only one axis can be the channels. Default: channels last. */
  readonly outputLayout?: "channelsFirst" | "channelsLast" | undefined;
}

/**
 * Placement of a picture of another size than the sample: `"contain"` shows all of it and pads, `"cover"` fills the sample and
 * crops, `"stretch"` changes the aspect ratio. `maskFrom` gives padding a weight of 0.
 */
export type Fit = "contain" | "cover" | "stretch";

/** Layout of a picture's values in a sample. */
export interface PictureLayout {
  readonly height: number;
  readonly width: number;
  /** Number of values of a pixel: 1 for grey, 3 for colour, 4 for colour with opacity. */
  readonly channels: 1 | 3 | 4;
  /** True if the sample holds one channel after the other, false if it holds one pixel after the other. */
  readonly isChannelsFirst: boolean;
}

const isLength = (length: unknown) => Number.isSafeInteger(length) && (length as number) > 0;

const isChannels = (length: number | undefined): length is 1 | 3 | 4 =>
  length === 1 || length === 3 || length === 4;

/** Returns the layout of pictures in a decoder's samples; undefined if they are not pictures. */
export function findLayout({ outputShape, outputLayout }: PictureDecoder): PictureLayout | undefined {
  const [first, middle, last] = outputShape as [number, number, number];
  if (outputShape.length === 2) return { height: first, width: middle, channels: 1, isChannelsFirst: false };
  if (outputShape.length !== 3) return undefined;
  if (isChannels(first) && (outputLayout === "channelsFirst" || !isChannels(last)))
    return { height: middle, width: last, channels: first, isChannelsFirst: true };
  return isChannels(last)
    ? { height: first, width: middle, channels: last, isChannelsFirst: false }
    : undefined;
}

/**
 * Returns the layout of pictures in a decoder's samples.
 *
 * @throws LatentflowError `invalid_argument` if they are not pictures
 */
export function layoutOf(decoder: PictureDecoder): PictureLayout {
  const shape: unknown = decoder?.outputShape;
  if (!Array.isArray(shape)) throw refused("decoder", "is", show(decoder), "a decoder");
  // Spread, since every() would skip the holes of a sparse array.
  const layout = [...shape].every(isLength) && findLayout(decoder);
  if (layout) return layout;
  throw refused(
    "decoder.outputShape",
    "is",
    showShape(shape),
    "[height, width] with 1, 3 or 4 channels before or after them",
    "; give loadDecoder, loadOnnx or createDecoder the option outputShape, [28, 28] say",
  );
}

/** Returns the index in a sample of one channel of a pixel; pixels are numbered row by row. */
export function placeOf(
  { height, width, channels, isChannelsFirst }: PictureLayout,
  pixel: number,
  channel: number,
): number {
  return isChannelsFirst ? channel * height * width + pixel : pixel * channels + channel;
}

/**
 * Maximum number of pixels in a picture file: more than a photograph of 50 megapixels; half a gigabyte of memory at 16
 * bits per channel.
 */
const MOST_READ_PIXELS = 2 ** 26;

/** Maximum width and height of a picture file, as JPEG has: a row takes time besides that of its pixels. */
const LONGEST_SIDE = 2 ** 16;

/**
 * Refuses a picture file with too many pixels or too long a side, before memory is allocated for it.
 *
 * @throws LatentflowError `invalid_file`
 */
export function checkPixelCount({
  width,
  height,
}: {
  readonly width: number;
  readonly height: number;
}): void {
  const pixels = width * height;
  if (pixels > 0 && pixels <= MOST_READ_PIXELS && Math.max(width, height) <= LONGEST_SIDE) return;
  throw invalidFile(
    `the picture has ${width} × ${height} pixels, expected 1 to ${MOST_READ_PIXELS} and sides of at most ` +
      `${LONGEST_SIDE}; make it smaller`,
  );
}

/** Pixels of a picture, with the value that stands for full brightness. */
export interface Pixels extends ImageDataLike {
  /** Value of full brightness: 255 or 65535. */
  readonly white: number;
}

/**
 * Reads the pixels of an ImageData or a canvas.
 *
 * @throws LatentflowError `invalid_argument` if `image` is neither, or not readable
 */
export function pixelsOf(name: string, image: ImageDataLike | CanvasLike): Pixels {
  const { width, height, data } = imageDataOf(name, image);
  const type = typedArrayName(data);
  const isPixels = type === "Uint8ClampedArray" || type === "Uint8Array" || type === "Uint16Array";
  if (!isPixels || ![width, height].every(isLength) || data.length !== width * height * 4) {
    const found = isPixels ? `${data.length} values` : show(data);
    const got = `${show(width)} × ${show(height)} pixels with ${found} as data`;
    throw refused(name, "is", got, "width × height × 4 bytes");
  }
  return { width, height, data, white: type === "Uint16Array" ? 65535 : 255 };
}

/** Returns the fields of an ImageData, or those of a canvas's ImageData. */
function imageDataOf(name: string, image: unknown): ImageDataLike {
  const { getContext, data, width, height } = (image ?? {}) as Partial<CanvasLike & ImageDataLike>;
  if (typeof getContext === "function" && width! > 0 && height! > 0)
    return readCanvas(name, image as CanvasLike);
  if (typeof data === "object" && typeof width === "number" && typeof height === "number")
    return { width, height, data: data as ImageDataLike["data"] };
  throw refused(name, "is", show(image), "an ImageData or a canvas that has pixels");
}

function readCanvas(name: string, canvas: CanvasLike): ImageDataLike {
  const context = canvas.getContext("2d") as { getImageData?: (...box: number[]) => ImageDataLike } | null;
  if (typeof context?.getImageData !== "function")
    throw refused(name, "is", "a canvas without a 2D context", 'one with getContext("2d")');
  try {
    const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return { width, height, data };
  } catch (cause) {
    const got = `a canvas whose pixels cannot be read (${messageOf(cause)})`;
    const advice =
      '; pictures of other sites need crossOrigin = "anonymous", and those sites have to allow it';
    throw refused(name, "is", got, "one of the page's own pictures", advice, cause);
  }
}
