import type { Status } from "../src/solver/status.ts";

/** Texts of a status for the documentation's table of statuses. */
interface StatusText {
  /** Event that ended the sample. */
  readonly happened: string;
  /** Remedy; "" if none is needed. */
  readonly advice: string;
}

/** Row of each status in the documentation's table, which scripts/document-lists.ts writes. */
export const STATUS_TEXTS: { readonly [Each in Status]: StatusText } = {
  converged: {
    happened:
      "`lbfgs`: the final check found no step without damping that lowers the loss by the threshold. `amd`: the loss has stopped falling by `tolerance` a step, perhaps before rest",
    advice: "[see below](#after-converged)",
  },
  reached_t1: {
    happened: "the flow was followed to its end `t1`; `lbfgs` has no `t1` and never ends with this status",
    advice: "raise `t1` to go on",
  },
  max_steps: {
    happened: "the limit of steps came first",
    advice: "raise `maxSteps`, or go on with `z0: result.z`",
  },
  stalled: {
    happened:
      "no step lowers a loss that is expected to fall; `dormandPrince`: no step is short enough for its tolerances",
    advice:
      "look at `loss` and `gradientNorm`, try another `z0`; check the gradient of a `customLoss`; loosen `rtol`",
  },
  nonfinite: {
    happened: "the loss or its gradient is not finite at z; `lbfgs`: or at every point tried from there",
    advice:
      "look at the decoder's weights, at y and at the prior. A norm of z that divides by 0 at z = 0 needs another `z0`, or a `start`",
  },
  aborted: { happened: "the call was aborted first", advice: "" },
};
