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
export type Status = (typeof STATUSES)[number];

/** Statuses in the order of their numbers, which are stored in files of parts: a new one comes last. */
export const STATUSES = ["converged", "reached_t1", "max_steps", "stalled", "nonfinite", "aborted"] as const;
