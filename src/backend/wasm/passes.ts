/** The passes of an objective, on the rows listed in its workspace; a custom loss has its own. */
export interface Passes {
  value(count: number): void;
  gradient(count: number): void;
  tangent(count: number): void;
  /** The loss's second derivatives for one row's outputs, into as many floats; none where WASM does it. */
  curvatures?(row: number, into: number): void;
}
