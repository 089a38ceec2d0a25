import type { Status } from "./status.ts";

/** Texts of a status for the documentation's table of statuses. */
interface StatusText {
  /** What happened. */
  readonly happened: string;
  /** What to do about it; "" if nothing. */
  readonly advice: string;
}

/** What each status of a sample means and what to do about it; scripts/document-lists.ts writes them into site/. */
export const STATUS_TEXTS: { readonly [Each in Status]: StatusText } = {
  converged: {
    happened:
      "`lbfgs`: the final check, by steps without damping, found none that lowers the loss by the threshold. `amd`: the loss has stopped falling by `tolerance` a step, perhaps before rest",
    advice: "[see below](#after-converged)",
  },
  reached_t1: {
    happened: "the flow was followed to its end `t1`; `lbfgs` has no `t1` and never ends so",
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
