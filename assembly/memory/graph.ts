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
}

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
