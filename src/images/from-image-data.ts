import { calling } from "../base/calling.ts";
import { atOnce, inPieces, type Pausable } from "../base/event-loop.ts";
import { option, words } from "../base/message.ts";
import { choice, completeOptions, type FieldsOf, flag, later, number, optional } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { allocate } from "../files/limits.ts";
import {
  type CanvasLike,
  type Fit,
  type ImageDataLike,
  layoutOf,
  type PictureDecoder,
  type PictureLayout,
  type Pixels,
  pixelsOf,
  placeOf,
} from "./picture.ts";
import { RANGE, type Range } from "./range.ts";
import { resample } from "./resample.ts";

/** Options of `fromImageData`. */
export interface FromImageDataOptions {
  /**
   * Placement of a picture whose size differs from the decoder's. Default: none, such a picture is refused. `"contain"` fills
   * the padding with `background`; `encode` treats the padding as data unless the weights are 0 there, as are the weights that
   * `maskFrom` makes with the same `fit`.
   */
  fit?: Fit | undefined;
  /** True swaps black and white. Default false. */
  invert?: boolean | undefined;
  /**
   * Brightness behind transparent pixels and of padding, 0 to 1, before `invert` is applied. Default 1, white, as on a
   * page. White strokes on a transparent canvas need 0, or the whole sample becomes white.
   */
  background?: number | undefined;
  /** Sample values for black and for white. Default [0, 1]; a decoder that ends in tanh needs [-1, 1]. */
  range?: Range | undefined;
  /**
   * Masks of hidden pixels, as for `maskFrom`, with the size of their pictures: one for all pictures, or one for each. When a
   * picture is scaled, hidden pixels do not mix into visible pixels. A hidden pixel of the sample gets the value that it would
   * have without a mask. Default: none.
   */
  mask?: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[] | undefined;
  /** Pixels of `mask` that mark hidden pixels, as in `maskFrom`: required for a mask without transparent pixels. */
  hides?: MaskOptions["hides"];
}

/** Options of `maskFrom`. */
export interface MaskOptions {
  /**
   * Pixels of the mask that mark hidden pixels of the picture. `"black"`: black and transparent pixels of a mask on white;
   * `"white"`: white and transparent pixels of a mask on black; `"transparent"`: transparent pixels, as where a picture was
   * erased; `"painted"`: opaque pixels, such as brush strokes on a transparent canvas. A pixel that is hidden by less than half,
   * as by a brush of 40 % opacity, stays visible. Default `"black"`, but required for a mask without transparent pixels: masks in
   * black on white and in white on black are both usual.
   */
  hides?: "black" | "white" | "transparent" | "painted" | undefined;
  /** Placement of a mask whose size differs from the decoder's, as in `fromImageData`. Padding is hidden, whatever `hides` is. */
  fit?: Fit | undefined;
}

const FIT = optional(choice("contain", "cover", "stretch"));
/** Check of the option `hides`. */
export const HIDES = choice("black", "white", "transparent", "painted");

const FROM_FIELDS = {
  fit: FIT,
  invert: flag(false),
  background: number({ min: 0, max: 1 }, 1),
  range: RANGE,
  mask: later<FromImageDataOptions["mask"]>(),
  hides: optional(HIDES),
} satisfies FieldsOf<FromImageDataOptions>;

/** Checks and defaults of the options of `maskFrom`. */
export const MASK_FIELDS = {
  hides: optional(HIDES),
  fit: FIT,
} satisfies FieldsOf<MaskOptions>;

/** Computes a value in [0, 1] from red, green, blue and opacity, each in [0, 1]. */
type Measure = (red: number, green: number, blue: number, opacity: number) => number;

/** Luma by Rec. 601, as for greyscale in PIL and torchvision. Pixels that are already grey are returned exactly. */
const grey: Measure = (red, green, blue) =>
  red === green && green === blue ? red : (299 * red + 587 * green + 114 * blue) / 1000;

/** Visibility of a mask's pixel, from 0 (hidden) to 1 (visible), for each value of `hides`: which pixels mark hidden ones. */
const SEEN = {
  black: (red, green, blue, opacity) => grey(red, green, blue, 1) * opacity,
  white: (red, green, blue, opacity) => (1 - grey(red, green, blue, 1)) * opacity,
  transparent: (_red, _green, _blue, opacity) => opacity,
  painted: (_red, _green, _blue, opacity) => 1 - opacity,
} satisfies { readonly [Hides in NonNullable<MaskOptions["hides"]>]: Measure };

/**
 * Converts pictures to samples of a decoder, with channels and axes as in its `outputShape`. For a decoder with one
 * channel, colours become brightness, 0.299 R + 0.587 G + 0.114 B. Pictures of the decoder's size are copied pixel by
 * pixel, others are scaled; with `mask`, each pixel that stays visible is an average of visible ones, so that hidden
 * parts leave no fringe.
 *
 * @param image an ImageData, a canvas, or several of them; `decodePng` of `latentflow/images/png` reads files
 * @returns outputSize values for each picture, float32, in [0, 1] or in `range`
 * @throws LatentflowError `invalid_argument` if the decoder's samples are not pictures, or a picture has another size and
 *   `fit` is not given
 * @example
 * import { encode } from "latentflow";
 * const canvas = new OffscreenCanvas(400, 300);
 * const y = fromImageData(canvas, decoder, { fit: "contain", invert: true });
 * const weights = maskFrom(canvas, decoder, { fit: "contain", hides: "transparent" }); // 0: transparent, or padding
 * const { z } = await encode(decoder, y, { weights });
 */
export function fromImageData(
  image: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[],
  decoder: PictureDecoder,
  options: FromImageDataOptions = {},
): Float32Array {
  return calling("fromImageData", () => atOnce(convertImages(image, decoder, options)));
}

/** Converts pictures as `fromImageData` does, with pauses. */
export function* convertImages(
  image: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[],
  decoder: PictureDecoder,
  options: FromImageDataOptions,
): Pausable<Float32Array> {
  const { fit, invert, background, range, mask, hides } = completeOptions(options, FROM_FIELDS);
  const layout = layoutOf(decoder);
  const [black, white] = range;
  const images = imagesOf("image", image);
  const masks = mask === undefined ? [] : imagesOf("mask", mask);
  if (masks.length > 1 && masks.length !== images.length) {
    const expected = `1, for all, or ${images.length}, one for each`;
    throw refused("mask", "has", `${masks.length} pictures`, expected);
  }
  return yield* samplesOf(images, layout, function* ({ name, pixels }, put, i) {
    const masking = masks.length > 1 ? masks[i] : masks[0];
    const seen = masking && (yield* seenPixels(masking(), pixels, hides));
    const over = (level: number, opacity: number) =>
      opacity === 1 ? level : background + opacity * (level - background);
    // If there is an opacity channel, colours are weighted by opacity before pixels are averaged.
    const isScaled = pixels.width !== layout.width || pixels.height !== layout.height;
    const colour =
      (pick: number): Measure =>
      (...pixel) =>
        layout.channels < 4 ? over(pixel[pick]!, pixel[3]) : pixel[pick]! * (isScaled ? pixel[3] : 1);
    const measures: Measure[] =
      layout.channels === 1
        ? [(red, green, blue, opacity) => over(grey(red, green, blue, 1), opacity)]
        : [colour(0), colour(1), colour(2), SEEN.transparent].slice(0, layout.channels);
    const padding = layout.channels === 4 ? 0 : background;
    const planes: Plane[] = [];
    for (const measure of measures)
      planes.push(yield* fitted(name, pixels, measure, layout, fit, padding, seen));
    const [, , , opacity] = planes;
    for (const [channel, plane] of planes.entries()) {
      yield* inPieces(plane.length, (start, end) => {
        for (let pixel = start; pixel < end; pixel++) {
          let level = plane[pixel]!;
          if (plane !== opacity) {
            if (opacity && isScaled) level /= opacity[pixel]! || 1;
            if (invert) level = 1 - level;
          }
          put(pixel, channel, black + level * (white - black));
        }
      });
    }
  });
}

/**
 * Converts mask pictures to weights for `encode`: 1 where a value is visible, 0 where it is hidden or padding. All channels of
 * a pixel have the same weight. A pixel is hidden if its visibility, 0 to 1, is below one half; in a scaled mask the visibility
 * is an average over the mask's pixels that the scaled pixel is made of. A brush of less than 50 % opacity thus hides nothing:
 * paint with opaque strokes, and make them translucent by CSS.
 *
 * @param image the mask, a picture with an erased part, or a canvas with strokes: an ImageData, a canvas, or several
 * @returns outputSize weights for each picture, 0 or 1
 * @throws LatentflowError `invalid_argument` if the decoder's samples are not pictures, or a mask has another size and `fit` is
 *   not given
 * @example
 * import { encode } from "latentflow";
 * const strokes = new OffscreenCanvas(280, 280);
 * const weights = maskFrom(strokes, decoder, { hides: "painted", fit: "contain" });
 * const { z } = await encode(decoder, y, { weights });
 */
export function maskFrom(
  image: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[],
  decoder: PictureDecoder,
  options: MaskOptions = {},
): Float32Array {
  return calling("maskFrom", () => atOnce(convertMasks(image, decoder, options)));
}

/** Converts mask pictures as `maskFrom` does, with pauses. */
export function* convertMasks(
  image: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[],
  decoder: PictureDecoder,
  options: MaskOptions,
): Pausable<Float32Array> {
  const { hides, fit } = completeOptions(options, MASK_FIELDS);
  const layout = layoutOf(decoder);
  const images = imagesOf("image", image);
  return yield* samplesOf(images, layout, function* ({ name, pixels }, put) {
    const seen = yield* fitted(name, pixels, measureOf(hides, pixels), layout, fit, 0);
    yield* inPieces(seen.length, (start, end) => {
      for (let pixel = start; pixel < end; pixel++) {
        for (let channel = 0; channel < layout.channels; channel++)
          put(pixel, channel, seen[pixel]! < 0.5 ? 0 : 1);
      }
    });
  });
}

/** A picture passed as an argument, with its name for messages. */
interface NamedPixels {
  readonly name: string;
  readonly pixels: Pixels;
}

/** Returns functions that read the pictures in an argument, which is one picture or a list. */
function imagesOf(
  argument: string,
  image: ImageDataLike | CanvasLike | readonly (ImageDataLike | CanvasLike)[],
): (() => NamedPixels)[] {
  const isList = Array.isArray(image);
  const images = (isList ? image : [image]) as readonly (ImageDataLike | CanvasLike)[];
  if (images.length === 0) throw refused(argument, "is", "an empty list", "at least one picture");
  return Array.from(images, (picture, i) => () => {
    const name = isList ? `${argument}[${i}]` : argument;
    return { name, pixels: pixelsOf(name, picture) };
  });
}

/** Makes one sample per picture; `fill` writes the sample's values through `put`. */
function* samplesOf(
  images: readonly (() => NamedPixels)[],
  layout: PictureLayout,
  fill: (
    image: NamedPixels,
    put: (pixel: number, channel: number, value: number) => void,
    index: number,
  ) => Pausable<void>,
): Pausable<Float32Array> {
  const size = layout.height * layout.width * layout.channels;
  const samples = allocate(Float32Array, images.length * size);
  for (const [i, image] of images.entries()) {
    const put = (pixel: number, channel: number, value: number) => {
      samples[i * size + placeOf(layout, pixel, channel)] = value;
    };
    yield* fill(image(), put, i);
  }
  return samples;
}

/**
 * Returns the visibility of each pixel of a picture according to its mask, 0 to 1.
 *
 * @throws LatentflowError `invalid_argument` if the sizes differ
 */
function* seenPixels(
  mask: NamedPixels,
  { width, height }: Pixels,
  hides: MaskOptions["hides"],
): Pausable<Float64Array> {
  const { name, pixels } = mask;
  if (pixels.width !== width || pixels.height !== height) {
    const got = `${pixels.width} × ${pixels.height} pixels`;
    throw refused(name, "is", got, `${width} × ${height}, as its picture`);
  }
  return yield* measured(pixels, measureOf(hides, pixels));
}

/**
 * Returns the visibility of a mask's pixels.
 *
 * @throws LatentflowError `invalid_argument` if `hides` is not given and no pixel is transparent
 */
function measureOf(hides: MaskOptions["hides"], { data, white }: Pixels): Measure {
  if (hides) return SEEN[hides];
  for (let at = 3; at < data.length; at += 4) if (data[at]! < white) return SEEN.black;
  const expected = '"black" or "white" for a mask without transparent pixels';
  throw refused("hides", "is", "undefined", expected, '; give "black" if black pixels mark hidden ones');
}

/** A value of each pixel, row by row. */
type Plane = Float64Array | Float32Array;

/** Computes a value of each of `count` pixels. */
function* makePlane(count: number, measureAt: (pixel: number) => number): Pausable<Float64Array> {
  const plane = allocate(Float64Array, count);
  yield* inPieces(count, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) plane[pixel] = measureAt(pixel);
  });
  return plane;
}

/** Applies a measure to each pixel, row by row. */
function measured({ data, white, width, height }: Pixels, measure: Measure): Pausable<Float64Array> {
  return makePlane(width * height, (pixel) => {
    const at = 4 * pixel;
    const [red, green, blue, opacity] = [data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!];
    return measure(red / white, green / white, blue / white, opacity / white);
  });
}

/**
 * Applies a measure to each pixel, and scales the result to the decoder's size.
 *
 * @param padding measure of pixels outside of the picture
 * @param seen visibility of each pixel, 0 to 1. Pixels below one half are left out of scaled pixels, unless the
 *   visibility of the scaled pixel is itself below one half
 */
function* fitted(
  name: string,
  pixels: Pixels,
  measure: Measure,
  layout: PictureLayout,
  fit: Fit | undefined,
  padding: number,
  seen?: Float64Array,
): Pausable<Plane> {
  const isSame = pixels.width === layout.width && pixels.height === layout.height;
  if (!isSame && fit === undefined) {
    const advice = words`; give ${option("fit")} "contain", "cover" or "stretch" to scale it`;
    const expected = `${layout.width} × ${layout.height}, as the decoder's samples`;
    throw refused(name, "is", `${pixels.width} × ${pixels.height} pixels`, expected, advice);
  }
  const plane = yield* measured(pixels, measure);
  if (isSame) return plane;
  const scaled = (values: Float64Array, beside: number) => resample(values, pixels, layout, fit!, beside);
  const all = yield* scaled(plane, padding);
  if (!seen) return all;
  const kept = yield* makePlane(seen.length, (pixel) => (seen[pixel]! < 0.5 ? 0 : 1));
  // The weighted mean Σ wxs / Σ ws, with filter weights w and visibilities s of 0 or 1. Both sums round alike, so that it
  // stays within [0, 1], and is exact if all s are 1.
  const weighted = yield* makePlane(plane.length, (pixel) => plane[pixel]! * kept[pixel]!);
  const sums = yield* scaled(weighted, padding);
  const shares = yield* scaled(kept, 1);
  const scaledSeen = yield* scaled(seen, 0);
  return sums.map((sum, pixel) => (scaledSeen[pixel]! < 0.5 ? all[pixel]! : sum / shares[pixel]!));
}
