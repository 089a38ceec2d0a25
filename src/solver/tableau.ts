/**
 * Butcher tableau of an explicit Runge-Kutta method. Its first stage, the derivative at the step's start, is not listed: it
 * is already known from the end of the step before. The tableaus of RK4 and of Dormand and Prince are in rk4.ts and
 * dormand-prince.ts.
 */
export interface Tableau {
  /** Stages after the first: node c_i, and the weights a_ij of the stages j before it. */
  readonly stages: readonly { readonly time: number; readonly weights: readonly number[] }[];
  /** Weights b_j of all stages, the first included, in the new state. */
  readonly weights: readonly number[];
  /**
   * Weights of the error estimate: b_j minus those of the embedded method; the last weight belongs to the derivative at the
   * new state. Undefined for a method without an error estimate.
   */
  readonly errorWeights?: readonly number[];
}

/** Forward Euler: one stage, the derivative at the step's start. */
export const EULER: Tableau = { stages: [], weights: [1] };
