/**
 * The structs that src/backend/wasm fills in. All sizes and pointers are in elements and bytes of wasm32;
 * field offsets stand beside the fields because src/backend/wasm/layout.ts writes them.
 *
 *   packed once per decoder                        sized once per call (R rows resident, S samples staged)
 *   ┌──────┬────────┬────────────────────────┐     ┌───────┬────────────┬──────────────┬─────────────────┐
 *   │ Plan │ Layer… │ panels, biases, zeros  │     │ Batch │ LayerRows… │ rows R × …   │ Sample S × y, z │
 *   └──────┴────────┴────────────────────────┘     └───────┴────────────┴──────────────┴─────────────────┘
 *
 * A panel holds 8 columns of a matrix, interleaved for the register tiles of gemm.ts. A row is the numbers of
 * one sample at one layer, padded to a multiple of 8 floats and reached by a pointer.
 */

/** The kinds of layer. Convolutions and imported nodes join here. */
export const LAYER_DENSE: i32 = 0;

/** One layer: output = activation(W·input + bias). */
@unmanaged
export class Layer {
  /** LAYER_DENSE */
  kind: i32; // 0
  inputSize: i32; // 4
  outputSize: i32; // 8
  /** The activation of the output, a constant of activation.ts, and its α or slope. */
  activation: i32; // 12
  parameter: f32; // 16
  /** W for the forward product: [⌈outputSize / 8⌉][inputSize][8]. */
  panels: usize; // 20
  /** Wᵀ for the backward product: [⌈inputSize / 8⌉][outputSize][8]. */
  transposedPanels: usize; // 24
  /** outputSize floats, zeros up to a multiple of 8. */
  bias: usize; // 28
}

/** A decoder. */
@unmanaged
export class Plan {
  layerCount: i32; // 0
  layers: usize; // 4, Layer[layerCount]
  /** As many zeros as the widest padded row: the bias of backward products. */
  zeros: usize; // 8
}

/** The rows between two layers, or before the first or after the last one. */
@unmanaged
export class LayerRows {
  /** Bytes from one row to the next. */
  stride: usize; // 0
  /** The outputs of the layer before; its product until the activation has been applied. */
  outputs: usize; // 4
  /** The activation's derivative at the product. */
  slopes: usize; // 8
  /** The loss's gradient for `outputs`, and then for the product. */
  gradients: usize; // 12
  // The rows below are for tangents, and 0 where a call takes none.
  /** The activation's second derivative at the product. */
  curvatures: usize; // 16
  /** The loss's gradient for `outputs`, kept. */
  outputGradients: usize; // 20
  /** The derivatives in the tangent's direction: of `outputs`, and of `gradients`. */
  tangents: usize; // 24
  gradientTangents: usize; // 28
}

/** The resident rows of one call, and what is bound to them. */
@unmanaged
export class Batch {
  /** LayerRows[layerCount + 1]; the first holds the latents. */
  layers: usize; // 0
  /** i32[R]: the rows that the next pass is for. */
  rows: usize; // 4
  /** usize[R] each: scratch for the pointers of one product. */
  sources: usize; // 8
  destinations: usize; // 12
  /** usize[R]: each row's data y, and its weights w or 0. */
  targets: usize; // 16
  weights: usize; // 20
  /** f64[R]: what each row's sum over elements is multiplied by (1/n, 1/Σw or 1). */
  scales: usize; // 24
  /** f64[R]: each row's loss after a value pass. */
  losses: usize; // 28
  /** LOSS_CROSS_ENTROPY, LOSS_SQUARED_ERROR or LOSS_CUSTOM, constants of loss.ts. */
  loss: i32; // 32
  /** Rows as wide as the widest, `scratchStride` bytes apart: products of the tangent's backward pass; or 0. */
  scratch: usize; // 36
  scratchStride: usize; // 40
}

/** Where the parameters' gradients are summed up, and what room the sums need. */
@unmanaged
export class ParameterGradient {
  /** LayerGradient[layerCount] */
  layers: usize; // 0
  /** [widest output][R]: gradients of the rows, transposed. */
  columns: usize; // 4
  /** [⌈widest input / 8⌉][R][8]: inputs of the rows, as panels. */
  panels: usize; // 8
  /** usize[widest output] each: pointers for the product of the two. */
  sources: usize; // 12
  destinations: usize; // 16
}

/** The gradient of one layer's parameters. */
@unmanaged
export class LayerGradient {
  /** [outputSize][inputSize], rows padded to a multiple of 8 floats. */
  weight: usize; // 0
  /** [outputSize] */
  bias: usize; // 4
}

/** The decoder's own Jacobian, and room for Gauss-Newton matrices. */
@unmanaged
export class GaussNewton {
  /** f32[d][d], rows padded to a multiple of 8 floats, `matrixStride` bytes apart: lower triangle and diagonal. */
  matrix: usize; // 0
  matrixStride: usize; // 4
  /**
   * f32[d][n] each, rows `jacobianStride` bytes apart: Jᵀ of the outputs before their activation, at z = 0, the
   * decoder's own; and at a row's z. 0 where nobody asks for matrices of them.
   */
  jacobian: usize; // 8
  ownJacobian: usize; // 12
  jacobianStride: usize; // 16
  /** [⌈d / 8⌉][n][8]: the decoder's own as panels. */
  jacobianPanels: usize; // 20
  /** So many tangents are taken through the layers at once. */
  tangentsAtOnce: i32; // 24
  /** Their rows at a layer, as wide as the widest, `stride` bytes apart, and at the next one. */
  tangents: usize; // 28
  otherTangents: usize; // 32
  stride: usize; // 36
  /** f32[n], padded: the curvature of a row's loss for its outputs before their activation. */
  curvatures: usize; // 40
  /** [⌈d / 8⌉][n][8]: the Jacobian times the curvatures, as panels. */
  panels: usize; // 44
  /** usize[max(d, tangentsAtOnce)] each: pointers for one product. */
  sources: usize; // 48
  destinations: usize; // 52
}
