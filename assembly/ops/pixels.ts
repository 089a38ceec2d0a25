import { ConvolutionOperation, PIXELS_AT_ONCE, PixelSet, PixelTaps, Tap } from "../memory/graph";
import { PixelScratch } from "../memory/workspace";
import { multiply } from "./product";
import { multiplyOverTaps } from "./taps";

// Matrix products of convolutions, from rows of pixels to rows of pixels.

/**
 * Computes each destination pixel of a convolution: the bias plus, summed over taps, the tap's matrix times its source pixel. A
 * pixel is the channels of all groups.
 *
 * @param pixelTaps source pixels of each destination pixel
 * @param matrices panels f32[groups][taps][⌈channels / 8⌉][depth][8]
 * @param bias f32[groups][channels padded to a multiple of 8], or 0 for none
 * @param depth channels per group of a source pixel
 * @param channels channels per group of a destination pixel
 * @param sources usize[count], pointers to rows of source pixels
 * @param destinations usize[count], pointers to rows of destination pixels
 */
export function multiplyPixels(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
  pixelTaps: PixelTaps,
  matrices: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  sources: usize,
  destinations: usize,
  count: i32,
): void {
  const panels = (channels + 7) >> 3;
  const matrixSize = ((<usize>panels) << 5) * <usize>depth;
  for (let group: i32 = 0; group < operation.groups; group++) {
    const groupBias = bias !== 0 ? bias + <usize>group * ((<usize>panels) << 5) : scratch.zeros;
    const groupMatrices = matrices + <usize>group * <usize>operation.taps * matrixSize;
    const groupSources = (<usize>(group * depth)) << 2;
    const groupDestinations = (<usize>(group * channels)) << 2;
    for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
      const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
      const total = count * set.pixelCount;
      for (let first: i32 = 0; first < total; first += PIXELS_AT_ONCE) {
        const some = min(PIXELS_AT_ONCE, total - first);
        pointPixels(scratch.sources, sources, set, set.sources, groupSources, first, some);
        pointPixels(
          scratch.destinations,
          destinations,
          set,
          set.destinations,
          groupDestinations,
          first,
          some,
        );
        productOfSome(scratch, set, groupMatrices, groupBias, depth, channels, panels, some);
      }
    }
  }
}

/**
 * Computes each destination pixel of a convolution as `multiplyPixels` does, faster if channels are few: multiplies each source pixel
 * by all taps' matrices at once, then adds up the columns that belong to each destination pixel.
 *
 * @param columns panels f32[groups][⌈taps · channels / 8⌉][depth][8]
 * @param depth channels per group of a source pixel
 * @param channels channels per group of a destination pixel
 * @param pixels number of source pixels in a row
 */
export function multiplyPixelsByColumns(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
  pixelTaps: PixelTaps,
  columns: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  pixels: i32,
  sources: usize,
  destinations: usize,
  count: i32,
): void {
  const panels = (operation.taps * channels + 7) >> 3;
  const rowSize = (<usize>panels) << 5;
  const pixelSize = (<usize>(operation.groups * depth)) << 2;
  const biasSize = (<usize>((channels + 7) >> 3)) << 5;
  for (let group: i32 = 0; group < operation.groups; group++) {
    const matrix = columns + <usize>group * rowSize * <usize>depth;
    const groupBias = bias !== 0 ? bias + <usize>group * biasSize : scratch.zeros;
    const groupDestinations = (<usize>(group * channels)) << 2;
    for (let sample: i32 = 0; sample < count; sample++) {
      const source = pixelAt(sources, sample) + ((<usize>(group * depth)) << 2);
      for (let first: i32 = 0; first < pixels; first += PIXELS_AT_ONCE) {
        const some = min(PIXELS_AT_ONCE, pixels - first);
        for (let i: i32 = 0; i < some; i++) {
          const pixel = <usize>(first + i);
          store<usize>(scratch.sources + ((<usize>i) << 2), source + pixel * pixelSize);
          store<usize>(scratch.destinations + ((<usize>i) << 2), scratch.columns + pixel * rowSize);
        }
        multiply(some, scratch.sources, scratch.destinations, matrix, scratch.zeros, depth, panels);
      }
      const destination = pixelAt(destinations, sample) + groupDestinations;
      for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
        const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
        addColumns(scratch, set, groupBias, channels, rowSize, destination);
      }
    }
  }
}

/**
 * Writes each destination pixel of `set`: the bias plus, summed over taps in order, the tap's columns in the row of
 * scratch.columns that belongs to the tap's source pixel. scratch.columns holds the products of the source pixels with all taps'
 * matrices, a row of `rowSize` bytes for each.
 */
function addColumns(
  scratch: PixelScratch,
  set: PixelSet,
  bias: usize,
  channels: i32,
  rowSize: usize,
  destination: usize,
): void {
  const size = (<usize>channels) << 2;
  for (let i: usize = 0; i < <usize>set.pixelCount; i++) {
    const row = scratch.columns + <usize>load<i32>(set.pixels + (i << 2)) * rowSize;
    const pixel = destination + load<i32>(set.destinations + (i << 2));
    // Four channels at once; lanes beyond the last channel are not stored.
    for (let c: usize = 0; c < size; c += 16) {
      let sum = v128.load(bias + c);
      for (let at = set.taps; at < set.tapsEnd; at += offsetof<Tap>()) {
        const tap = changetype<Tap>(at);
        const column = <usize>tap.index * size + c;
        sum = f32x4.add(sum, v128.load(row + <usize>(tap.pixels * <i32>rowSize) + column));
      }
      store<f32>(pixel + c, f32x4.extract_lane(sum, 0));
      if (c + 4 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 1), 4);
      if (c + 8 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 2), 8);
      if (c + 12 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 3), 12);
    }
  }
}

/**
 * Computes one group's channels of `count` destination pixels of `set`: the bias plus, summed over the set's kernel taps, the
 * tap's matrix times the tap's source pixel. scratch.destinations holds pointers to the destination pixels,
 * scratch.sources to the source pixels of their first taps.
 */
function productOfSome(
  scratch: PixelScratch,
  set: PixelSet,
  matrices: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  panels: i32,
  count: i32,
): void {
  const size = (<usize>channels) << 2;
  if (set.taps === set.tapsEnd) {
    for (let i: i32 = 0; i < count; i++) copyPixel(pixelAt(scratch.destinations, i), bias, size);
    return;
  }
  const rowSize = (<usize>panels) << 5;
  if (size === rowSize) {
    multiplyOverTaps(
      count,
      scratch.sources,
      scratch.destinations,
      matrices,
      bias,
      depth,
      panels,
      set.taps,
      set.tapsEnd,
    );
    return;
  }
  // The padding of the last panel would overwrite the neighbouring pixels, so the product goes to scratch first.
  for (let i: i32 = 0; i < count; i++) {
    const place = scratch.places + ((<usize>i) << 2);
    store<usize>(place, scratch.pixels + <usize>i * rowSize);
  }
  multiplyOverTaps(
    count,
    scratch.sources,
    scratch.places,
    matrices,
    bias,
    depth,
    panels,
    set.taps,
    set.tapsEnd,
  );
  for (let i: i32 = 0; i < count; i++) {
    copyPixel(pixelAt(scratch.destinations, i), scratch.pixels + <usize>i * rowSize, size);
  }
}

/** Copies a pixel of `size` bytes number by number, which is faster than memory.copy for the usual few channels. */
function copyPixel(to: usize, from: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 4) store<f32>(to + i, load<f32>(from + i));
}

function pixelAt(pointers: usize, index: i32): usize {
  return load<usize>(pointers + ((<usize>index) << 2));
}

/**
 * Writes pointers to pixels first … first + count - 1 of a PixelSet, counted over the set's pixels in the first row, then over
 * its pixels in the second row, and so on.
 *
 * @param pointers usize[count] to write to
 * @param rows usize[], pointers to the rows
 * @param offsets i32[set.pixelCount], byte offsets of the set's pixels in a row
 * @param offset bytes added to each pointer: the first channel of a group
 */
export function pointPixels(
  pointers: usize,
  rows: usize,
  set: PixelSet,
  offsets: usize,
  offset: usize,
  first: i32,
  count: i32,
): void {
  let row = rows + ((<usize>(first / set.pixelCount)) << 2);
  let pixel = first % set.pixelCount;
  for (let i: i32 = 0; i < count; i++, pixel++) {
    if (pixel === set.pixelCount) {
      pixel = 0;
      row += sizeof<usize>();
    }
    const place = load<i32>(offsets + ((<usize>pixel) << 2));
    store<usize>(pointers + ((<usize>i) << 2), load<usize>(row) + place + offset);
  }
}
