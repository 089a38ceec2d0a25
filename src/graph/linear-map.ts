import { type Shape, sizeOf } from "./kind.ts";

// Operations that only move numbers or add them up, without parameters: upsampling, padding, slices, means, sums of two
// values. All are one sparse matrix, and their backward passes are its transpose.

/** A sparse matrix whose rows and columns are blocks of `width` numbers that lie one after the other. */
export interface LinearMap {
  readonly width: number;
  /** How many blocks the input has. */
  readonly inputBlocks: number;
  /** The blocks of the output that it writes: others are left as they are. */
  readonly destinations: Int32Array;
  /** Block destinations[i] is the sum of weights[k] · input block sources[k], k from starts[i] to starts[i + 1] - 1. */
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  readonly weights: Float32Array;
}

/** A position along an axis of the input, and what its numbers are multiplied by. */
interface Term {
  readonly position: number;
  readonly weight: number;
}

/** One axis of an output: what each of its positions takes of an axis of the input. */
export interface AxisMap {
  readonly length: number;
  /** Numbers from one position of the input's axis to the next. */
  readonly stride: number;
  /** None: 0. Undefined: the map does not write there. */
  terms(position: number): readonly Term[] | undefined;
  /** Whether every position takes the same one of the input. */
  readonly isIdentity: boolean;
}

const one = (position: number): readonly Term[] => [{ position, weight: 1 }];

/** Axes of a value, row-major, each as it is. */
export function identityAxes(shape: Shape): AxisMap[] {
  const strides = stridesOf(shape);
  return shape.map((length, axis) => ({ length, stride: strides[axis]!, terms: one, isIdentity: true }));
}

/** Numbers from one position to the next, along each axis. */
export function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** The axis of the input, of which an output of `length` positions takes `terms`. */
export function changed(axis: AxisMap, length: number, terms: AxisMap["terms"]): AxisMap {
  return { length, stride: axis.stride, terms, isIdentity: false };
}

/** The map of an output with these axes, of an input with so many numbers. */
export function linearMap(axes: readonly AxisMap[], inputSize: number): LinearMap {
  let width = 1;
  let outer = axes.length;
  while (outer > 0) {
    const { length, stride, isIdentity } = axes[outer - 1]!;
    if (!isIdentity || (stride !== width && length !== 1)) break;
    width *= length;
    outer--;
  }
  const destinations: number[] = [];
  const starts: number[] = [0];
  const sources: number[] = [];
  const weights: number[] = [];
  const blocks = axes.slice(0, outer);
  const visit = (axis: number, block: number, terms: readonly Term[]): void => {
    if (axis === blocks.length) {
      destinations.push(block);
      for (const { position, weight } of terms) {
        sources.push(position / width);
        weights.push(weight);
      }
      starts.push(sources.length);
      return;
    }
    const { length, stride, terms: termsOf } = blocks[axis]!;
    for (let position = 0; position < length; position++) {
      const along = termsOf(position);
      if (!along) continue;
      const both = terms.flatMap((before) =>
        along.map(({ position: at, weight }) => ({
          position: before.position + at * stride,
          weight: before.weight * weight,
        })),
      );
      visit(axis + 1, block * length + position, both);
    }
  };
  visit(0, 0, [{ position: 0, weight: 1 }]);
  return {
    ...{ width, inputBlocks: inputSize / width },
    destinations: Int32Array.from(destinations),
    starts: Int32Array.from(starts),
    sources: Int32Array.from(sources),
    weights: Float32Array.from(weights),
  };
}

/** The map of the backward pass: every block of the input takes what it has given. */
export function transposed({
  width,
  inputBlocks,
  destinations,
  starts,
  sources,
  weights,
}: LinearMap): LinearMap {
  const counts = new Int32Array(inputBlocks + 1);
  for (const source of sources) counts[source + 1]!++;
  for (let block = 0; block < inputBlocks; block++) counts[block + 1]! += counts[block]!;
  const next = counts.slice();
  const from = new Int32Array(sources.length);
  const by = new Float32Array(sources.length);
  for (let i = 0; i < destinations.length; i++) {
    for (let k = starts[i]!; k < starts[i + 1]!; k++) {
      const at = next[sources[k]!]!++;
      from[at] = destinations[i]!;
      by[at] = weights[k]!;
    }
  }
  return {
    ...{ width, inputBlocks: 0 },
    destinations: Int32Array.from({ length: inputBlocks }, (_, block) => block),
    starts: counts,
    ...{ sources: from, weights: by },
  };
}

/** One value beside another along an axis: its part of the output of `length` positions, from `first` on. */
export function partOf(shape: Shape, axis: number, length: number, first: number): LinearMap {
  const axes = identityAxes(shape);
  const own = shape[axis]!;
  axes[axis] = changed(axes[axis]!, length, (position) =>
    position >= first && position < first + own ? one(position - first) : undefined,
  );
  return linearMap(axes, sizeOf(shape));
}

/** A value stretched to another shape along its axes of length 1, and to more axes before them; times a factor. */
export function stretched(shape: Shape, to: Shape, factor = 1): LinearMap {
  const missing = to.length - shape.length;
  const axes = identityAxes([...new Array<number>(missing).fill(1), ...shape]).map((axis, i) =>
    axis.length === to[i] ? axis : changed(axis, to[i]!, () => one(0)),
  );
  const map = linearMap(axes, sizeOf(shape));
  return factor === 1 ? map : { ...map, weights: map.weights.map((weight) => weight * factor) };
}
