/**
 * An explicit Runge-Kutta method, its Butcher tableau. The first stage is the derivative at the step's start,
 * which is the one at the end of the step before; only the others are listed. Those of Dormand and Prince and of RK4 are
 * in dormand-prince.ts and rk4.ts.
 */
export interface Tableau {
  /** For each stage after the first: its node c_i, and the weights a_ij of the stages j before it. */
  readonly stages: readonly { readonly time: number; readonly weights: readonly number[] }[];
  /** Weights b_j of the stages in the step. */
  readonly weights: readonly number[];
  /**
   * b_j minus those of the embedded method, for the error estimate; the last belongs to the derivative at
   * the new state. Undefined for a method without error estimate.
   */
  readonly errorWeights?: readonly number[];
}

/** Forward Euler: one stage, the derivative at the step's start. */
export const EULER: Tableau = { stages: [], weights: [1] };
