import { checkChoice, orDefault } from "../base/check.ts";
import { logarithm } from "../base/elementary-functions.ts";
import { clause, option, subject } from "../base/message.ts";
import { choice, completeOptions, type Field, type FieldsOf, optional } from "../base/options.ts";
import { invalid, refused } from "../base/refuse.ts";
import { alternatives, callHint, show } from "../base/show.ts";
import type { ActivationName } from "../graph/activation.ts";

/**
 * The kinds of loss, each with its name in files; undefined for one that files cannot name. Every place that has to know
 * the kinds has a table over all of them, so that the compiler names what a new one lacks.
 */
export interface LossKinds {
  readonly binaryCrossEntropy: "bce";
  readonly squaredError: "mse";
  readonly custom: undefined;
}

type LossKind = keyof LossKinds;

/** The kinds that the kernels compute, and files can name. */
export type StandardLossKind = Exclude<LossKind, "custom">;

/** Traits of a kind of loss besides its arithmetic, which is each backend's. */
interface LossTraits<Kind extends LossKind = LossKind> {
  readonly fileName: LossKinds[Kind];
  /** Further names by which files are read, beside its own; in small letters, without separators. */
  readonly otherNames: readonly string[];
  /** Name for people, and the unit of its values. */
  readonly title: string;
  readonly unit: string;
  /**
   * Output activation that the loss includes: it is computed from the logits, and requires a decoder with this activation.
   */
  readonly outputActivation: ActivationName | undefined;
  /** Range of targets whose weight is not 0. */
  readonly targets: { readonly min: number; readonly max: number } | "finite";
  /** Least loss of an element with a given target, and the name of that value; undefined if it is 0. */
  readonly floor: { readonly name: string; readonly of: (target: number) => number } | undefined;
  /** Arguments on which the second derivative for the output depends; undefined for a custom loss without one. */
  readonly curvature: "constant" | "output" | "outputAndTarget";
}

const TRAITS: { readonly [Kind in LossKind]: LossTraits<Kind> } = {
  binaryCrossEntropy: {
    fileName: "bce",
    otherNames: ["crossentropy", "bceloss", "bcewithlogitsloss"],
    title: "cross entropy",
    unit: " nats",
    outputActivation: "sigmoid",
    targets: { min: 0, max: 1 },
    floor: { name: "the targets' own entropy", of: (y) => entropyTerm(y) + entropyTerm(1 - y) },
    curvature: "output",
  },
  squaredError: {
    fileName: "mse",
    otherNames: ["mseloss"],
    title: "squared error",
    unit: "",
    outputActivation: undefined,
    targets: "finite",
    floor: undefined,
    curvature: "constant",
  },
  custom: {
    fileName: undefined,
    otherNames: [],
    title: "custom loss",
    unit: "",
    outputActivation: undefined,
    targets: "finite",
    floor: undefined,
    curvature: "outputAndTarget",
  },
};

/** Returns the traits of a loss's kind. */
export function lossTraits({ name }: { readonly name: LossKind }): LossTraits {
  return TRAITS[name];
}

/** True for a loss that is computed from logits, with the output activation as a part of it. */
export function takesLogits(loss: { readonly name: LossKind }): boolean {
  return lossTraits(loss).outputActivation !== undefined;
}

/** Returns -p log p; 0 for p = 0, its limit. */
function entropyTerm(p: number): number {
  return p === 0 ? 0 : -p * logarithm(p);
}

/** Reduction of a sample's elements to one number: their (weighted) mean, or their (weighted) sum. */
export type Reduction = "mean" | "sum";

/** A loss that the kernels know, and that decoder files can name. */
export interface StandardLoss {
  readonly name: StandardLossKind;
  readonly reduction: Reduction;
}

/** The functions of a `customLoss`, each of one element: the decoder's output in data space, and its target. */
export interface CustomLossFunctions {
  /** e(output, target) */
  readonly value: (output: number, target: number) => number;
  /** ∂e/∂output */
  readonly gradient: (output: number, target: number) => number;
  /**
   * ∂²e/∂output² ≥ 0. Without it, calls that need second derivatives are refused; `lbfgs` does not need it. It does not help
   * `lbfgs` if it changes by orders of magnitude within a step, as for |output - target| with a rounded tip.
   */
  readonly curvature?: (output: number, target: number) => number;
}

/** A loss of the caller's own: see `customLoss`. */
export interface CustomLoss extends CustomLossFunctions {
  readonly name: "custom";
  readonly reduction: Reduction;
}

/**
 * A distance l(y, D(z)) between a sample and its reconstruction: an immutable value. Weights are data, an
 * option of `encode`, not part of the loss.
 */
export type Loss = StandardLoss | CustomLoss;

/**
 * The names by which a standard loss may be given: the short ones are those of decoder files, `"bce"` for
 * `binaryCrossEntropy()` and `"mse"` for `squaredError()`.
 */
export type LossName = StandardLossKind | LossKinds[StandardLossKind];

/** A standard loss, or its name. */
export type StandardLossLike = StandardLoss | LossName;

/** A loss, or the name of one. */
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

/** The standard losses' kinds: all that have a name in files. */
function standardKinds(): StandardLossKind[] {
  return (Object.keys(TRAITS) as LossKind[]).filter(isStandard);
}

/** The names of the standard losses in files. */
export function lossFileNames(): LossName[] {
  return standardKinds().map((kind) => TRAITS[kind].fileName);
}

/** The names by which standard losses may be given. */
export function lossNames(): LossName[] {
  return standardKinds().flatMap((kind) => [TRAITS[kind].fileName, kind]);
}

/** Returns the loss of a name; undefined if there is none. */
export function namedLoss(name: unknown, options?: LossOptions): StandardLoss | undefined {
  const kind = standardKinds().find((each) => name === each || name === TRAITS[each].fileName);
  return kind && makeLoss(kind, options);
}

/** Returns the kind of the loss that a file names, in any spelling in small letters; undefined for an unknown name. */
export function lossInFile(name: string): StandardLossKind | undefined {
  return standardKinds().find((kind) =>
    [TRAITS[kind].fileName, kind.toLowerCase(), ...TRAITS[kind].otherNames].includes(name),
  );
}

function makeLoss(name: StandardLossKind, options: LossOptions | undefined): StandardLoss {
  return Object.freeze({ name, ...completeOptions(name, options, LOSS_FIELDS) });
}

/** Makes the error for a value that is no loss, which lists the losses. @param more further makers */
function refusedLoss(where: string, value: unknown, ...more: string[]): Error {
  const makers = [...standardKinds(), ...more].map((maker) => `${maker}()`);
  const expected = alternatives([...lossFileNames().map(show), ...makers]);
  return refused(where, "loss", "is", show(value) + callHint(value), expected);
}

/**
 * Returns a standard loss, given as a value or by name, frozen; refuses other values. `checkLoss` compares it with the
 * decoder.
 */
export function normaliseLoss(where: string, value: unknown): StandardLoss {
  const named = namedLoss(value);
  if (named) return named;
  const { name, reduction } = (value ?? {}) as Partial<StandardLoss>;
  const isReduction = reduction === "mean" || reduction === "sum";
  if (typeof value === "object" && isStandard(name) && isReduction) return Object.freeze({ name, reduction });
  throw refusedLoss(where, value);
}

function isLossKind(name: unknown): name is LossKind {
  return typeof name === "string" && Object.hasOwn(TRAITS, name);
}

function isStandard(name: unknown): name is StandardLossKind {
  return isLossKind(name) && TRAITS[name].fileName !== undefined;
}

/** True for a loss of the caller's own, whose functions run in JavaScript. */
export function isCustom(loss: Loss): loss is CustomLoss {
  return loss.name === "custom";
}

/**
 * Returns the loss that a call uses: the one given, else the decoder's own. Refuses other values, and a cross entropy if the
 * decoder's outputs are no probabilities.
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
      `${where}: there is no ${subject("loss")}: the decoder has none of its own; give ` +
        `${option("loss", "bce", '{ loss: "bce" }')} or ${option("loss", "mse", '{ loss: "mse" }')}`,
    );
  }
  const loss = namedLoss(named) ?? named;
  if (typeof loss !== "object" || !isLossKind(loss?.name)) throw refusedLoss(where, loss, "customLoss");
  checkChoice(where, "loss.reduction", loss.reduction, ["mean", "sum"]);
  const output = decoder.outputActivation.name;
  const { outputActivation: wanted, fileName } = lossTraits(loss);
  if (wanted !== undefined && output !== wanted) {
    throw invalid(
      `${where}: ${option("loss", fileName, `the loss ${fileName}`)} needs a decoder whose output activation is ` +
        `"${wanted}", this one's is "${output}"; ` +
        `load or create it with ${option("outputActivation", wanted, `{ outputActivation: "${wanted}" }`)}` +
        ` if its outputs are logits${clause("loss", `, else use ${option("loss", "mse", "squaredError()")}`)}`,
    );
  }
  return loss;
}
