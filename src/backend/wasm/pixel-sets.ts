import { kept } from "../../base/kept.ts";
import { type PixelPair, pixelPairs } from "../../graph/convolution.ts";
import { type Operation, type Shape, sizeOf } from "../../graph/operations.ts";
import { PixelSet, PixelTaps, paddedSize, Tap } from "../../kernels/layout.ts";

// For each pixel of a convolution the pixels that it is computed from, written as the structs of assembly/memory/graph.ts.

/** Convolution or transposed convolution of a decoder's graph. */
export type Convolution = Operation<"conv" | "convTranspose">;

/** Input or output side of a convolution: its pixels and channels. */
export interface Side {
  readonly pixels: number;
  /** Number of channels of one group of the convolution. */
  readonly channels: number;
  /** Number of channels of all groups together. */
  readonly allChannels: number;
}

/**
 * Geometry of a convolution: channels and pixels on both sides, taps of the kernel, and which pixels each pixel is computed
 * from.
 */
export interface ConvolutionGeometry {
  /** True if the first axis of the weight is the input channels, as in PyTorch's transposed convolutions. */
  readonly isTransposed: boolean;
  /** Number of groups, independent convolutions on equal shares of the channels. */
  readonly groups: number;
  readonly input: Side;
  readonly output: Side;
  /** Number of taps of the convolution's kernel. */
  readonly taps: number;
  /** Sets of output pixels, with the input pixels that each is computed from. */
  readonly forward: readonly LikePixels[];
  /** Sets of input pixels, with the output pixels that each one's gradient is computed from. */
  readonly backward: readonly LikePixels[];
}

/**
 * Destination pixels of a convolution that use the same kernel taps, with source pixels at the same distances from the first
 * tap's source pixel.
 */
interface LikePixels {
  readonly destinations: number[];
  /** Index of the source pixel of the first tap, for each destination pixel. */
  readonly sources: number[];
  /**
   * Taps of each destination pixel: their indices in the kernel, and the distance of their source pixel from the first tap's,
   * in pixels.
   */
  readonly taps: readonly { readonly tap: number; readonly offset: number }[];
}

const geometries = new WeakMap<Convolution, ConvolutionGeometry>();

/**
 * Returns the geometry of a convolution, which is computed on first use and kept as long as the operation.
 *
 * @param inputShape shape of the operation's input for one sample
 */
export function geometryOf(operation: Convolution, inputShape: Shape): ConvolutionGeometry {
  return kept(geometries, operation, () => makeGeometry(operation, inputShape));
}

function makeGeometry(operation: Convolution, inputShape: Shape): ConvolutionGeometry {
  const { kind, shape, groups, kernel } = operation;
  const side = (of: Shape): Side => {
    const allChannels = of.at(-1)!;
    return { pixels: sizeOf(of) / allChannels, channels: allChannels / groups, allChannels };
  };
  const [input, output] = [side(inputShape), side(shape)];
  const pairs = pixelPairs(operation, kind === "convTranspose", inputShape, shape);
  return {
    isTransposed: kind === "convTranspose",
    groups,
    input,
    output,
    taps: sizeOf(kernel),
    forward: likePixels(output.pixels, pairs, ({ output: destination, tap, input: source }) => {
      return { destination, tap, source };
    }),
    backward: likePixels(input.pixels, pairs, ({ output: source, tap, input: destination }) => {
      return { destination, tap, source };
    }),
  };
}

/** Makes the geometry of a fully connected operation that is applied to each of many pixels: a convolution with one tap. */
export function pointwiseGeometry(pixels: number, inputs: number, outputs: number): ConvolutionGeometry {
  const side = (channels: number): Side => ({ pixels, channels, allChannels: channels });
  const all = Array.from({ length: pixels }, (_, pixel) => pixel);
  const each = [{ destinations: all, sources: all, taps: [{ tap: 0, offset: 0 }] }];
  return {
    isTransposed: false,
    groups: 1,
    input: side(inputs),
    output: side(outputs),
    taps: 1,
    forward: each,
    backward: each,
  };
}

function likePixels(
  count: number,
  pairs: readonly PixelPair[],
  towards: (pair: PixelPair) => {
    readonly destination: number;
    readonly tap: number;
    readonly source: number;
  },
): LikePixels[] {
  const reached = Array.from({ length: count }, (): { tap: number; source: number }[] => []);
  for (const pair of pairs) {
    const { destination, tap, source } = towards(pair);
    reached[destination]!.push({ tap, source });
  }
  const sets = new Map<string, LikePixels>();
  reached.forEach((all, destination) => {
    all.sort((a, b) => a.tap - b.tap);
    const first = all[0]?.source ?? 0;
    const taps = all.map(({ tap, source }) => ({ tap, offset: source - first }));
    const key = taps.map(({ tap, offset }) => `${tap} ${offset}`).join();
    const set = kept(sets, key, () => ({ destinations: [], sources: [], taps }));
    set.destinations.push(destination);
    set.sources.push(first);
  });
  return [...sets.values()];
}

/**
 * Returns the number of columns, padded to a multiple of 8, of a convolution's weight as one matrix for one direction, with a
 * column for each tap and channel; 0 if a product per tap is less work than one product with this matrix. The one product is
 * less work if there are so few channels that a tap's panels (packed blocks of 8 columns) are mostly empty.
 */
export function columnsOf(sets: readonly LikePixels[], taps: number, from: Side, to: Side): number {
  const columns = paddedSize(taps * to.channels);
  const products = sets.reduce((sum, set) => sum + set.destinations.length * set.taps.length, 0);
  return columns * from.pixels < 0.8 * paddedSize(to.channels) * products ? columns : 0;
}

/** Allocates the PixelTaps struct of one direction of a convolution, and the structs it points to. */
export function allocatePixelTaps(sets: readonly LikePixels[], piece: (bytes: number) => number) {
  return {
    pointer: piece(PixelTaps.size),
    sets: piece(PixelSet.size * sets.length),
    ofSets: sets.map(({ destinations, taps }) => ({
      destinations: piece(4 * destinations.length),
      sources: piece(4 * destinations.length),
      pixels: piece(4 * destinations.length),
      taps: piece(Tap.size * taps.length),
    })),
  };
}

/** Writes the PixelTaps struct of one direction of a convolution, and the structs it points to. */
export function fillPixelTaps(
  memory: DataView,
  place: ReturnType<typeof allocatePixelTaps>,
  sets: readonly LikePixels[],
  from: Side,
  to: Side,
): void {
  PixelTaps.fill(memory, place.pointer, { setCount: sets.length, sets: place.sets });
  const matrixSize = 4 * paddedSize(to.channels) * from.channels;
  sets.forEach((set, i) => {
    const { destinations, sources, pixels: numbers, taps } = place.ofSets[i]!;
    PixelSet.fill(memory, place.sets + i * PixelSet.size, {
      pixelCount: set.destinations.length,
      destinations,
      sources,
      pixels: numbers,
      taps,
      tapsEnd: taps + set.taps.length * Tap.size,
    });
    set.destinations.forEach((pixel, k) => {
      memory.setInt32(destinations + 4 * k, 4 * to.allChannels * pixel, true);
      memory.setInt32(sources + 4 * k, 4 * from.allChannels * set.sources[k]!, true);
      memory.setInt32(numbers + 4 * k, set.sources[k]!, true);
    });
    set.taps.forEach(({ tap, offset }, k) => {
      const pixels = offset - (set.taps[k - 1]?.offset ?? 0);
      Tap.fill(memory, taps + k * Tap.size, {
        move: 4 * (from.allChannels * pixels - from.channels),
        panels: tap * matrixSize,
        offset: 4 * from.allChannels * offset,
        index: tap,
        pixels: offset,
      });
    });
  });
}
