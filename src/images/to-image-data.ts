import { calling } from "../base/calling.ts";
import { checkFloat32 } from "../base/float32.ts";
import { option, words } from "../base/message.ts";
import { completeOptions, count, type FieldsOf, flag, number, optional } from "../base/options.ts";
import { messageOf } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { WEIGHTS, type Weights } from "../base/weights.ts";
import { allocate } from "../files/limits.ts";
import {
  type ImageDataLike,
  type ImageDataOutput,
  layoutOf,
  type PictureDecoder,
  type PictureLayout,
  placeOf,
} from "./picture.ts";
import { RANGE, type Range } from "./range.ts";

/** Options of `toImageData`. */
export interface ToImageDataOptions {
  /** Number of pictures in a row of the grid. Default: about as many as there are rows. */
  columns?: number | undefined;
  /** Gap between pictures in pixels. Default 0. */
  gap?: number | undefined;
  /** Side length in pixels, an integer, of the square that is drawn for each pixel of a sample. Default 1. */
  scale?: number | undefined;
  /** True swaps black and white. Default false. */
  invert?: boolean | undefined;
  /** Brightness of gaps and of empty places in the grid, 0 to 1. Default 1, white. */
  background?: number | undefined;
  /** Sample values that are drawn black and white; values outside are clamped. Default [0, 1]. */
  range?: Range | undefined;
  /**
   * Weights as for `encode`, shared by all samples or one set per sample. Pixels with a weight of 0 are drawn with blue
   * hatching, as are NaN values. Default: none.
   */
  weights?: Weights | undefined;
}

const TO_FIELDS = {
  columns: optional(count(1)),
  gap: count(0, 0),
  scale: count(1, 1),
  invert: flag(false),
  background: number({ min: 0, max: 1 }, 1),
  range: RANGE,
  weights: WEIGHTS,
} satisfies FieldsOf<ToImageDataOptions>;

/** The two colours of the stripes that mark hidden pixels, as red, green and blue. */
const HATCHING = [
  [91, 141, 217],
  [160, 193, 240],
] as const;

/** Width of a stripe of the hatching over hidden pixels, along a row, in pixels of the drawn picture. */
const STRIPE = 3;

/** Maximum number of pixels of a drawn picture: 1 GiB of memory. */
const MOST_PIXELS = 2 ** 28;

/**
 * Draws samples as a picture: one sample, or several in a grid, row by row. Samples that `fromImageData` made from pictures of
 * the same size are drawn as these pictures, byte for byte.
 *
 * @param x B samples, [B, outputSize], as `decode` returns them
 * @returns an ImageData in runtimes that have this class; in Node `{ data, width, height }`, for `encodePng` of
 *   `latentflow/images/png`
 * @throws LatentflowError `invalid_argument` if the decoder's samples are not pictures, or x or the weights have a wrong length
 * @example
 * import { decode } from "latentflow";
 * const context = new OffscreenCanvas(1000, 1000).getContext("2d")!;
 * const x = await decode(decoder, z);
 * context.putImageData(toImageData(x, decoder, { columns: 8, gap: 1, scale: 4 }), 0, 0);
 */
export function toImageData(
  x: Float32Array,
  decoder: PictureDecoder,
  options: ToImageDataOptions = {},
): ImageDataOutput {
  return calling("toImageData", () => {
    const given = completeOptions(options, TO_FIELDS);
    const layout = layoutOf(decoder);
    const size = layout.height * layout.width * layout.channels;
    checkFloat32("x", x);
    if (x.length === 0 || x.length % size !== 0) {
      throw refused("x", "has", `${x.length} values`, `a multiple of ${size} (the decoder's output size)`);
    }
    const samples = x.length / size;
    const { gap, scale, background, weights } = given;
    if (weights !== undefined) checkWeights(weights, size, samples);
    const columns = Math.min(given.columns ?? Math.ceil(Math.sqrt(samples)), samples);
    const rows = Math.ceil(samples / columns);
    const width = columns * (layout.width * scale + gap) - gap;
    const height = rows * (layout.height * scale + gap) - gap;
    if (width * height > MOST_PIXELS) {
      const [name, verb, got] =
        scale > 1 ? (["scale", "is", `${scale}`] as const) : (["x", "has", `${samples} samples`] as const);
      const advice = words`; this one would be ${width} × ${height}: draw fewer samples, or give a smaller ${option("scale")}`;
      throw refused(name, verb, got, `a picture of at most ${MOST_PIXELS} pixels`, advice);
    }
    const data = allocate(Uint8ClampedArray, width * height * 4);
    const stride = 4 * width;
    data.fill(255 * background);
    for (let at = 3; at < data.length; at += 4) data[at] = 255;
    for (let sample = 0; sample < samples; sample++) {
      const top = Math.floor(sample / columns) * (layout.height * scale + gap);
      const left = (sample % columns) * (layout.width * scale + gap);
      const values = x.subarray(sample * size, (sample + 1) * size);
      const first = weights && weights.length > size ? sample * size : 0;
      for (let pixel = 0; pixel < layout.height * layout.width; pixel++) {
        const colour = colourOf(values, pixel, layout, given);
        const isHidden = isHiddenAt(values, weights, first, pixel, layout);
        const y = top + Math.floor(pixel / layout.width) * scale;
        const x = left + (pixel % layout.width) * scale;
        for (let row = y; row < y + scale; row++) {
          for (let column = x; column < x + scale; column++) {
            const stripe = Math.floor((row + column) / STRIPE) % 2;
            const [red, green, blue] = isHidden ? HATCHING[stripe]! : colour;
            const at = row * stride + 4 * column;
            data[at] = red;
            data[at + 1] = green;
            data[at + 2] = blue;
            data[at + 3] = isHidden ? 255 : colour[3];
          }
        }
      }
    }
    return imageDataFrom({ data, width, height });
  });
}

/** Makes an ImageData if the runtime has the class, else a plain object. */
function imageDataFrom(picture: ImageDataLike): ImageDataOutput {
  const { ImageData } = globalThis as {
    readonly ImageData?: new (data: ImageDataLike["data"], width: number, height: number) => object;
  };
  if (typeof ImageData !== "function") return picture as ImageDataOutput;
  const { data, width, height } = picture;
  try {
    return new ImageData(data, width, height) as ImageDataOutput;
  } catch (cause) {
    const got = `a picture of ${width} × ${height} pixels, which this runtime refuses (${messageOf(cause)})`;
    const advice = words`; draw fewer samples, or give a smaller ${option("scale")}`;
    throw refused("x", "is", got, "a size that it takes", advice, cause);
  }
}

/**
 * Returns red, green, blue and opacity of a sample's pixel. Values from black to white, the ends of `range`, map linearly to
 * 0 to 255, others to numbers below 0 or above 255.
 */
function colourOf(
  values: Float32Array,
  pixel: number,
  layout: PictureLayout,
  { invert, range: [black, white] }: { readonly invert: boolean; readonly range: Range },
): readonly [red: number, green: number, blue: number, opacity: number] {
  const level = (channel: number) => {
    const share = (values[placeOf(layout, pixel, channel)]! - black) / (white - black);
    return 255 * (invert && channel < 3 ? 1 - share : share);
  };
  const red = level(0);
  if (layout.channels === 1) return [red, red, red, 255];
  return [red, level(1), level(2), layout.channels === 4 ? level(3) : 255];
}

/** True if a pixel's weights are 0 in all channels, or one of its values is NaN. */
function isHiddenAt(
  values: Float32Array,
  weights: Float32Array | undefined,
  first: number,
  pixel: number,
  layout: PictureLayout,
): boolean {
  let isHidden = weights !== undefined;
  for (let channel = 0; channel < layout.channels; channel++) {
    const at = placeOf(layout, pixel, channel);
    if (Number.isNaN(values[at])) return true;
    if (weights?.[first + at]) isHidden = false;
  }
  return isHidden;
}

function checkWeights(weights: Float32Array, size: number, samples: number): void {
  checkFloat32("weights", weights);
  if (weights.length === size || weights.length === samples * size) return;
  const expected = samples === 1 ? `${size}` : `${size} (for all samples) or ${samples * size} (for each)`;
  throw refused("weights", "has", `${weights.length} values`, expected);
}
