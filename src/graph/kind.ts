// What there is to know of a kind of operation besides its arithmetic, which is each backend's.

/** What a value is per sample: the lengths of its axes, row-major. */
export type Shape = readonly number[];

/** How many numbers a value of this shape has. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Are these a sample's axes in another order than is expected, channels first for last, say? Nothing but the shape tells:
 * the numbers are as many. Axes of length 1 move none of them.
 */
export function isReordered(shape: Shape, expected: Shape): boolean {
  const [own, wanted] = [shape, expected].map((lengths) => lengths.filter((length) => length !== 1));
  const sorted = (lengths: Shape) => String([...lengths].sort((a, b) => a - b));
  return String(own) !== String(wanted) && sorted(own!) === sorted(wanted!);
}

/** Numbers from one position of each axis to the next. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** The names of an operation's tensors. */
export type TensorName = "weight" | "bias";

/** What a forward pass of one sample takes. */
export interface Cost {
  readonly multiplications: number;
  /** Numbers that products are summed up to. */
  readonly sums: number;
  /** Numbers that a function is taken of. */
  readonly functions: number;
}

/** A tensor of an operation. */
export interface Tensor {
  readonly name: TensorName;
  readonly shape: Shape;
  readonly initial: Initial;
  /** Does it lie as one row where kernels sum it up? Else a row is all axes but the first, of several. */
  readonly isFlat?: boolean;
}

/** What a new tensor holds: one number, or numbers uniform in [-bound, bound), as PyTorch's default has them. */
export type Initial = { readonly value: number } | { readonly bound: number };

/** An operation's settings as they are kept, and the shape of what it makes of one sample. */
export type Described<Fields> = Omit<Fields, TensorName> & { readonly shape: Shape };

/** What there is to know of a kind's operations: `Fields` are what one has beyond what all have, with its tensors. */
export interface Kind<Fields> {
  /** Its tensors, in the order that they have in `parameters` and in files. */
  tensors(operation: Described<Fields>, inputs: readonly Shape[]): readonly Tensor[];
  cost(operation: Described<Fields>, inputs: readonly Shape[]): Cost;
  /** What a table calls it. */
  label(operation: Described<Fields>): string;
}

/**
 * How a kind's operations are read: `Settings` are what defines one. Apart from the kind, so that programs which read no
 * definition need not have it.
 */
export interface Reader<Settings, Fields> {
  readonly settings: { readonly [Name in keyof Required<Settings>]: true };
  /** How many values it reads; "some": one or more. */
  readonly reads: 0 | 1 | 2 | 3 | "some";
  /**
   * What it is by its settings, checked, with what it reads.
   *
   * @param where for messages
   * @throws LatentflowError `invalid_argument`
   */
  read(where: string, settings: Settings, inputs: readonly Shape[]): Described<Fields>;
}

/** Of operations that only move numbers, or add them up. */
export const noTensors = (): readonly Tensor[] => [];

export function cost(parts: Partial<Cost> = {}): Cost {
  return { multiplications: 0, sums: 0, functions: 0, ...parts };
}
