// Types of the traits of each kind of operation that are in src/graph; the arithmetic is in each backend.

/** Lengths of the axes of a graph value for one sample, row-major. */
export type Shape = readonly number[];

/** Returns the product of a shape's lengths. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Returns true if a shape has the expected axis lengths in another order, such as channels first instead of last. Axes of
 * length 1 are ignored.
 */
export function isReordered(shape: Shape, expected: Shape): boolean {
  const [own, wanted] = [shape, expected].map((lengths) => lengths.filter((length) => length !== 1));
  const sorted = (lengths: Shape) => String([...lengths].sort((a, b) => a - b));
  return String(own) !== String(wanted) && sorted(own!) === sorted(wanted!);
}

/** Returns the strides of a row-major array: for each axis, the count of numbers from one position to the next. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Names of an operation's parameter tensors. */
export type TensorName = "weight" | "bias";

/** Cost of a forward pass of one sample, as counts of arithmetic operations. */
export interface Cost {
  /** Number of multiplications in matrix products and convolutions; others are not counted. */
  readonly multiplications: number;
  /** Number of results that are sums, such as the outputs of a fully connected layer. */
  readonly sums: number;
  /** Number of evaluations of functions such as activations: one for each number that a function is applied to. */
  readonly functions: number;
}

/** A parameter tensor of an operation: name, shape and initial values. */
export interface Tensor {
  readonly name: TensorName;
  readonly shape: Shape;
  readonly initial: Initial;
  /**
   * True if kernels treat the tensor as one row when they sum gradients; else each position of its first axis is a row, and a
   * tensor of one axis is one row.
   */
  readonly isFlat?: boolean;
}

/** Initial values of a parameter tensor: one number, or uniform in [-bound, bound), as PyTorch's default is. */
export type Initial = { readonly value: number } | { readonly bound: number };

/** Settings of an operation with defaults filled in, and the shape of its value for one sample. */
export type Described<Fields> = Omit<Fields, TensorName> & { readonly shape: Shape };

/**
 * Traits of a kind of operation. `Fields` are the fields that its operations have in addition to the common ones, parameter
 * tensors included.
 */
export interface Kind<Fields> {
  /** Returns an operation's parameter tensors, in the order of `parameters` and of files. */
  tensors(operation: Described<Fields>, inputs: readonly Shape[]): readonly Tensor[];
  /** Returns the cost of the operation in a forward pass of one sample. */
  cost(operation: Described<Fields>, inputs: readonly Shape[]): Cost;
  /** Returns the number of entries of an operation's own sparse matrix. Default: 0. */
  entries?(operation: Described<Fields>): number;
  /** Returns the operation's name in tables, such as "conv 3×3". Default: the kind's name. */
  label?(operation: Described<Fields>): string;
}

/**
 * Reader of a definition's operations of one kind: makes the operation's `Fields` from its `Settings`. Separate from `Kind`, so
 * that programs that read no definition do not bundle it.
 */
export interface Reader<Settings, Fields> {
  /** Names of all settings; a definition with another one is refused. */
  readonly settings: { readonly [Name in keyof Required<Settings>]: true };
  /** Number of values that an operation reads; "some": one or more. */
  readonly reads: 0 | 1 | 2 | 3 | "some";
  /**
   * Checks the settings, and returns the operation's fields and output shape.
   *
   * @throws LatentflowError `invalid_argument`
   */
  read(settings: Settings, inputs: readonly Shape[]): Described<Fields>;
}

/** Reader of operations that have no settings and keep the shape of their input. */
export const sameShapeReader: Reader<object, object> = {
  settings: {},
  reads: 1,
  read: (_settings, [input]) => ({ shape: input! }),
};

/** Returns no parameter tensors, for operations that only move or add numbers. */
export const noTensors = (): readonly Tensor[] => [];

/**
 * Returns a weight tensor, and a bias with a number for each position of the output's last axis. As in PyTorch, the bound of
 * the initial values is 1/√(product of the weight's axes after the first), also for a transposed convolution.
 */
export function weightAndBias(weight: Shape, output: Shape): readonly Tensor[] {
  const initial = { bound: 1 / Math.sqrt(sizeOf(weight.slice(1))) };
  return [
    { name: "weight", shape: weight, initial },
    { name: "bias", shape: [output.at(-1)!], initial },
  ];
}

/** Makes a kind of operation that applies a function to each number of its input. */
export function functionKind<Fields>(own: Pick<Kind<Fields>, "label"> = {}): Kind<Fields> {
  return { tensors: noTensors, cost: ({ shape }) => cost({ functions: sizeOf(shape) }), ...own };
}

/** Makes a `Cost` from some of its counts; the others are 0. */
export function cost(parts: Partial<Cost> = {}): Cost {
  return { multiplications: 0, sums: 0, functions: 0, ...parts };
}
