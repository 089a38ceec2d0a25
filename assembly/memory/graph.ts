/**
 * A decoder as the kernels know it: operations in topological order, each with its settings and packed parameters.
 * src/backend/wasm/write-graph.ts writes it, once for a decoder, by the fields that scripts/write-structs.mjs reads here; a test
 * holds the offsets beside them against the compiler's. All sizes are in elements, pointers in bytes of wasm32.
 *
 *   ┌───────┬─────────────────────────┬────────────────────────┐
 *   │ Graph │ DenseOperation, …       │ panels, biases, zeros  │
 *   └───────┴─────────────────────────┴────────────────────────┘
 *
 * A panel holds 8 columns of a matrix, interleaved for the register tiles of ops/product.ts.
 */

/** The kinds of operation, dispatched on in ops/operation.ts. */
export const DENSE: i32 = 0;
export const ACTIVATION: i32 = 1;
export const CONVOLUTION: i32 = 2;
export const FORK: i32 = 3;
export const MAP: i32 = 4;
export const PRODUCT: i32 = 5;
export const NORM: i32 = 6;
export const AFFINE: i32 = 7;
export const SOFTMAX: i32 = 8;
export const MATMUL: i32 = 9;
export const CONSTANT: i32 = 10;
export const EMBEDDING: i32 = 11;
export const FIXED: i32 = 12;
export const EXTREMUM: i32 = 13;
export const SELECTION: i32 = 14;

@unmanaged
export class Graph {
  operationCount: i32; // 0
  /** usize[operationCount]: pointers to structs that extend Operation. */
  operations: usize; // 4
  /** Number of operations up to the logits: all, or all but the output activation. */
  logitOperations: i32; // 8
  latentSize: i32; // 12
  outputSize: i32; // 16
  /** Index of the value that holds D(z), or the logits if the output activation, which works in place, is left out. */
  output: i32; // 20
  /** Row of zeros, as long as the widest padded row: used as the bias of backward products. */
  zeros: usize; // 24
  // Scratch for the products of convolutions, PIXELS_AT_ONCE pixels at a time; 0 where there are none.
  /** usize[PIXELS_AT_ONCE] each: pointers to the pixels that a product reads and to those that it writes. */
  pixelSources: usize; // 28
  pixelDestinations: usize; // 32
  /**
   * f32[PIXELS_AT_ONCE][8·panels]: copies of pixels whose channels do not fill whole panels; and pointers to these copies.
   */
  pixels: usize; // 36
  pixelPlaces: usize; // 40
  /** f32[pixels of one sample][columns padded to a multiple of 8]: scratch for ConvolutionOperation.forwardColumns. */
  columns: usize; // 44
  /**
   * i32[values]: for each value the index of its tangents' rows in GaussNewton.tangents; values that are not needed at the
   * same time share rows.
   */
  slots: usize; // 48
}

/** Pixels multiplied by each panel of a convolution before the next panel is read: a multiple of both tile heights. */
export const PIXELS_AT_ONCE: i32 = 96;

/** Fields of all operations. Values are given by their index; the latent is value 0. */
@unmanaged
export class Operation {
  /** Kind of operation: one of the constants DENSE, … of this file. */
  kind: i32; // 0
  /** Index of the value that the operation reads. */
  input: i32; // 4
  /** Index of the value that the operation makes; equal to `input` if it works in place. */
  output: i32; // 8
}

/** output = W·input + bias */
@unmanaged
export class DenseOperation extends Operation {
  inputSize: i32; // 12
  outputSize: i32; // 16
  /** W for the forward product: [⌈outputSize / 8⌉][inputSize][8]. */
  panels: usize; // 20
  /** Wᵀ for the backward product: [⌈inputSize / 8⌉][outputSize][8]. */
  transposedPanels: usize; // 24
  /** outputSize floats, zeros up to a multiple of 8. */
  bias: usize; // 28
}

/**
 * A convolution, or a transposed one: each pixel of the output is a bias and a sum, over taps, of a matrix times a
 * pixel of the input. Pixels are rows of channels, one after the other. Groups are convolutions beside each other, each
 * of so many channels.
 */
@unmanaged
export class ConvolutionOperation extends Operation {
  groups: i32; // 12
  /** Input channels of one group. */
  inputChannels: i32; // 16
  outputChannels: i32; // 20
  /** Number of taps of the kernel: the product of its lengths along all axes. */
  taps: i32; // 24
  outputPixels: i32; // 28
  /** 1 if the weight is [input channels][outputs of a group][taps], 0 if [output channels][inputs of a group][taps]. */
  isTransposed: i32; // 32
  /**
   * Pointers to PixelTaps: for each output pixel the input pixels it is computed from, and for the backward pass the
   * reverse.
   */
  forward: usize; // 36
  backward: usize; // 40
  /** [groups][taps][⌈outputs / 8⌉][inputs][8], and transposed [groups][taps][⌈inputs / 8⌉][outputs][8]. */
  panels: usize; // 44
  transposedPanels: usize; // 48
  /** [groups][outputs padded to a multiple of 8] */
  bias: usize; // 52
  /**
   * The weight as one matrix [groups][⌈taps · outputs / 8⌉][inputs][8] with a column for each tap and output channel, and
   * the like matrix for the backward pass. Each input pixel is multiplied by it once, and the columns that belong to one
   * output pixel are added up. Used if the channels are so few that most of each panel would be empty; 0 if `panels` is
   * used.
   */
  forwardColumns: usize; // 56
  backwardColumns: usize; // 60
  inputPixels: i32; // 64
}

/** Table of the source pixels from which each destination pixel of a convolution is computed, for one direction. */
@unmanaged
export class PixelTaps {
  /** Number of sets; `sets` points to PixelSet[setCount]. */
  setCount: i32; // 0
  sets: usize; // 4
}

/** Destination pixels with the same taps, whose source pixels lie at the same distances from the first source. */
@unmanaged
export class PixelSet {
  pixelCount: i32; // 0
  /**
   * i32[pixelCount] each, in bytes from a row's start: the destination pixels, and the source pixels of their first taps.
   */
  destinations: usize; // 4
  sources: usize; // 8
  /** Tap[]: from address `taps` up to `tapsEnd`; may be empty. */
  taps: usize; // 12
  tapsEnd: usize; // 16
  /** i32[pixelCount]: `sources` as pixel numbers. */
  pixels: usize; // 20
}

@unmanaged
export class Tap {
  /** Bytes from the end of the previous tap's source channels to the start of this tap's. */
  move: i32; // 0
  /** Offset of the tap's panels within those of its group, in bytes. */
  panels: i32; // 4
  /** Distance of the tap's source pixel from the first tap's, in bytes. */
  offset: i32; // 8
  /** Index of the tap in the kernel. */
  index: i32; // 12
  /** Distance of the tap's source pixel from the first tap's, in pixels. */
  pixels: i32; // 16
}

/** values ← f(values), in place */
@unmanaged
export class ActivationOperation extends Operation {
  size: i32; // 12
  /** Function f: a constant of ops/activation-functions.ts; its parameters follow. */
  activation: i32; // 16
  parameter: f32; // 20
  otherParameter: f32; // 24
}

/**
 * Operation for a value that several operations read. Each reader has a branch: a value with its own gradients that shares
 * the numbers of the forked value, or has a copy if the reader works in place. The backward pass adds up the branches'
 * gradients.
 */
@unmanaged
export class ForkOperation extends Operation {
  size: i32; // 12
  branchCount: i32; // 16
  /** i32[branchCount] each: indices of the branches' values; 1 for a branch that is a copy, else 0. */
  branches: usize; // 20
  areCopies: usize; // 24
}

/** output = A·input, or output += A·input if it accumulates: several accumulating maps make one value from several. */
@unmanaged
export class MapOperation extends Operation {
  accumulates: i32; // 12
  /** Pointers to A and to its transpose, each a SparseMatrix. */
  forward: usize; // 16
  backward: usize; // 20
}

/** Sparse matrix whose entries are blocks: each multiplies `width` consecutive numbers by one factor. */
@unmanaged
export class SparseMatrix {
  width: i32; // 0
  blockCount: i32; // 4
  /** i32[blockCount]: offsets of the output's blocks from a row's start, in bytes. */
  destinations: usize; // 8
  /** i32[blockCount + 1]: the entries of block i are those from starts[i] to starts[i + 1] - 1. */
  starts: usize; // 12
  /** i32[] and f32[]: for each entry the offset of its input block, in bytes, and its factor. */
  sources: usize; // 16
  weights: usize; // 20
}

/** output = input · other, number by number */
@unmanaged
export class ProductOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
}

/** output = the larger of input and other, number by number, or the smaller */
@unmanaged
export class ExtremumOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
  isMinimum: i32; // 20
}

/** output = input > 0 ? other : otherwise, number by number */
@unmanaged
export class SelectionOperation extends Operation {
  size: i32; // 12
  other: i32; // 16
  otherwise: i32; // 20
}

/**
 * output = weight · (input - mean)/√(variance + ε) + bias, with mean and variance over each of `sets` sets of numbers. Set s
 * is `runs` runs of `width` numbers, `runStride` apart; the first begins at (s / beside) · setStride + (s % beside) · width.
 * Its weights begin at (s % beside) · width, the same for each run.
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
  epsilon: f32; // 40
  /** Number of weights, and of biases: both are f32[parameterSize]. */
  parameterSize: i32; // 44
  weight: usize; // 48
  bias: usize; // 52
}

/** output = weight · input + bias, by channels, the last axis */
@unmanaged
export class AffineOperation extends Operation {
  pixels: i32; // 12
  channels: i32; // 16
  weight: usize; // 20
  bias: usize; // 24
}

/** output = exp(input) / Σ exp(input), along the last axis. */
@unmanaged
export class SoftmaxOperation extends Operation {
  pixels: i32; // 12
  channels: i32; // 16
}

/**
 * output [rows][columns] = input [rows][inner] · other, which is [inner][columns], or [columns][inner] if transposed;
 * `count` such products, one for each pair of matrices.
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

/** A parameter used as a value: the same numbers for every row. */
@unmanaged
export class ConstantOperation extends Operation {
  size: i32; // 12
  weight: usize; // 16
}

/** Rows of a table, chosen by the input, whose numbers are integers. */
@unmanaged
export class EmbeddingOperation extends Operation {
  /** Number of elements of the input. */
  count: i32; // 12
  classes: i32; // 16
  units: i32; // 20
  /** f32[classes][units] */
  table: usize; // 24
}

/** A fixed input: a value given with each sample. */
@unmanaged
export class FixedOperation extends Operation {
  size: i32; // 12
  /** Offset of the input among all fixed inputs of a sample, in bytes. */
  offset: i32; // 16
}

export function operationAt(graph: Graph, index: i32): Operation {
  return changetype<Operation>(load<usize>(graph.operations + ((<usize>index) << 2)));
}
