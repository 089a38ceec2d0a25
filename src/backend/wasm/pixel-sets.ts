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
  /**
   * Number of columns, padded to a multiple of 8, of the weight as one matrix for the forward pass, with a column for each tap
   * and output channel; 0 if a product per tap is less work than one product with this matrix.
   */
  readonly forwardColumns: number;
  /** Number of columns of the weight as one matrix for the backward pass, as `forwardColumns`. */
  readonly backwardColumns: number;
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
  return kept(geometries, operation, () => {
    const { kind, shape, groups, kernel } = operation;
    const isTransposed = kind === "convTranspose";
    const side = (of: Shape): Side => {
      const allChannels = of.at(-1)!;
      return { pixels: sizeOf(of) / allChannels, channels: allChannels / groups, allChannels };
    };
    const [input, output] = [side(inputShape), side(shape)];
    const pairs = pixelPairs(operation, isTransposed, inputShape, shape);
    return withColumns({
      isTransposed,
      groups,
      input,
      output,
      taps: sizeOf(kernel),
      forward: likePixels(output.pixels, pairs, "output", "input"),
      backward: likePixels(input.pixels, pairs, "input", "output"),
    });
  });
}

/** Makes the geometry of a fully connected operation that is applied to each of many pixels: a convolution with one tap. */
export function pointwiseGeometry(pixels: number, inputs: number, outputs: number): ConvolutionGeometry {
  const side = (channels: number): Side => ({ pixels, channels, allChannels: channels });
  const all = Array.from({ length: pixels }, (_, pixel) => pixel);
  const each = [{ destinations: all, sources: all, taps: [{ tap: 0, offset: 0 }] }];
  return withColumns({
    isTransposed: false,
    groups: 1,
    input: side(inputs),
    output: side(outputs),
    taps: 1,
    forward: each,
    backward: each,
  });
}

/** Returns sets of the `count` pixels on the side `to` of a convolution, with their source pixels on the other side, `from`. */
function likePixels(
  count: number,
  pairs: readonly PixelPair[],
  to: "input" | "output",
  from: "input" | "output",
): LikePixels[] {
  const reached = Array.from({ length: count }, (): { tap: number; source: number }[] => []);
  for (const pair of pairs) reached[pair[to]]!.push({ tap: pair.tap, source: pair[from] });
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

/** Adds the counts of columns to a convolution's geometry. */
function withColumns(
  geometry: Omit<ConvolutionGeometry, "forwardColumns" | "backwardColumns">,
): ConvolutionGeometry {
  const { input, output, taps, forward, backward } = geometry;
  return {
    ...geometry,
    forwardColumns: columnsOf(forward, taps, input, output),
    backwardColumns: columnsOf(backward, taps, output, input),
  };
}

/**
 * Returns the number of columns of one direction of a convolution (`ConvolutionGeometry.forwardColumns`). One product with all
 * of them is less work than a product per tap if there are so few channels that a tap's panels (packed blocks of 8 columns)
 * are mostly empty.
 */
function columnsOf(sets: readonly LikePixels[], taps: number, from: Side, to: Side): number {
  const columns = paddedSize(taps * to.channels);
  const products = sets.reduce((sum, set) => sum + set.destinations.length * set.taps.length, 0);
  return columns * from.pixels < 0.8 * paddedSize(to.channels) * products ? columns : 0;
}

/**
 * Allocates the PixelTaps struct of one direction of a convolution, and the structs it points to; `write` fills all of them.
 */
export function allocatePixelTaps(
  sets: readonly LikePixels[],
  from: Side,
  to: Side,
  piece: (bytes: number) => number,
) {
  const pointer = piece(PixelTaps.size);
  const first = piece(PixelSet.size * sets.length);
  const pieces = sets.map(({ destinations, taps }) => ({
    destinations: piece(4 * destinations.length),
    sources: piece(4 * destinations.length),
    pixels: piece(4 * destinations.length),
    taps: piece(Tap.size * taps.length),
  }));
  const matrixSize = 4 * paddedSize(to.channels) * from.channels;
  return {
    pointer,
    write(memory: DataView): void {
      PixelTaps.fill(memory, pointer, { setCount: sets.length, sets: first });
      sets.forEach((set, i) => {
        const own = pieces[i]!;
        PixelSet.fill(memory, first + i * PixelSet.size, {
          ...own,
          pixelCount: set.destinations.length,
          tapsEnd: own.taps + set.taps.length * Tap.size,
        });
        set.destinations.forEach((pixel, k) => {
          memory.setInt32(own.destinations + 4 * k, 4 * to.allChannels * pixel, true);
          memory.setInt32(own.sources + 4 * k, 4 * from.allChannels * set.sources[k]!, true);
          memory.setInt32(own.pixels + 4 * k, set.sources[k]!, true);
        });
        set.taps.forEach(({ tap, offset }, k) => {
          const pixels = offset - (set.taps[k - 1]?.offset ?? 0);
          Tap.fill(memory, own.taps + k * Tap.size, {
            move: 4 * (from.allChannels * pixels - from.channels),
            panels: tap * matrixSize,
            offset: 4 * from.allChannels * offset,
            index: tap,
            pixels: offset,
          });
        });
      });
    },
  };
}
