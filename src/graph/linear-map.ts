import { invalidOption } from "../base/refuse.ts";
import { type Shape, sizeOf, stridesOf } from "./kind.ts";

// Operations without parameters that only move or add numbers: upsampling, padding, slices, means, sums of two values. Each is
// a sparse matrix, and its backward pass is the transpose.

/**
 * Sparse matrix of an operation that only moves or adds numbers: each entry maps a block of `width` consecutive numbers of the
 * input to a block of the output.
 */
export interface LinearMap {
  /** Count of numbers in a block. */
  readonly width: number;
  /** Number of blocks, of `width` numbers each, in the input. */
  readonly inputBlocks: number;
  /** Offsets of the output blocks that the linear map writes, in numbers; other blocks stay unchanged. */
  readonly destinations: Int32Array;
  /**
   * Entries of the matrix: output block i is the sum of weights[k] · the input block at offset sources[k], for k from starts[i]
   * to starts[i + 1] - 1.
   */
  readonly starts: Int32Array;
  /** Offset of each entry's input block, in numbers. */
  readonly sources: Int32Array;
  /** Factor that each entry multiplies its input block by. */
  readonly weights: Float32Array;
}

/** Position along an axis of the input, with its weight in a sum. */
export interface Term {
  readonly position: number;
  readonly weight: number;
}

/** Axis of an operation's output, described by the positions of an input's axis that each output position sums. */
export interface AxisMap {
  /** Number of positions of the output's axis. */
  readonly length: number;
  /** Count of numbers from one position of the input's axis to the next. */
  readonly stride: number;
  /**
   * Returns the terms of the weighted sum at an output position: positions of the input's axis. An empty list gives 0; with
   * undefined the linear map does not write the position, as where another operand of a concatenation writes it.
   */
  terms(position: number): readonly Term[] | undefined;
  /**
   * Upper bound of the number of terms of all positions together; a position with an empty list counts as one. Given by a
   * formula, since a few bytes of a file can describe an axis of millions of positions.
   */
  readonly entries: number;
  /** True if every output position reads the input's position of the same index. */
  readonly isIdentity: boolean;
  /**
   * Set if the linear map copies the input's whole axis, `count` positions, to the output's positions from `first` on, and
   * writes no other position, as for an operand of a concatenation.
   */
  readonly part?: { readonly first: number; readonly count: number };
}

const one = (position: number): readonly Term[] => [{ position, weight: 1 }];

/**
 * Returns the dense matrix [output, input], row-major, that maps the positions of the input's axis to those of the output's
 * axis; its transpose if `isTurned`.
 *
 * @param inputs length of the input's axis
 */
export function matrixOf(map: AxisMap, inputs: number, isTurned: boolean): Float32Array {
  const outputs = map.length;
  const values = new Float32Array(outputs * inputs);
  for (let output = 0; output < outputs; output++) {
    for (const { position, weight } of map.terms(output) ?? []) {
      const at = isTurned ? position * outputs + output : output * inputs + position;
      values[at] = values[at]! + weight;
    }
  }
  return values;
}

/** Makes the axis maps of a row-major tensor of the given shape that leave every axis unchanged. */
export function identityAxes(shape: Shape): AxisMap[] {
  const strides = stridesOf(shape);
  return shape.map((length, axis) => ({
    length,
    stride: strides[axis]!,
    terms: one,
    entries: length,
    isIdentity: true,
  }));
}

/**
 * Makes the axis map of an output axis of `length` positions, each the weighted sum of positions of an input's axis.
 *
 * @param axis unchanged axis of the input; the map has its stride
 * @param terms returns the terms of an output position's sum
 * @param entries upper bound of the number of terms of all positions together, for EntryLimit; not compared with `terms`
 */
export function changed(axis: AxisMap, length: number, terms: AxisMap["terms"], entries: number): AxisMap {
  return { length, stride: axis.stride, terms, entries, isIdentity: false };
}

/**
 * Makes the axis map of an output axis of `length` positions, each a copy of one position of an input's axis.
 *
 * @param axis unchanged axis of the input; the map has its stride
 * @param place returns the input's position for an output position
 */
export function picked(axis: AxisMap, length: number, place: (position: number) => number): AxisMap {
  return changed(axis, length, (position) => one(place(position)), length);
}

/**
 * Splits off the last axes that a linear map copies whole, as blocks of contiguous numbers. Returns the blocks' width in
 * numbers, the axes before the split-off ones (`outer`), the count of output numbers from one position of the last outer axis
 * to the next (`step`), and the offset of the block within these `step` numbers (`first`).
 */
function blocksOf(axes: readonly AxisMap[]) {
  let width = 1;
  let outer = axes.length;
  while (outer > 0) {
    const { length, stride, isIdentity, part } = axes[outer - 1]!;
    if (part && stride === width) {
      const block = { width: width * part.count, step: width * length, first: width * part.first };
      return { ...block, outer: axes.slice(0, outer - 1) };
    }
    if (!isIdentity || (stride !== width && length !== 1)) break;
    width *= length;
    outer--;
  }
  return { width, outer: axes.slice(0, outer), step: width, first: 0 };
}

/**
 * Maximum number of entries of one linear map: maps are listed once per decoder, without a pause, which takes about 0.8 seconds
 * and 300 MB for this many.
 */
export const MOST_ENTRIES = 2 ** 22;

/**
 * Maximum number of entries of all linear maps of a decoder. With its transpose an entry takes 8 to 32 bytes of WebAssembly's
 * memory: 1 to 4 GiB, of 4 GiB available.
 */
const MOST_ENTRIES_IN_ALL = 2 ** 27;

/** Counter of the entries of a decoder's linear maps, which throws before any map is listed if there are too many. */
export class EntryLimit {
  private total = 0;

  /**
   * Counts the entries of one operation's linear map, whose output has the axes `axes`, and adds them to the decoder's total.
   *
   * @param inputSize count of numbers in the map's input
   * @throws LatentflowError `invalid_argument` if this map, or all maps together, have too many entries
   */
  add(axes: readonly AxisMap[], inputSize: number): void {
    const { width, outer } = blocksOf(axes);
    const entries = outer.reduce((all, axis) => all * axis.entries, 1);
    // The transpose visits all blocks of the input, and listing a part's axis visits all of its positions.
    const most = Math.max(entries, inputSize / width, ...outer.map(({ length }) => length));
    if (most > MOST_ENTRIES) throw tooMany("it moves", MOST_ENTRIES);
    this.count(most);
  }

  /**
   * Adds `entries` to the decoder's total.
   *
   * @throws LatentflowError `invalid_argument` if all maps together have too many entries
   */
  count(entries: number): void {
    this.total += entries;
    if (this.total > MOST_ENTRIES_IN_ALL) {
      throw tooMany("the operations up to this one move", MOST_ENTRIES_IN_ALL);
    }
  }
}

function tooMany(moves: string, most: number) {
  return invalidOption("", `${moves} more than ${most} numbers or rows of them one by one, too many`);
}

/**
 * Lists the terms of all positions of an axis, one after the other, in typed arrays: lists of objects would take several times
 * as long. Position written[i] has the terms from starts[i] to starts[i + 1] - 1; `offsets` count numbers from the input's
 * start, along this axis.
 */
function listed({ length, stride, terms }: AxisMap) {
  const written: number[] = [];
  const starts: number[] = [0];
  const offsets: number[] = [];
  const weights: number[] = [];
  for (let at = 0; at < length; at++) {
    const there = terms(at);
    if (!there) continue;
    written.push(at);
    for (const { position, weight } of there) {
      offsets.push(position * stride);
      weights.push(weight);
    }
    starts.push(offsets.length);
  }
  return {
    written: Int32Array.from(written),
    starts: Int32Array.from(starts),
    offsets: Float64Array.from(offsets),
    weights: Float64Array.from(weights),
  };
}

/** Makes the sparse matrix of a linear map whose output has the axes `axes`, from an input of `inputSize` numbers. */
export function linearMap(axes: readonly AxisMap[], inputSize: number): LinearMap {
  const { width, outer: own, step, first } = blocksOf(axes);
  // At least one axis: a value that is one block is at the only position of an axis of length 1.
  const outer = own.length > 0 ? own : identityAxes([1]);
  const along = outer.map(listed);
  const entryCount = along.reduce((all, { offsets }) => all * offsets.length, 1);
  const destinations = new Int32Array(along.reduce((all, { written }) => all * written.length, 1));
  const starts = new Int32Array(destinations.length + 1);
  const sources = new Int32Array(entryCount);
  const weights = new Float32Array(entryCount);
  let destination = 0;
  let entry = 0;
  /**
   * Visits the positions of `axis` and the axes behind it; `places` and `factors` are the input offsets and weights of the
   * terms chosen along the axes before.
   */
  const visit = (
    axis: number,
    block: number,
    places: readonly number[],
    factors: readonly number[],
  ): void => {
    const own = along[axis]!;
    const isLast = axis === outer.length - 1;
    for (let i = 0; i < own.written.length; i++) {
      const at = block * outer[axis]!.length + own.written[i]!;
      const [start, end] = [own.starts[i]!, own.starts[i + 1]!];
      const [nextPlaces, nextFactors]: [number[], number[]] = [[], []];
      for (let before = 0; before < places.length; before++) {
        for (let k = start; k < end; k++) {
          const place = places[before]! + own.offsets[k]!;
          const factor = factors[before]! * own.weights[k]!;
          if (isLast) {
            sources[entry] = place;
            weights[entry++] = factor;
          } else {
            nextPlaces.push(place);
            nextFactors.push(factor);
          }
        }
      }
      if (isLast) {
        destinations[destination++] = at * step + first;
        starts[destination] = entry;
      } else {
        visit(axis + 1, at, nextPlaces, nextFactors);
      }
    }
  };
  visit(0, 0, [0], [1]);
  return { width, inputBlocks: inputSize / width, destinations, starts, sources, weights };
}

/**
 * Returns the transpose of a linear map, for the backward pass: each block of the map's input is the sum of the gradients of
 * the output blocks that it contributed to.
 */
export function transposed({
  width,
  inputBlocks,
  destinations,
  starts,
  sources,
  weights,
}: LinearMap): LinearMap {
  const counts = new Int32Array(inputBlocks + 1);
  for (const source of sources) counts[source / width + 1]!++;
  for (let block = 0; block < inputBlocks; block++) counts[block + 1]! += counts[block]!;
  const next = counts.slice();
  const from = new Int32Array(sources.length);
  const by = new Float32Array(sources.length);
  for (let i = 0; i < destinations.length; i++) {
    for (let k = starts[i]!; k < starts[i + 1]!; k++) {
      const at = next[sources[k]! / width]!++;
      from[at] = destinations[i]!;
      by[at] = weights[k]!;
    }
  }
  return {
    width,
    inputBlocks: 0,
    destinations: Int32Array.from({ length: inputBlocks }, (_, block) => block * width),
    starts: counts,
    sources: from,
    weights: by,
  };
}

/**
 * Makes the axis map of an output axis of `length` positions that copies an input's axis to the positions from `first` on; the
 * linear map does not write the other positions.
 *
 * @param axis unchanged axis of the input
 */
export function partly(axis: AxisMap, length: number, first: number): AxisMap {
  const count = axis.length;
  const terms = (position: number) =>
    position >= first && position < first + count ? one(position - first) : undefined;
  return { ...changed(axis, length, terms, count), part: { first, count } };
}

/**
 * Returns the output axes of one operand of a concatenation: the operand fills its part of axis `axis`, of `length` positions,
 * from `first` on.
 */
export function partOf(shape: Shape, axis: number, length: number, first: number): AxisMap[] {
  const axes = identityAxes(shape);
  axes[axis] = partly(axes[axis]!, length, first);
  return axes;
}

/**
 * Returns the output axes of the linear map that broadcasts a value from `shape` to the shape `to`: the value is repeated along
 * its axes of length 1, and along new axes in front.
 */
export function stretchedAxes(shape: Shape, to: Shape): AxisMap[] {
  const missing = to.length - shape.length;
  return identityAxes([...new Array<number>(missing).fill(1), ...shape]).map((axis, i) =>
    axis.length === to[i] ? axis : picked(axis, to[i]!, () => 0),
  );
}

/** Returns the linear map that broadcasts a value from `shape` to the shape `to`, and multiplies it by a factor. */
export function stretched(shape: Shape, to: Shape, factor = 1): LinearMap {
  const map = linearMap(stretchedAxes(shape, to), sizeOf(shape));
  return factor === 1 ? map : { ...map, weights: map.weights.map((weight) => weight * factor) };
}
