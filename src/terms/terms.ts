import { logarithm } from "../base/elementary-functions.ts";
import type { ActivationName } from "../graph/activation.ts";

/**
 * The kinds of term that an objective is a sum of, and what each has beyond its name and reduction. Every place that
 * has to know the kinds has a table over all of them, so that the compiler names what a new one lacks.
 */
export interface TermKinds {
  readonly binaryCrossEntropy: object;
  readonly squaredError: object;
  readonly custom: CustomLossFunctions;
}

export type TermKind = keyof TermKinds;

/** The kinds that the kernels compute, and files can name. */
export type StandardTermKind = Exclude<TermKind, "custom">;

/** The functions of a `customLoss`, each of one element: the decoder's output in data space, and its target. */
export interface CustomLossFunctions {
  /** e(output, target) */
  readonly value: (output: number, target: number) => number;
  /** ∂e/∂output */
  readonly gradient: (output: number, target: number) => number;
  /**
   * ∂²e/∂output² ≥ 0; what needs second derivatives refuses a loss without it. To `lbfgs`, which does without, it is of
   * no help where it changes by orders of magnitude within a step, as that of |output - target| with a rounded tip does.
   */
  readonly curvature?: (output: number, target: number) => number;
}

/** Traits of a kind of term besides its arithmetic, which is each backend's. */
export interface TermTraits {
  /** Arguments of the term: the decoder's output and data. (A prior's is the latent.) */
  readonly on: "output";
  /** Its name in files; and others by which they are read, without what capitals and separators make different. */
  readonly fileName: string | undefined;
  readonly otherNames: readonly string[];
  /** Name for people, and the unit of its values. */
  readonly title: string;
  readonly unit: string;
  /** The output activation that it has in itself: it is computed of the logits, and asks for such a decoder. */
  readonly outputActivation: ActivationName | undefined;
  /** Range of targets whose weight is not 0. */
  readonly targets: { readonly min: number; readonly max: number } | "finite";
  /** The least that an element's loss can come to with this target, and what that is called; undefined if it is 0. */
  readonly floor: { readonly name: string; readonly of: (target: number) => number } | undefined;
  /** Arguments of its second derivative for the output; for a custom loss that has one. */
  readonly curvature: "constant" | "output" | "outputAndTarget";
}

const TRAITS: { readonly [Kind in TermKind]: TermTraits } = {
  binaryCrossEntropy: {
    on: "output",
    fileName: "bce",
    otherNames: ["binarycrossentropy", "crossentropy", "bceloss", "bcewithlogitsloss"],
    title: "cross entropy",
    unit: " nats",
    outputActivation: "sigmoid",
    targets: { min: 0, max: 1 },
    floor: { name: "the targets' own entropy", of: (y) => entropyTerm(y) + entropyTerm(1 - y) },
    curvature: "output",
  },
  squaredError: {
    on: "output",
    fileName: "mse",
    otherNames: ["squarederror", "mseloss"],
    title: "squared error",
    unit: "",
    outputActivation: undefined,
    targets: "finite",
    floor: undefined,
    curvature: "constant",
  },
  custom: {
    on: "output",
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

/** Traits of a term, by its kind. */
export function termTraits({ name }: { readonly name: TermKind }): TermTraits {
  return TRAITS[name];
}

/** True for the name of a kind. */
export function isTermKind(name: unknown): name is TermKind {
  return typeof name === "string" && Object.hasOwn(TRAITS, name);
}

/** True for a term that is computed from logits, with the output activation as a part of it. */
export function takesLogits(term: { readonly name: TermKind }): boolean {
  return termTraits(term).outputActivation !== undefined;
}

/** -p log p, whose limit at 0 is 0. */
function entropyTerm(p: number): number {
  return p === 0 ? 0 : -p * logarithm(p);
}
