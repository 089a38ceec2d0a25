/**
 * End of a sample's solve. In every case its z is the last one that the solver accepted; L-BFGS and AMD accept only
 * what lowers the loss by enough, so that their z is the best one accepted, though not always the best one tried.
 * - `converged`: no step was found that lowers the loss by the threshold (L-BFGS, by its look at the end; see `lbfgs`), or
 *   the loss has stopped falling (AMD's tolerance)
 * - `reached_t1`: the flow was followed up to t1
 * - `max_steps`: the step limit came first
 * - `stalled`: no step lowers the loss, though it is expected to fall (L-BFGS, AMD), or no step is short enough for the
 *   tolerances (Dormand-Prince)
 * - `nonfinite`: the loss or its gradient is not finite at z, or at every point that could come next
 * - `aborted`: the call was aborted before the sample had ended
 */
export type Status = "converged" | "reached_t1" | "max_steps" | "stalled" | "nonfinite" | "aborted";

/** Number of a status, as stored in files of parts, and its origin. */
interface StatusTraits {
  /** Number of the status; a new one gets the next number. */
  readonly code: number;
  /** True if the solvers of assembly/solve/ set it: descent.ts there has its number as a constant. */
  readonly isOfKernels: boolean;
}

/** Traits of each status, ascending by number. */
export const STATUS_TRAITS: { readonly [Name in Status]: StatusTraits } = {
  converged: { code: 0, isOfKernels: true },
  reached_t1: { code: 1, isOfKernels: true },
  max_steps: { code: 2, isOfKernels: true },
  stalled: { code: 3, isOfKernels: true },
  nonfinite: { code: 4, isOfKernels: true },
  aborted: { code: 5, isOfKernels: false },
};

/** Statuses in the order of their numbers. */
export const STATUSES = /* @__PURE__ */ Object.keys(STATUS_TRAITS) as readonly Status[];
