/**
 * Passes of an objective over the first `count` rows listed in its workspace: loss values, gradients for the latents, and
 * tangents of the loss. A custom loss needs its own implementation.
 */
export interface Passes {
  value(count: number): void;
  gradient(count: number): void;
  tangent(count: number): void;
  /** Writes the loss's second derivatives for one row's outputs to f32[outputs] at `into`; absent if WASM computes them. */
  curvatures?(row: number, into: number): void;
}
