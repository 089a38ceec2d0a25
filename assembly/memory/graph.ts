/**
 * A decoder as the kernels know it: operations in topological order, each with its settings and packed parameters.
 * src/backend/wasm/write-graph.ts writes it, once for a decoder; field offsets stand beside the fields because
 * src/kernels/layout.ts repeats them. All sizes are in elements, pointers in bytes of wasm32.
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
  /** usize[operationCount], pointers to what extends Operation. */
  operations: usize; // 4
  /** Number of operations up to the logits: all, or all but the output activation. */
  logitOperations: i32; // 8
  latentSize: i32; // 12
  outputSize: i32; // 16
  /** The value that is D(z), or the logits where the last operations are left out: it is activated in place. */
  output: i32; // 20
  /** Row of zeros, as long as the widest padded row: the bias of backward products. */
  zeros: usize; // 24
  // Scratch for the products of convolutions, PIXELS_AT_ONCE pixels at a time; 0 where there are none.
  /** usize[PIXELS_AT_ONCE] each: pointers to the pixels. */
  pixelSources: usize; // 28
  pixelDestinations: usize; // 32
  /** f32[PIXELS_AT_ONCE][8·panels]: pixels whose channels do not fill their panels; and pointers to them. */
  pixels: usize; // 36
  pixelPlaces: usize; // 40
  /** f32[pixels of one sample][columns padded to a multiple of 8]: see `forwardColumns`. */
  columns: usize; // 44
  /** i32[values]: where the tangents of each value are among those of GaussNewton; values share what they can. */
  slots: usize; // 48
}

/** Pixels that share each reading of a convolution's matrices: a multiple of both tiles. */
export const PIXELS_AT_ONCE: i32 = 96;

/** Fields of all operations. Values are given by their index; the latent is value 0. */
@unmanaged
export class Operation {
  /** A constant above. */
  kind: i32; // 0
  /** The value that it reads. */
  input: i32; // 4
  /** The value that it makes: the same one where it works in place. */
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
  /** Number of taps, of all pixels. */
  taps: i32; // 24
  outputPixels: i32; // 28
  /** Is the weight [input channels][outputs of a group][taps], and not [output channels][inputs of a group][taps]? */
  isTransposed: i32; // 32
  /** The taps of the output's pixels, and with the matrices transposed those of the input's: pointers to PixelTaps. */
  forward: usize; // 36
  backward: usize; // 40
  /** [groups][taps][⌈outputs / 8⌉][inputs][8], and transposed [groups][taps][⌈inputs / 8⌉][outputs][8]. */
  panels: usize; // 44
  transposedPanels: usize; // 48
  /** [groups][outputs padded to a multiple of 8] */
  bias: usize; // 52
  /**
   * For so few channels that most of their panels would be empty: a column for each tap and channel, as one matrix,
   * [groups][⌈taps · outputs / 8⌉][inputs][8]. Each pixel of the input is multiplied by it once, and what belongs to a
   * pixel of the output is added up. And the same for the backward pass. 0 where the panels are used.
   */
  forwardColumns: usize; // 56
  backwardColumns: usize; // 60
  inputPixels: i32; // 64
}

/** Which pixels the pixels of a convolution are computed from, in one direction. */
@unmanaged
export class PixelTaps {
  /** PixelSet[setCount] */
  setCount: i32; // 0
  sets: usize; // 4
}

/** Pixels that are computed alike: the same taps lead to pixels in the same places, seen from the first one. */
@unmanaged
export class PixelSet {
  pixelCount: i32; // 0
  /** i32[pixelCount] each, in bytes from a row's start: the pixel, and the one that its first tap leads to. */
  destinations: usize; // 4
  sources: usize; // 8
  /** Tap[] from `taps` to `tapsEnd`; there may be none. */
  taps: usize; // 12
  tapsEnd: usize; // 16
  /** i32[pixelCount]: the pixels of `sources` by their numbers. */
  pixels: usize; // 20
}

@unmanaged
export class Tap {
  /** In bytes, from the end of the channels that the tap before leads to. */
  move: i32; // 0
  /** In bytes: where the tap's panels begin among those of its group. */
  panels: i32; // 4
  /** In bytes, from the pixel that the first tap leads to. */
  offset: i32; // 8
  /** Its number among all taps. */
  index: i32; // 12
  /** `offset` in pixels. */
  pixels: i32; // 16
}

/** values ← f(values), in place */
@unmanaged
export class ActivationOperation extends Operation {
  size: i32; // 12
  /** f, a constant of ops/activation-functions.ts, and its parameters, if it has any. */
  activation: i32; // 16
  parameter: f32; // 20
  otherParameter: f32; // 24
}

/**
 * A value that is read more than once. Each reader has a branch, a value of its own with gradients of its own, whose
 * numbers are those of the value itself, or a copy for a reader that writes over them. The gradients of the branches
 * are summed up here, and nowhere else.
 */
@unmanaged
export class ForkOperation extends Operation {
  size: i32; // 12
  branchCount: i32; // 16
  /** i32[branchCount] each: the values; and 1 where the numbers are a copy. */
  branches: usize; // 20
  areCopies: usize; // 24
}

/** output = A·input, or += where it accumulates: several such make one value of several. */
@unmanaged
export class MapOperation extends Operation {
  accumulates: i32; // 12
  /** Pointers to the SparseMatrix A, and to its transpose. */
  forward: usize; // 16
  backward: usize; // 20
}

/** Sparse matrix of blocks, each of which scales `width` numbers. */
@unmanaged
export class SparseMatrix {
  width: i32; // 0
  blockCount: i32; // 4
  /** i32[blockCount]: the blocks of the output, in bytes from a row's start. */
  destinations: usize; // 8
  /** i32[blockCount + 1]: the entries of block i are those from starts[i] to starts[i + 1] - 1. */
  starts: usize; // 12
  /** i32[], f32[]: the blocks of the input, in bytes, and what they are multiplied by. */
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
 * output = weight · (input - mean)/√(variance + ε) + bias, of sets of numbers. Set s is `runs` runs of `width` numbers,
 * `runStride` apart; the first begins at (s / beside) · setStride + (s % beside) · width. Its weights begin at
 * (s % beside) · width, the same for each run.
 */
@unmanaged
export class NormOperation extends Operation {
  sets: i32; // 12
  beside: i32; // 16
  setStride: i32; // 20
  runs: i32; // 24
  runStride: i32; // 28
  width: i32; // 32
  /** Is the mean taken away, and is there a bias? Else it is the root of the mean of the squares. */
  hasMean: i32; // 36
  epsilon: f32; // 40
  /** f32[parameterSize] each. */
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

/** output = exp(input) / its sum, along the last axis */
@unmanaged
export class SoftmaxOperation extends Operation {
  pixels: i32; // 12
  channels: i32; // 16
}

/** output [rows][columns] = input [rows][inner] · other, [inner][columns] or transposed; `count` times, one by one */
@unmanaged
export class MatmulOperation extends Operation {
  other: i32; // 12
  count: i32; // 16
  rows: i32; // 20
  inner: i32; // 24
  columns: i32; // 28
  isTransposed: i32; // 32
}

/** A parameter as a value. */
@unmanaged
export class ConstantOperation extends Operation {
  size: i32; // 12
  weight: usize; // 16
}

/** Rows of a table that the input's numbers, integers, name. */
@unmanaged
export class EmbeddingOperation extends Operation {
  /** Number of elements of the input. */
  count: i32; // 12
  classes: i32; // 16
  units: i32; // 20
  /** f32[classes][units] */
  table: usize; // 24
}

/** Fixed input of each sample. */
@unmanaged
export class FixedOperation extends Operation {
  size: i32; // 12
  /** In bytes, among all that is given with a sample. */
  offset: i32; // 16
}

export function operationAt(graph: Graph, index: i32): Operation {
  return changetype<Operation>(load<usize>(graph.operations + ((<usize>index) << 2)));
}
