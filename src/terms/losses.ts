import { callHint, checkChoice, invalid, orDefault, refused, show } from "../base/check.ts";
import { clause, option } from "../base/message.ts";
import { choice, completeOptions, type Field, type FieldsOf, optional } from "../base/options.ts";
import {
  type CustomLossFunctions,
  isTermKind,
  type StandardTermKind,
  type TermKind,
  termTraits,
} from "./terms.ts";

export type { CustomLossFunctions };

/** Reduction of a sample's elements to one number: their (weighted) mean, or their (weighted) sum. */
export type Reduction = "mean" | "sum";

/** A loss that the kernels know, and that decoder files can name. */
export interface StandardLoss {
  readonly name: StandardTermKind;
  readonly reduction: Reduction;
}

/** A loss of the caller's own: see `customLoss`. */
export interface CustomLoss extends CustomLossFunctions {
  readonly name: Exclude<TermKind, StandardTermKind>;
  readonly reduction: Reduction;
}

/**
 * A distance l(y, D(z)) between a sample and its reconstruction: an immutable value. Weights are data, an
 * option of `encode`, not part of the loss.
 */
export type Loss = StandardLoss | CustomLoss;

/** The names by which a standard loss may be given; the short ones are those of decoder files. */
export type LossName = "bce" | "binaryCrossEntropy" | "mse" | "squaredError";

/** A standard loss, or its name. */
export type StandardLossLike = StandardLoss | LossName;

/** A loss, or the name of one: `"bce"` is `binaryCrossEntropy()`, `"mse"` is `squaredError()`. */
export type LossLike = Loss | LossName;

/** Options of a loss. */
export interface LossOptions {
  /** `"mean"` over the elements (Σ w·e / Σ w with weights), the default, or `"sum"` (Σ w·e). */
  reduction?: Reduction | undefined;
}

const LOSS_FIELDS = { reduction: choice("mean", "sum") } satisfies FieldsOf<LossOptions>;

const derivative: Field<CustomLossFunctions["value"]> = {
  check(where, name, value) {
    if (typeof value === "function") return value as CustomLossFunctions["value"];
    throw refused(where, name, "is", show(value), "a function of (output, target)");
  },
};

const CUSTOM_LOSS_FIELDS = {
  value: derivative,
  gradient: derivative,
  curvature: optional(derivative),
  ...LOSS_FIELDS,
} satisfies FieldsOf<CustomLossFunctions & LossOptions>;

/**
 * Binary cross entropy: -y log σ(o) - (1 - y) log(1 - σ(o)) per element, o the decoder's output before its
 * sigmoid, y in [0, 1]. Computed from o in the stable form max(o, 0) - o·y + log(1 + exp(-|o|)). For grey
 * targets its floor is the entropy of y, not 0. It asks for a decoder whose output activation is "sigmoid".
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction
 * @example
 * await encode(decoder, y, { loss: binaryCrossEntropy() });
 */
export function binaryCrossEntropy(options?: LossOptions): StandardLoss {
  return makeLoss("binaryCrossEntropy", options);
}

/**
 * Squared error: (D(z) - y)² per element. The paper writes the sum, `reduction: "sum"`; the mean, our
 * default, keeps the step sizes of the solvers meaningful whatever the size of the data.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction
 * @example
 * await encode(decoder, y, { loss: squaredError({ reduction: "sum" }) });
 */
export function squaredError(options?: LossOptions): StandardLoss {
  return makeLoss("squaredError", options);
}

/**
 * A loss of your own, element by element: Σ e(D(z)_i, y_i), or its mean, weighted if there are weights. Its
 * functions run in JavaScript between the decoder's forward and backward passes, in float64; the decoder's
 * output reaches them in data space, after its output activation. Elements of weight 0 are not shown to them.
 *
 * Their values need not be finite: a step to a value of NaN, ∞ or -∞ is not taken, and a sample whose loss at z0
 * or whose gradient is not finite ends as "nonfinite".
 *
 * @throws LatentflowError `invalid_argument` on an unknown option, or where a function is missing
 * @example
 * const loss = customLoss({
 *   value: (output, target) => Math.sqrt(1 + (output - target) ** 2),
 *   gradient: (output, target) => (output - target) / Math.sqrt(1 + (output - target) ** 2),
 *   curvature: (output, target) => (1 + (output - target) ** 2) ** -1.5,
 * });
 * await encode(decoder, y, { loss });
 */
export function customLoss(options: CustomLossFunctions & LossOptions): CustomLoss {
  const { value, gradient, curvature, reduction } = completeOptions(
    "customLoss",
    options,
    CUSTOM_LOSS_FIELDS,
  );
  return Object.freeze({ name: "custom", reduction, value, gradient, ...(curvature && { curvature }) });
}

/** Makers of the losses that have names. */
export const LOSS_MAKERS: Readonly<Record<LossName, (options?: LossOptions) => StandardLoss>> = {
  bce: binaryCrossEntropy,
  binaryCrossEntropy,
  mse: squaredError,
  squaredError,
};

function isLossName(value: unknown): value is LossName {
  return typeof value === "string" && Object.keys(LOSS_MAKERS).includes(value);
}

function makeLoss(name: StandardLoss["name"], options: LossOptions | undefined): StandardLoss {
  return Object.freeze({ name, ...completeOptions(name, options, LOSS_FIELDS) });
}

/**
 * Refuses what is no standard loss and no name of one; returns it, frozen, otherwise. Whether it fits the output is
 * `checkLoss`'s.
 */
export function normaliseLoss(where: string, value: unknown): StandardLoss {
  if (isLossName(value)) return LOSS_MAKERS[value]();
  const { name, reduction } = (value ?? {}) as Partial<StandardLoss>;
  const isReduction = reduction === "mean" || reduction === "sum";
  if (typeof value === "object" && isStandard(name) && isReduction) return Object.freeze({ name, reduction });
  const expected = '"bce", "mse", or what binaryCrossEntropy() or squaredError() returns';
  throw refused(where, "loss", "is", show(value) + callHint(value), expected);
}

function isStandard(name: unknown): name is StandardTermKind {
  return isTermKind(name) && name !== "custom";
}

/** True for a loss of the caller's own, whose functions run in JavaScript. */
export function isCustom(loss: Loss): loss is CustomLoss {
  return loss.name === "custom";
}

/**
 * The loss that a call uses: the one given, else the decoder's own. Refuses what is no loss, and a cross
 * entropy on a decoder whose outputs are no probabilities.
 */
export function checkLoss(
  where: string,
  given: LossLike | undefined,
  decoder: {
    readonly loss: StandardLoss | undefined;
    readonly outputActivation: { readonly name: string };
  },
): Loss {
  const named = orDefault(given, decoder.loss);
  if (named === undefined) {
    throw invalid(
      `${where}: there is no loss: the decoder has none of its own; give ` +
        `${option("loss", "bce", '{ loss: "bce" }')} or ${option("loss", "mse", '{ loss: "mse" }')}`,
    );
  }
  const loss = isLossName(named) ? LOSS_MAKERS[named]() : named;
  if (typeof loss !== "object" || !isTermKind(loss?.name)) {
    throw refused(
      where,
      "loss",
      "is",
      `${show(loss)}${callHint(loss)}`,
      '"bce", "mse", binaryCrossEntropy(), squaredError() or customLoss()',
    );
  }
  checkChoice(where, "loss.reduction", loss.reduction, ["mean", "sum"]);
  const output = decoder.outputActivation.name;
  const wanted = termTraits(loss).outputActivation;
  if (wanted !== undefined && output !== wanted) {
    throw invalid(
      `${where}: ${option("loss", termTraits(loss).fileName, `the loss ${termTraits(loss).fileName}`)} needs a decoder whose output activation is ` +
        `"${wanted}", this one's is "${output}"; ` +
        `load or create it with ${option("outputActivation", wanted, `{ outputActivation: "${wanted}" }`)}` +
        ` if its outputs are logits${clause("loss", `, else use ${option("loss", "mse", "squaredError()")}`)}`,
    );
  }
  return loss;
}
