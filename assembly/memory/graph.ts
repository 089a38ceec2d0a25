/**
 * A decoder as the kernels store it: operations in topological order, each with its settings and packed parameters.
 * src/backend/wasm/write-graph.ts writes it once per decoder, by the fields that scripts/write-structs.mjs reads from this
 * file, and only packing parameters changes it afterwards, so that several threads may compute with it at once. A test compares
 * the byte offsets in the comments with the compiler's. Sizes count elements; pointers are wasm32 byte addresses.
 *
 *   ┌───────┬─────────────────────────┬────────────────────────┐
 *   │ Graph │ DenseOperation, …       │ panels, biases, zeros  │
 *   └───────┴─────────────────────────┴────────────────────────┘
 *
 * A panel holds 8 columns of a matrix, interleaved for the register tiles of ops/product.ts.
 */

// Codes of the kinds of operation: ops/operation.ts dispatches on them.

/** Value of Operation.kind for a fully connected layer, DenseOperation. */
export const DENSE: i32 = 0;
/** Value of Operation.kind for an elementwise activation, ActivationOperation. */
export const ACTIVATION: i32 = 1;
/** Value of Operation.kind for a convolution or transposed convolution, ConvolutionOperation. */
export const CONVOLUTION: i32 = 2;
/** Value of Operation.kind for a ForkOperation, which gives each reader of a value a branch with gradients of its own. */
export const FORK: i32 = 3;
/** Value of Operation.kind for a sparse linear map, MapOperation. */
export const MAP: i32 = 4;
/** Value of Operation.kind for an elementwise product, ProductOperation. */
export const PRODUCT: i32 = 5;
/** Value of Operation.kind for a layer, group or RMS norm, NormOperation. */
export const NORM: i32 = 6;
/** Value of Operation.kind for a scale and shift of channels, AffineOperation. */
export const AFFINE: i32 = 7;
/** Value of Operation.kind for a softmax along the last axis, SoftmaxOperation. */
export const SOFTMAX: i32 = 8;
/** Value of Operation.kind for matrix products of two values, MatmulOperation. */
export const MATMUL: i32 = 9;
/** Value of Operation.kind for a parameter used as a value, ConstantOperation. */
export const CONSTANT: i32 = 10;
/** Value of Operation.kind for an embedding, EmbeddingOperation. */
export const EMBEDDING: i32 = 11;
/** Value of Operation.kind for a fixed input of the decoder, FixedOperation. */
export const FIXED: i32 = 12;
/** Value of Operation.kind for an elementwise maximum or minimum, ExtremumOperation. */
export const EXTREMUM: i32 = 13;
/** Value of Operation.kind for an elementwise selection, SelectionOperation. */
export const SELECTION: i32 = 14;

/** Decoder as the kernels store it: pointers to its operations in topological order. Passes read it and write nothing in it. */
@unmanaged
export class Graph {
  operationCount: i32; // 0
  /** usize[operationCount]: pointers to the operations' structs, each of a class that extends Operation. */
  operations: usize; // 4
  /** Number of operations up to the logits: all of them, or all but a final output activation. */
  logitOperations: i32; // 8
  latentSize: i32; // 12
  outputSize: i32; // 16
  /**
   * Index of the value that holds the decoder's output D(z). The output activation works in place, so the same value holds the
   * logits if that activation is not run.
   */
  output: i32; // 20
  /** Pointer to a row of zeros, as long as the widest padded row: the bias of products that have none. */
  zeros: usize; // 24
  /**
   * i32[values]: for each value of the graph, the index of the block of GaussNewton.tangents that holds its tangents. Values
   * that are not needed at the same time share a block.
   */
  slots: usize; // 28
}

/**
 * Number of pixels that are multiplied by one panel (packed block of 8 columns) of a convolution's weight before the next panel
 * is read; in the wide builds, by two panels. A multiple of both tile heights, 4 and 6.
 */
export const PIXELS_AT_ONCE: i32 = 96;

/** Fields that all kinds of operation share. Operations refer to values by index; value 0 is the latent. */
@unmanaged
export class Operation {
  /** Kind of operation: one of the constants DENSE, … of this file. */
  kind: i32; // 0
  /** Index of the value that the operation reads: its only input, or the first of several. */
  input: i32; // 4
  /** Index of the value that the operation writes; equal to `input` if the operation works in place. */
  output: i32; // 8
}

/** Fully connected layer: output = W·input + bias. */
@unmanaged
export class DenseOperation extends Operation {
  inputSize: i32; // 12
  outputSize: i32; // 16
  /** W in panels (packed blocks) of 8 outputs for the forward product: f32[⌈outputSize / 8⌉][inputSize][8]. */
  panels: usize; // 20
  /** Wᵀ in panels (packed blocks) of 8 inputs for the backward product: f32[⌈inputSize / 8⌉][outputSize][8]. */
  transposedPanels: usize; // 24
  /** Bias of the layer: outputSize floats, then zeros up to a multiple of 8. */
  bias: usize; // 28
}

/**
 * A convolution or a transposed convolution: each output pixel is the bias plus, summed over the kernel's taps, a matrix times
 * an input pixel. A pixel is one row of channels. Grouped convolutions run `groups` independent convolutions, each on its own
 * inputChannels and outputChannels.
 */
@unmanaged
export class ConvolutionOperation extends Operation {
  groups: i32; // 12
  /** Number of input channels of one group of a convolution. */
  inputChannels: i32; // 16
  /** Number of output channels of one group of a convolution. */
  outputChannels: i32; // 20
  /** Number of taps of the convolution's kernel: the product of its lengths along all axes. */
  taps: i32; // 24
  outputPixels: i32; // 28
  /** 1 if the weight's layout is [input channels][outputs of a group][taps], 0 if [output channels][inputs of a group][taps]. */
  isTransposed: i32; // 32
  /** Pointer to a PixelTaps: the input pixels that each output pixel is computed from. */
  forward: usize; // 36
  /** Pointer to a PixelTaps: the output pixels that each input pixel's gradient is computed from. */
  backward: usize; // 40
  /** Weight packed for the forward product: f32[groups][taps][⌈outputs / 8⌉][inputs][8], inputs and outputs of one group. */
  panels: usize; // 44
  /** Weight packed for the backward product: f32[groups][taps][⌈inputs / 8⌉][outputs][8], inputs and outputs of one group. */
  transposedPanels: usize; // 48
  /** Bias of a convolution: f32[groups][outputs of a group, padded to a multiple of 8]. */
  bias: usize; // 52
  /**
   * Weight as one matrix f32[groups][⌈taps · outputs / 8⌉][inputs][8] with a column for each tap and output channel. Each input
   * pixel is multiplied by the matrix once, and the columns that belong to one output pixel are added up. Used if there are so
   * few channels that most of each panel (packed block of 8 columns) of `panels` would be empty; 0 if `panels` is used.
   */
  forwardColumns: usize; // 56
  /**
   * Weight as one matrix for the backward pass: f32[groups][⌈taps · inputs / 8⌉][outputs][8] with a column for each tap and
   * input channel, inputs and outputs of one group. Each output pixel's gradient is multiplied by the matrix once, and the
   * columns that belong to one input pixel are added up. 0 if `transposedPanels` is used.
   */
  backwardColumns: usize; // 60
  inputPixels: i32; // 64
}

/**
 * Table of the source pixels from which each destination pixel of a convolution is computed, for one direction: forward or
 * backward.
 */
@unmanaged
export class PixelTaps {
  /** Number of PixelSets, the sets of destination pixels that use the same kernel taps. */
  setCount: i32; // 0
  /** PixelSet[setCount]: the sets of destination pixels that use the same kernel taps. */
  sets: usize; // 4
}

/**
 * Destination pixels of a convolution that use the same kernel taps, with source pixels at the same distances from the first
 * tap's source.
 */
@unmanaged
export class PixelSet {
  pixelCount: i32; // 0
  /** i32[pixelCount]: byte offsets of the destination pixels from the start of a row. */
  destinations: usize; // 4
  /**
   * i32[pixelCount]: for each destination pixel, the byte offset of its first kernel tap's source pixel from the start of a
   * row.
   */
  sources: usize; // 8
  /** Pointer to the first kernel Tap of this set of destination pixels; equal to `tapsEnd` if the set has none. */
  taps: usize; // 12
  /** Pointer to the end of the kernel Taps of this set of destination pixels. */
  tapsEnd: usize; // 16
  /**
   * i32[pixelCount]: for each destination pixel, the index of its first kernel tap's source pixel; `sources` holds the same
   * pixels as byte offsets.
   */
  pixels: usize; // 20
}

/** Kernel tap of a convolution, as the destination pixels of one PixelSet use it. */
@unmanaged
export class Tap {
  /** Bytes from the end of the previous tap's source channels to the start of this tap's, both in one sample's row. */
  move: i32; // 0
  /** Byte offset of this tap's weight panels (packed blocks of 8 columns) from the first panel of the same group. */
  panels: i32; // 4
  /** Byte distance from the source pixel of the PixelSet's first tap to this tap's source pixel. */
  offset: i32; // 8
  /** Index of the tap in the kernel, flattened over the kernel's axes. */
  index: i32; // 12
  /** Index of this tap's source pixel minus that of the source pixel of the PixelSet's first tap. */
  pixels: i32; // 16
}

/** Elementwise activation, in place: values ← f(values). */
@unmanaged
export class ActivationOperation extends Operation {
  size: i32; // 12
  /**
   * Function f: a constant of ops/activation-functions.ts or ops/pointwise-functions.ts. The next two fields are its
   * parameters.
   */
  activation: i32; // 16
  /** First parameter of f, such as α of ELU or the exponent of a power; unused by functions without parameters. */
  parameter: f32; // 20
  /** Second parameter of f, such as the upper bound of a clip; unused by functions with fewer than two parameters. */
  otherParameter: f32; // 24
}

/**
 * Operation for a value that several operations read. Each reader gets a branch: a value with gradients of its own that shares
 * the numbers of the forked value, or copies them if the reader works in place. The backward pass adds up the branches'
 * gradients.
 */
@unmanaged
export class ForkOperation extends Operation {
  size: i32; // 12
  branchCount: i32; // 16
  /** i32[branchCount]: index of each branch, the value that one reader of the forked value gets. */
  branches: usize; // 20
  /** i32[branchCount]: 1 if the branch is a copy of the forked value, else 0. */
  areCopies: usize; // 24
}

/**
 * Sparse linear map: output = A·input, or output += A·input if `accumulates` is 1. Several accumulating maps make one value
 * from several, as in an addition.
 */
@unmanaged
export class MapOperation extends Operation {
  /** 1 to add A·input to the output, 0 to overwrite the output. */
  accumulates: i32; // 12
  /** Pointer to the linear map's matrix A, a SparseMatrix, for the forward pass. */
  forward: usize; // 16
  /** Pointer to the transposed matrix Aᵀ of the linear map, a SparseMatrix, for the backward pass. */
  backward: usize; // 20
}

/**
 * Sparse matrix made of blocks: each entry multiplies `width` consecutive numbers of the input by one factor and adds them to
 * `width` consecutive numbers of the output.
 */
@unmanaged
export class SparseMatrix {
  width: i32; // 0
  blockCount: i32; // 4
  /** i32[blockCount]: byte offset of each output block, `width` consecutive numbers, from the start of an output row. */
  destinations: usize; // 8
  /** i32[blockCount + 1]: output block i is the sum of the entries starts[i] to starts[i + 1] - 1 of `sources` and `weights`. */
  starts: usize; // 12
  /** i32[], one number per entry: byte offset of the input block from the start of a row. */
  sources: usize; // 16
  /** f32[], one number per entry: factor that the input block is multiplied by. */
  weights: usize; // 20
}

/** Elementwise product: output = input · other. */
@unmanaged
export class ProductOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
}

/** Elementwise extremum: output = max(input, other), or min(input, other) if `isMinimum` is 1. */
@unmanaged
export class ExtremumOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
  /** 1 for the minimum of the two values, 0 for the maximum. */
  isMinimum: i32; // 20
}

/** Elementwise selection: output = input > 0 ? other : otherwise. */
@unmanaged
export class SelectionOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
  /** Index of the value that gives the output where the input is not above 0. */
  otherwise: i32; // 20
}

/**
 * Layer, group or RMS norm: output = weight · (input - mean)/√(variance + ε) + bias, with mean and variance over each of `sets`
 * sets of numbers. Set s is `runs` runs of `width` consecutive numbers, `runStride` numbers apart. `beside` is the number of
 * sets whose runs lie next to each other: the groups of a group norm, else 1. The first run of set s begins at number floor(s /
 * beside) · setStride + (s mod beside) · width, and every run uses the weights and biases that begin at number (s mod beside) ·
 * width.
 */
@unmanaged
export class NormOperation extends Operation {
  sets: i32; // 12
  beside: i32; // 16
  setStride: i32; // 20
  runs: i32; // 24
  runStride: i32; // 28
  width: i32; // 32
  /** 1 if the mean is subtracted and a bias added; 0 for an RMS norm, which divides by √(mean of the squares + ε) alone. */
  hasMean: i32; // 36
  /** Number ε that is added to the variance, or to an RMS norm's mean of squares, so that no division is by 0. */
  epsilon: f32; // 40
  /** Number of the norm's weights, and of its biases. */
  parameterSize: i32; // 44
  /** f32[parameterSize]: weights of the norm. */
  weight: usize; // 48
  /** f32[parameterSize]: biases of the norm. */
  bias: usize; // 52
}

/** Scale and shift of each channel, the last axis: output = weight · input + bias. */
@unmanaged
export class AffineOperation extends Operation {
  pixels: i32; // 12
  channels: i32; // 16
  weight: usize; // 20
  bias: usize; // 24
}

/** Softmax along the last axis: output = exp(input) / Σ exp(input). */
@unmanaged
export class SoftmaxOperation extends Operation {
  pixels: i32; // 12
  channels: i32; // 16
}

/**
 * `count` matrix products of two values: output [rows][columns] = input [rows][inner] · other, with `other` stored as
 * [inner][columns], or as [columns][inner] if `isTransposed` is 1.
 */
@unmanaged
export class MatmulOperation extends Operation {
  other: i32; // 12
  count: i32; // 16
  rows: i32; // 20
  inner: i32; // 24
  columns: i32; // 28
  isTransposed: i32; // 32
}

/** A parameter of the decoder used as a value: the same numbers for every row. */
@unmanaged
export class ConstantOperation extends Operation {
  size: i32; // 12
  weight: usize; // 16
}

/** Embedding: each number of the input is an integer that chooses a row of a table. */
@unmanaged
export class EmbeddingOperation extends Operation {
  /** Number of elements of an embedding's input: each chooses one row of the table. */
  count: i32; // 12
  /** Number of rows of the embedding's table; an input from 0 to classes - 1 chooses one. */
  classes: i32; // 16
  /** Length of one row of the embedding's table. */
  units: i32; // 20
  /** Table of the embedding's parameters: f32[classes][units]. */
  table: usize; // 24
}

/** A fixed input of the decoder: a value that is given with each sample and not optimised. */
@unmanaged
export class FixedOperation extends Operation {
  size: i32; // 12
  /** Byte offset of this fixed input from the start of a sample's fixed inputs, which are stored one after the other. */
  offset: i32; // 16
}

/**
 * Returns the struct of operation `index` of the graph, 0 to operationCount - 1. The caller casts it to the class that its
 * `kind` names.
 */
export function operationAt(graph: Graph, index: i32): Operation {
  return changetype<Operation>(load<usize>(graph.operations + ((<usize>index) << 2)));
}
