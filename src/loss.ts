import { checkChoice, checkOptions } from "./check.ts";

/** How the elements of one sample become one number: their (weighted) mean, or their (weighted) sum. */
export type Reduction = "mean" | "sum";

/**
 * A distance l(y, D(z)) between a sample and its reconstruction: an immutable value. Weights are data, an
 * option of `encode`, not part of the loss.
 */
export interface Loss {
  readonly name: "crossEntropy" | "squaredError";
  readonly reduction: Reduction;
}

/** Options of a loss. */
export interface LossOptions {
  /** `"mean"` over the elements (Σ w·e / Σ w with weights), the default, or `"sum"` (Σ w·e). */
  reduction?: Reduction;
}

/**
 * Binary cross entropy: -y log σ(o) - (1 - y) log(1 - σ(o)) per element, o the decoder's output before its
 * sigmoid, y in [0, 1]. Computed from o in the stable form max(o, 0) - o·y + log(1 + exp(-|o|)). For grey
 * targets its floor is the entropy of y, not 0. It asks for a decoder whose output activation is "sigmoid".
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction
 */
export function crossEntropy(options?: LossOptions): Loss {
  return makeLoss("crossEntropy", options);
}

/**
 * Squared error: (D(z) - y)² per element. The paper writes the sum, `reduction: "sum"`; the mean, our
 * default, keeps the step sizes of the solvers meaningful whatever the size of the data.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction
 */
export function squaredError(options?: LossOptions): Loss {
  return makeLoss("squaredError", options);
}

function makeLoss(name: Loss["name"], options: LossOptions = {}): Loss {
  checkOptions(name, options, ["reduction"]);
  const reduction = checkChoice(name, "reduction", options.reduction ?? "mean", ["mean", "sum"]);
  return Object.freeze({ name, reduction });
}
