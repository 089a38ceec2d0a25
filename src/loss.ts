import { checkChoice, checkOptions, invalid, show } from "./check.ts";

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

/**
 * The loss that a call uses: the one given, else the decoder's own. Refuses what is no loss, and a cross
 * entropy on a decoder whose outputs are no probabilities.
 */
export function checkLoss(
  where: string,
  given: Loss | undefined,
  decoder: { readonly loss: Loss | undefined; readonly outputActivation: { readonly name: string } },
): Loss {
  const loss = given ?? decoder.loss;
  if (loss === undefined) {
    throw invalid(
      `${where}: there is no loss: the decoder has none of its own; give { loss: crossEntropy() } or { loss: squaredError() }`,
    );
  }
  if (loss?.name !== "crossEntropy" && loss?.name !== "squaredError") {
    throw invalid(`${where}: loss is ${show(loss)}, expected crossEntropy() or squaredError()`);
  }
  checkChoice(where, "loss.reduction", loss.reduction, ["mean", "sum"]);
  const output = decoder.outputActivation.name;
  if (loss.name === "crossEntropy" && output !== "sigmoid") {
    throw invalid(
      `${where}: crossEntropy needs a decoder whose output activation is "sigmoid", this one's is "${output}"; load or create it with { outputActivation: "sigmoid" } if its outputs are logits, else use squaredError()`,
    );
  }
  return loss;
}
