// Types of what src/graph has of each kind of operation; the arithmetic is each backend's.

/** Lengths of the axes of one sample's value, row-major. */
export type Shape = readonly number[];

/** Returns the product of a shape's lengths. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Tests if a shape has the expected axes in another order, channels first for last, say. Axes of length 1 do not
 * count.
 */
export function isReordered(shape: Shape, expected: Shape): boolean {
  const [own, wanted] = [shape, expected].map((lengths) => lengths.filter((length) => length !== 1));
  const sorted = (lengths: Shape) => String([...lengths].sort((a, b) => a - b));
  return String(own) !== String(wanted) && sorted(own!) === sorted(wanted!);
}

/** Returns the distance in memory between neighbours along each axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** The names of an operation's tensors. */
export type TensorName = "weight" | "bias";

/** Cost of a forward pass of one sample. */
export interface Cost {
  readonly multiplications: number;
  /** Number of sums of products. */
  readonly sums: number;
  /** Number of values that a function is applied to. */
  readonly functions: number;
}

/** A tensor of an operation. */
export interface Tensor {
  readonly name: TensorName;
  readonly shape: Shape;
  readonly initial: Initial;
  /** True if kernels sum the tensor up as one row; else a row is all axes but the first. */
  readonly isFlat?: boolean;
}

/** Initial values: one number, or uniform in [-bound, bound), as PyTorch's default is. */
export type Initial = { readonly value: number } | { readonly bound: number };

/** An operation's settings as they are kept, and the shape of what it makes of one sample. */
export type Described<Fields> = Omit<Fields, TensorName> & { readonly shape: Shape };

/** Traits of a kind of operation. `Fields` are what its operations have beside the common fields, tensors included. */
export interface Kind<Fields> {
  /** Lists an operation's tensors, in the order of `parameters` and of files. */
  tensors(operation: Described<Fields>, inputs: readonly Shape[]): readonly Tensor[];
  cost(operation: Described<Fields>, inputs: readonly Shape[]): Cost;
  /** Returns the operation's name in tables. */
  label(operation: Described<Fields>): string;
}

/**
 * Reader of a kind's operations from `Settings`, the part of a definition that defines one. Apart from `Kind`, so
 * that programs which read no definition do not bundle it.
 */
export interface Reader<Settings, Fields> {
  readonly settings: { readonly [Name in keyof Required<Settings>]: true };
  /** Number of values that an operation reads; "some": one or more. */
  readonly reads: 0 | 1 | 2 | 3 | "some";
  /**
   * Checks the settings, and derives the operation's fields and output shape.
   *
   * @param where for messages
   * @throws LatentflowError `invalid_argument`
   */
  read(where: string, settings: Settings, inputs: readonly Shape[]): Described<Fields>;
}

/** Reader of operations without settings that keep the shape of what they read. */
export const sameShapeReader: Reader<object, object> = {
  settings: {},
  reads: 1,
  read: (_where, _settings, [input]) => ({ shape: input! }),
};

/** Lists no tensors, for operations that only move numbers or add them up. */
export const noTensors = (): readonly Tensor[] => [];

/**
 * Lists a weight, and a bias with a number for each position of the output's last axis. PyTorch's initial bound counts the
 * weight's axes behind the first as the inputs, of a transposed convolution as well.
 */
export function weightAndBias(weight: Shape, output: Shape): readonly Tensor[] {
  const initial = { bound: 1 / Math.sqrt(sizeOf(weight.slice(1))) };
  return [
    { name: "weight", shape: weight, initial },
    { name: "bias", shape: [output.at(-1)!], initial },
  ];
}

/** Makes a kind that applies a function to each number of its input. */
export function functionKind<Fields>(label: Kind<Fields>["label"]): Kind<Fields> {
  return { tensors: noTensors, cost: ({ shape }) => cost({ functions: sizeOf(shape) }), label };
}

export function cost(parts: Partial<Cost> = {}): Cost {
  return { multiplications: 0, sums: 0, functions: 0, ...parts };
}
