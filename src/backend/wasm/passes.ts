/**
 * Passes of an objective over the first `count` rows listed in its workspace: loss values, gradients for the latents, and
 * tangents of the loss. A custom loss needs its own implementation.
 */
export interface Passes {
  /** Forward pass: writes each row's loss, prior and objective. */
  value(count: number): Promise<unknown>;
  /** Backward pass after a value pass of the same rows: writes the gradients of the objectives for the latents. */
  gradient(count: number): Promise<unknown>;
  /**
   * Tangent pass after a gradient pass of the same rows: writes the Hessian-vector products ∇²_z · v, v the latents'
   * tangents.
   */
  tangent(count: number): Promise<unknown>;
  /** Writes the loss's second derivatives for one row's outputs to f32[outputs] at `into`; absent if WASM computes them. */
  curvatures?(row: number, into: number): void;
}
