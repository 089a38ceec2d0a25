/** Passes of an objective over the rows listed in its workspace. A custom loss has passes of its own. */
export interface Passes {
  value(count: number): void;
  gradient(count: number): void;
  tangent(count: number): void;
  /** Writes the loss's second derivatives for one row's outputs, a float each; absent if WASM computes them. */
  curvatures?(row: number, into: number): void;
}
