import type { Activation } from "./activation.ts";
import { type ConvolutionSettings, countPairs, type TransposedConvolutionSettings } from "./convolution.ts";

/** What a value is per sample: the lengths of its axes, row-major. */
export type Shape = readonly number[];

/**
 * The kinds of operation, and what each has beyond what all have: settings, and tensors that are views into the
 * decoder's `parameters`. Every place that has to know the kinds has a table over all of them, so that the compiler
 * names what a new one lacks.
 */
export interface OperationKinds {
  /** Fully connected: output = weight · input + bias, of a value of one axis. */
  readonly dense: {
    /** [outputs, inputs], row-major. Read only. */
    readonly weight: Float32Array;
    /** [outputs]. Read only. */
    readonly bias: Float32Array;
  };
  /** A function of each number. */
  readonly activation: { readonly activation: Activation };
  /** The same numbers in another shape. */
  readonly reshape: object;
  /** Each pixel a sum over taps of weight[…, tap] · pixel of the input, + bias; shapes are `[height, width, channels]`. */
  readonly conv: ConvolutionSettings & {
    /** [channels, input channels / groups, …kernel], row-major, as PyTorch's. */
    readonly weight: Float32Array;
    /** [channels] */
    readonly bias: Float32Array;
  };
  /** The transposed convolution, PyTorch's `ConvTranspose`. */
  readonly convTranspose: TransposedConvolutionSettings & {
    /** [input channels, channels / groups, …kernel], row-major, as PyTorch's. */
    readonly weight: Float32Array;
    /** [channels] */
    readonly bias: Float32Array;
  };
}

export type OperationKind = keyof OperationKinds;

/** What operations of all kinds have. */
interface CommonOperation<Kind extends OperationKind> {
  readonly kind: Kind;
  /** Names the value that it makes, and the tensors in files: `NAME.weight`, `NAME.bias`. */
  readonly name: string;
  /** The values that it reads: the names of operations before it, or `"z"`, the latent. */
  readonly inputs: readonly string[];
  /** The shape of what it makes of one sample. */
  readonly shape: Shape;
}

/** One operation of a decoder, of any kind or of the kind `Kind`. */
export type Operation<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & OperationKinds[K];
}[Kind];

/** The names of an operation's tensors. */
export type TensorName = "weight" | "bias";

/** An operation before it has parameters. */
export type OperationDescription<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & Omit<OperationKinds[K], TensorName>;
}[Kind];

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
  /** A new one is uniform in [-bound, bound): 1/√(how many numbers each output is a sum over), as PyTorch's are. */
  readonly bound: number;
}

/** What there is to know of a kind besides its arithmetic, which is each backend's. */
interface OperationTraits<Kind extends OperationKind> {
  /** Its tensors, in the order that they have in `parameters` and in files. */
  tensors(operation: OperationDescription<Kind>, inputs: readonly Shape[]): readonly Tensor[];
  cost(operation: OperationDescription<Kind>, inputs: readonly Shape[]): Cost;
  /** What a table calls it. */
  label(operation: OperationDescription<Kind>): string;
}

const nothing: Cost = { multiplications: 0, sums: 0, functions: 0 };

const TRAITS: { readonly [Kind in OperationKind]: OperationTraits<Kind> } = {
  dense: {
    tensors({ shape: outputs }, [inputs]) {
      const bound = 1 / Math.sqrt(sizeOf(inputs!));
      return [
        { name: "weight", shape: [...outputs, ...inputs!], bound },
        { name: "bias", shape: outputs, bound },
      ];
    },
    cost: ({ shape }, [inputs]) => ({
      ...{ multiplications: sizeOf(shape) * sizeOf(inputs!), sums: sizeOf(shape), functions: 0 },
    }),
    label: () => "dense",
  },
  activation: {
    tensors: () => [],
    cost: ({ shape }) => ({ ...nothing, functions: sizeOf(shape) }),
    label: ({ activation }) => activation.name,
  },
  reshape: { tensors: () => [], cost: () => nothing, label: () => "reshape" },
  conv: {
    tensors({ shape, kernel, groups }, [input]) {
      const weight = [shape.at(-1)!, input!.at(-1)! / groups, ...kernel];
      return convolutionTensors(weight, shape);
    },
    cost: (operation, [input]) => convolutionCost(operation, false, input!),
    label: ({ kernel }) => `conv ${kernel.join("×")}`,
  },
  convTranspose: {
    tensors({ shape, kernel, groups }, [input]) {
      const weight = [input!.at(-1)!, shape.at(-1)! / groups, ...kernel];
      return convolutionTensors(weight, shape);
    },
    cost: (operation, [input]) => convolutionCost(operation, true, input!),
    label: ({ kernel }) => `convTranspose ${kernel.join("×")}`,
  },
};

/** PyTorch takes the second axis of a weight for its inputs, of a transposed convolution as well. */
function convolutionTensors(weight: Shape, output: Shape): Tensor[] {
  const bound = 1 / Math.sqrt(sizeOf(weight.slice(1)));
  return [
    { name: "weight", shape: weight, bound },
    { name: "bias", shape: [output.at(-1)!], bound },
  ];
}

function convolutionCost(
  operation: OperationDescription<"conv" | "convTranspose">,
  isTransposed: boolean,
  input: Shape,
): Cost {
  const { shape, groups } = operation;
  const channels = (input.at(-1)! * shape.at(-1)!) / groups;
  const multiplications = channels * countPairs(operation, isTransposed, input, shape);
  return { multiplications, sums: sizeOf(shape), functions: 0 };
}

/** What there is to know of an operation's kind. */
export function traitsOf(operation: OperationDescription): OperationTraits<OperationKind> {
  return TRAITS[operation.kind] as OperationTraits<OperationKind>;
}

/** How many numbers a value of this shape has. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}
