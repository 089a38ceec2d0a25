import { calling } from "../base/calling.ts";
import { orDefault } from "../base/check.ts";
import { logarithm } from "../base/elementary-functions.ts";
import { clause, option, words } from "../base/message.ts";
import { choice, completeOptions, type Field, type FieldsOf, optional, plainValue } from "../base/options.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { alternatives, callHint, show } from "../base/show.ts";
import type { ActivationName } from "../graph/activation.ts";
import { checkRow, type Numbers } from "./prior-numbers.ts";

/**
 * Kinds of loss with their names in files; undefined for the custom loss, which files cannot name. Every table over the
 * kinds is typed by this interface, so that the compiler reports a kind that a table lacks.
 */
export interface LossKinds {
  readonly binaryCrossEntropy: "bce";
  readonly squaredError: "mse";
  readonly custom: undefined;
}

type LossKind = keyof LossKinds;

/** Kinds of loss that the kernels compute and files can name. */
export type StandardLossKind = Exclude<LossKind, "custom">;

/** Properties of a kind of loss; its arithmetic is in each backend. */
export interface LossTraits<Kind extends LossKind = LossKind> {
  readonly fileName: LossKinds[Kind];
  /** Further names of the loss that are understood in files; in lower case, without separators. */
  readonly otherNames: readonly string[];
  /** Name of the loss for display, such as "cross entropy". */
  readonly title: string;
  /** Unit of the loss's values, with a leading space, such as " nats"; "" if it has none. */
  readonly unit: string;
  /**
   * Output activation that the loss includes: such a loss is computed from the logits, and requires a decoder with this
   * activation. Undefined if it is computed from D(z).
   */
  readonly outputActivation: ActivationName | undefined;
  /** Allowed range of targets whose weight is not 0; "finite" for any finite number. */
  readonly targets: { readonly min: number; readonly max: number } | "finite";
  /**
   * Floor (lower bound) of the loss of an element, as a function of its target, and the name of the floor; undefined if it is 0.
   */
  readonly floor: { readonly name: string; readonly of: (target: number) => number } | undefined;
  /**
   * Arguments on which the second derivative of an element's loss with respect to the output depends. "outputAndTarget" for
   * every custom loss.
   */
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

/** Returns the properties of a loss's kind. */
export function lossTraits({ name }: { readonly name: LossKind }): LossTraits {
  return TRAITS[name];
}

/** True if the loss is computed from logits and includes the output activation. */
export function takesLogits(loss: { readonly name: LossKind }): boolean {
  return lossTraits(loss).outputActivation !== undefined;
}

/** Returns -p log p, in nats; 0 for p = 0, its limit. */
function entropyTerm(p: number): number {
  return p === 0 ? 0 : -p * logarithm(p);
}

/** Reduction of the losses of a sample's elements to the sample's loss: their (weighted) mean, or their (weighted) sum. */
export type Reduction = "mean" | "sum";

/** Loss that the kernels compute and that decoder files can name. */
export interface StandardLoss {
  readonly name: StandardLossKind;
  readonly reduction: Reduction;
  /**
   * Scale σ of each output, outputSize numbers > 0, float32; of a squared error that has one: the loss of an element is
   * ((D(z) - y)/σ)².
   */
  readonly scale?: readonly number[];
}

/**
 * Functions of a `customLoss`, for the loss e of one element: each takes the decoder's output for the element, in data space,
 * and the element's target.
 */
export interface CustomLossFunctions {
  /** Loss of the element, e(output, target). */
  readonly value: (output: number, target: number) => number;
  /** Derivative ∂e/∂output of the element's loss e. */
  readonly gradient: (output: number, target: number) => number;
  /**
   * Second derivative ∂²e/∂output² ≥ 0 of the element's loss e. `sampleCodes`, and the adjoints `full()` and `direct()` of
   * `train`, require it. With it `lbfgs` is preconditioned by the Gauss-Newton matrix, and without it runs as plain L-BFGS;
   * `lbfgs` does not gain from it if the second derivative changes by orders of magnitude within a step, as for a smoothed
   * |output - target|.
   */
  readonly curvature?: (output: number, target: number) => number;
}

/** Loss defined by the caller's functions; made by `customLoss`. */
export interface CustomLoss extends CustomLossFunctions {
  readonly name: "custom";
  readonly reduction: Reduction;
}

/**
 * Loss l(y, D(z)) between a sample and its reconstruction: an immutable value. Weights are not part of the loss; they are an
 * option of calls such as `encode`.
 */
export type Loss = StandardLoss | CustomLoss;

/**
 * Name of a standard loss: that of its function, `binaryCrossEntropy` or `squaredError`, or the short one that decoder files
 * have, `"bce"` or `"mse"`.
 */
export type LossName = StandardLossKind | LossKinds[StandardLossKind];

/** A standard loss, as a value or by name. */
export type StandardLossLike = StandardLoss | LossName;

/** A loss as a value, or the name of a standard one. */
export type LossLike = Loss | LossName;

/** Options of a loss function. */
export interface LossOptions {
  /** Reduction over a sample's elements with losses e and weights w: `"mean"`, Σ w·e / Σ w (the default), or `"sum"`, Σ w·e. */
  reduction?: Reduction | undefined;
}

/** Options of `squaredError`. */
export interface SquaredErrorOptions extends LossOptions {
  /**
   * Scale σ of each output, outputSize numbers from 1e-37 to 1e37, which are rounded to float32: the loss of an element is
   * ((D(z) - y)/σ)². For outputs in different units; `train` with `standardise: true` fits it. Default: 1.
   */
  scale?: Numbers | undefined;
}

const LOSS_FIELDS = { reduction: choice("mean", "sum") } satisfies FieldsOf<LossOptions>;

const derivative: Field<CustomLossFunctions["value"]> = {
  check(name, value) {
    if (typeof value === "function") return value as CustomLossFunctions["value"];
    throw refused(name, "is", show(value), "a function of (output, target)");
  },
};

const CUSTOM_LOSS_FIELDS = {
  value: derivative,
  gradient: derivative,
  curvature: optional(derivative),
  ...LOSS_FIELDS,
} satisfies FieldsOf<CustomLossFunctions & LossOptions>;

/**
 * Makes the binary cross entropy: -y log σ(o) - (1 - y) log(1 - σ(o)) per element, in nats, with o the decoder's output before
 * its sigmoid σ and y the target, in [0, 1]. It is computed from o in the stable form max(o, 0) - o·y + log(1 + exp(-|o|)). For
 * targets other than 0 and 1 its minimum is the entropy of y, not 0. It requires a decoder whose output activation is
 * "sigmoid".
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction
 * @example
 * await encode(decoder, y, { loss: binaryCrossEntropy() });
 */
export function binaryCrossEntropy(options?: LossOptions): StandardLoss {
  return makeLoss("binaryCrossEntropy", options);
}

/**
 * Makes the squared error: (D(z) - y)² per element, with D(z) the decoder's output and y the data. The paper (arXiv 2412.00864)
 * uses the sum, `reduction: "sum"`; with the mean, the default here, suitable step sizes of the solvers do not depend on the
 * size of the data.
 *
 * With `scale: σ` it is ((D(z) - y)/σ)² per element, for outputs in different units. Outputs and data are divided by σ before
 * anything else: losses, gradient norms, the divisor N of a prior and an objective's Jacobian-vector products are those of
 * D(z)/σ and y/σ. Weights are weights of the divided values; a mean is still Σ w·e / Σ w.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or reduction, and if the scale is not an array of numbers from
 *   1e-37 to 1e37; of a call, if it does not have outputSize numbers
 * @example
 * await encode(decoder, y, { loss: squaredError({ reduction: "sum" }) });
 * // Three outputs: °C, hPa and a share.
 * await encode(decoder, y, { loss: squaredError({ scale: [8, 12, 0.2] }) });
 */
export function squaredError(options?: SquaredErrorOptions): StandardLoss {
  return calling("squaredError", () =>
    squaredErrorOf(
      completeOptions(options, {
        ...LOSS_FIELDS,
        scale: optional({ check: (name, value) => checkScale(name, value) }),
      }),
    ),
  );
}

function squaredErrorOf({
  reduction,
  scale,
}: {
  readonly reduction: Reduction;
  readonly scale: StandardLoss["scale"] | undefined;
}): StandardLoss {
  return Object.freeze({ name: "squaredError", reduction, ...(scale && { scale }) });
}

/**
 * Returns a frozen copy of a loss's scale, rounded to float32.
 *
 * @param size required number of values; undefined if any is allowed
 */
function checkScale(name: string, scale: unknown, size?: number): readonly number[] {
  return Object.freeze(checkRow(name, scale, size, { min: 1e-37, max: 1e37 }).map(Math.fround));
}

/**
 * Returns the scale of a loss for a decoder's outputs; undefined if the loss has none.
 *
 * @throws LatentflowError `invalid_argument` if it does not fit the decoder
 */
export function scaleOf(loss: Loss, decoder: { readonly outputSize: number }): readonly number[] | undefined {
  if (loss.name !== "squaredError" || !loss.scale) return undefined;
  return checkScale("loss.scale", loss.scale, decoder.outputSize);
}

/** Checks the loss that a decoder stores: as `checkLoss`, and that a scale fits the decoder. */
export function checkDefaultLoss(
  loss: StandardLoss,
  decoder: LossDecoder & { readonly outputSize: number },
): void {
  checkLoss(loss, decoder);
  scaleOf(loss, decoder);
}

/**
 * Makes a loss from your own functions of one element: the mean, or the sum, over the elements i of e(D(z)_i, y_i), with e the
 * function `value`, D(z) the decoder's output and y the data; weighted if there are weights. The functions run in JavaScript
 * between the decoder's forward and backward passes, in float64; they receive the decoder's output in data space, after its
 * output activation. The functions are not called for elements of weight 0.
 *
 * Values need not be finite: a step to a loss of NaN, ∞ or -∞ is not taken, and a sample whose loss at z0 or whose gradient
 * is not finite ends as "nonfinite".
 *
 * @throws LatentflowError `invalid_argument` on an unknown option, or if a function is missing
 * @example
 * const loss = customLoss({
 *   value: (output, target) => Math.sqrt(1 + (output - target) ** 2),
 *   gradient: (output, target) => (output - target) / Math.sqrt(1 + (output - target) ** 2),
 *   curvature: (output, target) => (1 + (output - target) ** 2) ** -1.5,
 * });
 * await encode(decoder, y, { loss });
 */
export function customLoss(options: CustomLossFunctions & LossOptions): CustomLoss {
  return calling("customLoss", () => {
    const { value, gradient, curvature, reduction } = completeOptions(options, CUSTOM_LOSS_FIELDS);
    return Object.freeze({ name: "custom", reduction, value, gradient, ...(curvature && { curvature }) });
  });
}

/** Returns the kinds of the standard losses: those that have a name in files. */
function standardKinds(): StandardLossKind[] {
  return (Object.keys(TRAITS) as LossKind[]).filter(isStandard);
}

/** Returns the names of the standard losses in files. */
export function lossFileNames(): LossName[] {
  return standardKinds().map((kind) => TRAITS[kind].fileName);
}

/** Returns all names of the standard losses: those in files and those of their functions. */
export function lossNames(): LossName[] {
  return standardKinds().flatMap((kind) => [TRAITS[kind].fileName, kind]);
}

/** Makes a standard loss of a kind that has been read from a file, with the scale of a squared error. */
export function lossOfKind(kind: StandardLossKind, options: SquaredErrorOptions): StandardLoss {
  return kind === "squaredError" ? squaredError(options) : makeLoss(kind, { reduction: options.reduction });
}

/** Returns the standard loss called `name`; undefined if there is none. */
export function namedLoss(name: unknown, options?: LossOptions): StandardLoss | undefined {
  const kind = standardKinds().find((each) => name === each || name === TRAITS[each].fileName);
  return kind && makeLoss(kind, options);
}

/**
 * Returns the kind of the loss that a file names, in any known spelling; undefined for an unknown name.
 *
 * @param name in lower case, without separators
 */
export function lossInFile(name: string): StandardLossKind | undefined {
  return standardKinds().find((kind) =>
    [TRAITS[kind].fileName, kind.toLowerCase(), ...TRAITS[kind].otherNames].includes(name),
  );
}

function makeLoss(name: StandardLossKind, options: LossOptions | undefined): StandardLoss {
  return plainValue(name, options, LOSS_FIELDS);
}

/**
 * Makes the error for a value that is not a loss; its message lists the losses.
 *
 * @param more names of further functions that make losses
 */
function refusedLoss(value: unknown, ...more: string[]): Error {
  const makers = [...standardKinds(), ...more].map((maker) => `${maker}()`);
  const expected = alternatives([...lossFileNames().map(show), ...makers]);
  return refused("loss", "is", show(value), expected, callHint(value));
}

/**
 * Returns a frozen standard loss, given as a value or by name. Whether it suits a decoder is checked by `checkLoss`.
 *
 * @throws LatentflowError `invalid_argument` on any other value
 */
export function normaliseLoss(value: unknown): StandardLoss {
  const named = namedLoss(value);
  if (named) return named;
  const { name, reduction, scale } = (value ?? {}) as Partial<StandardLoss>;
  const isReduction = reduction === "mean" || reduction === "sum";
  if (typeof value !== "object" || !isStandard(name) || !isReduction) throw refusedLoss(value);
  if (name !== "squaredError" || scale === undefined) return Object.freeze({ name, reduction });
  return squaredErrorOf({ reduction, scale: checkScale("loss.scale", scale) });
}

function isLossKind(name: unknown): name is LossKind {
  return typeof name === "string" && Object.hasOwn(TRAITS, name);
}

function isStandard(name: unknown): name is StandardLossKind {
  return isLossKind(name) && TRAITS[name].fileName !== undefined;
}

const isFunction = (value: unknown) => typeof value === "function";

/** True for a custom loss, whose functions run in JavaScript. */
export function isCustom(loss: Loss): loss is CustomLoss {
  return loss.name === "custom";
}

/** What of a decoder a loss has to suit. */
interface LossDecoder {
  readonly loss: StandardLoss | undefined;
  readonly outputActivation: { readonly name: string };
  readonly operations: readonly { readonly kind: string }[];
}

/**
 * Returns the loss that a call uses: the one given, else the loss stored in the decoder.
 *
 * @throws LatentflowError `invalid_argument` if there is neither, on a value that is not a loss, and on a cross entropy with
 *   a decoder whose outputs are not probabilities
 */
export function checkLoss(given: LossLike | undefined, decoder: LossDecoder): Loss {
  const named = orDefault(given, decoder.loss);
  if (named === undefined) {
    throw invalidOption(
      "loss",
      words`there is no ${option("loss")}: the decoder has none of its own`,
      words`; give ${option("loss", "bce", '{ loss: "bce" }')} or ${option("loss", "mse", '{ loss: "mse" }')}`,
    );
  }
  const value = namedLoss(named) ?? (named as Loss | null);
  const isLoss = typeof value === "object" && isLossKind(value?.name);
  if (!isLoss || (isCustom(value) && (!isFunction(value.value) || !isFunction(value.gradient))))
    throw refusedLoss(value, "customLoss");
  const loss = { ...value }; // A copy: the caller's may change during the call.
  LOSS_FIELDS.reduction.check("loss.reduction", loss.reduction);
  const isSoftmax = decoder.operations.at(-1)?.kind === "softmax";
  const output = isSoftmax ? "softmax" : decoder.outputActivation.name;
  const { outputActivation: wanted, fileName } = lossTraits(loss);
  if (wanted !== undefined && output !== wanted) {
    const otherLoss = option("loss", "mse", "squaredError()");
    throw invalidOption(
      "loss",
      words`${option("loss", fileName, `the loss ${fileName}`)} needs a decoder whose output activation is "${wanted}", this one's is "${output}"`,
      isSoftmax
        ? words`; use ${otherLoss}${clause("customLoss", ", or customLoss for -y·log(x)")}`
        : words`; load or create it with ${option("outputActivation", wanted, `{ outputActivation: "${wanted}" }`)} if its outputs are logits${clause("loss", words`, else use ${otherLoss}`)}`,
    );
  }
  return loss;
}
