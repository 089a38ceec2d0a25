/**
 * End of a sample's solve: the reason why it ended. In every case z is the last one that the solver accepted; `lbfgs` and
 * `amd` accept only steps that lower the loss by enough, so that z is the best one accepted, though not always the best one
 * tried.
 * - `converged`: no step was found that lowers the loss by the threshold (`lbfgs`, after its final check), or the loss has
 *   stopped decreasing (`amd`, by its `tolerance`)
 * - `reached_t1`: the flow was followed up to t1
 * - `max_steps`: the step limit was reached first
 * - `stalled`: no step lowers the loss, though its slope says that it should decrease (`lbfgs`, `amd`), or no step is short
 *   enough for the tolerances (`dormandPrince`)
 * - `nonfinite`: the loss or its gradient is not finite at z, or at every point that could come next
 * - `aborted`: the call was aborted before the sample had ended
 */
export type Status = (typeof STATUSES)[number];

/** All statuses; their indices are stored in files, so a new status must be added at the end. */
export const STATUSES = ["converged", "reached_t1", "max_steps", "stalled", "nonfinite", "aborted"] as const;
