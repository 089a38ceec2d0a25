/**
 * A decoder as the kernels know it: operations in topological order, each with its settings and packed parameters.
 * src/backend/wasm/lower.ts writes it, once for a decoder; field offsets stand beside the fields because
 * src/backend/wasm/layout.ts repeats them. All sizes are in elements, pointers in bytes of wasm32.
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

@unmanaged
export class Graph {
  operationCount: i32; // 0
  /** usize[operationCount], pointers to what extends Operation. */
  operations: usize; // 4
  /** So many of the operations lead to the logits: all, or all but the output activation. */
  logitOperations: i32; // 8
  latentSize: i32; // 12
  outputSize: i32; // 16
  /** The value that is D(z), or the logits where the last operations are left out: it is activated in place. */
  output: i32; // 20
  /** As many zeros as the widest padded row: the bias of backward products. */
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
}

/** So many pixels share each reading of a convolution's matrices: a multiple of both tiles. */
export const PIXELS_AT_ONCE: i32 = 96;

/** What all operations have. Values are meant by their number; the latent is value 0. */
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
  /** Of one group. */
  inputChannels: i32; // 16
  outputChannels: i32; // 20
  /** How many taps there are, of all pixels. */
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
  /** f, a constant of ops/activation-functions.ts, and its α or slope. */
  activation: i32; // 16
  parameter: f32; // 20
}

export function operationAt(graph: Graph, index: i32): Operation {
  return changetype<Operation>(load<usize>(graph.operations + ((<usize>index) << 2)));
}
