import { checkNumber } from "../base/check.ts";
import { exponential, power } from "../base/elementary-functions.ts";
import { type Field, type FieldsOf, number, plainValue } from "../base/options.ts";
import { checkPlain } from "../base/plain-value.ts";

/**
 * Decaying strength α(t) = exp(-rate · t / t1) of the gradient in a flow that ends at t1: an immutable value made by
 * `expDecay(…)`.
 */
export interface ExpDecay {
  readonly name: "expDecay";
  /** Rate of the decay over the whole flow, ≥ 0: α(t1) = exp(-rate). */
  readonly rate: number;
}

/** Strength α(t) of the gradient in a flow: a constant, or `expDecay(…)`. */
export type Alpha = number | ExpDecay;

/** Gradient flow, dz/dt = -α(t) ∇_z l: a plain immutable value made by `gradientFlow(…)`. */
export interface GradientFlow<A extends Alpha = Alpha> {
  readonly name: "gradientFlow";
  /** Strength α of the gradient: a number > 0, or a decaying one. */
  readonly alpha: A;
}

/**
 * Nesterov flow, dv/dt = -3/(t+ε) v - α(t) ∇_z l, dz/dt = v, with v the velocity and ε the option `epsilon`: a plain immutable
 * value made by `nesterovFlow(…)`.
 */
export interface NesterovFlow {
  readonly name: "nesterovFlow";
  /** Time ε > 0 that bounds the damping 3/(t+ε) at the start of the flow. */
  readonly epsilon: number;
  /** Strength α of the gradient: a number > 0, or a decaying one. */
  readonly alpha: Alpha;
}

/** Differential equation that leads from z0 to the code, made by `gradientFlow` or `nesterovFlow`. */
export type Flow = GradientFlow | NesterovFlow;

/** Options of `gradientFlow`. */
export interface GradientFlowOptions {
  /** Strength α(t) of the gradient, > 0: a constant, or `expDecay(…)`. Default 1. */
  alpha?: Alpha | undefined;
}

/** Options of `nesterovFlow`. */
export interface NesterovFlowOptions extends GradientFlowOptions {
  /** Constant ε that keeps the damping 3/(t+ε) of the velocity finite at t = 0, > 0. Default 1e-5. */
  epsilon?: number | undefined;
}

/** Options of `expDecay`. */
export interface ExpDecayOptions {
  /** Rate of the decay, ≥ 0. Default 2, as in the paper (arXiv 2412.00864). */
  rate?: number | undefined;
}

/** Check and default of the option of `expDecay`. */
export const EXP_DECAY_FIELDS = {
  rate: number({ min: 0 }, 2),
} satisfies FieldsOf<ExpDecayOptions>;

/** Check and default of the option of `gradientFlow`. */
export const GRADIENT_FLOW_FIELDS = {
  alpha: { check: checkAlpha, standard: 1 } as Field<Alpha>,
} satisfies FieldsOf<GradientFlowOptions>;

/** Checks and defaults of the options of `nesterovFlow`. */
export const NESTEROV_FLOW_FIELDS = {
  epsilon: number({ above: 0 }, 1e-5),
  ...GRADIENT_FLOW_FIELDS,
} satisfies FieldsOf<NesterovFlowOptions>;

/**
 * Makes a strength of the gradient that decays over the flow, α(t) = exp(-rate · t / t1), with t1 the flow's end.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const flow = gradientFlow({ alpha: expDecay({ rate: 3 }) });
 */
export function expDecay(options: ExpDecayOptions = {}): ExpDecay {
  return plainValue("expDecay", options, EXP_DECAY_FIELDS);
}

/**
 * Makes the gradient flow, dz/dt = -α(t) ∇_z l (equation 2 of the paper, arXiv 2412.00864).
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { flow: gradientFlow({ alpha: 0.5 }), solver: dormandPrince({ t1: 100 }) });
 */
export function gradientFlow(options?: { alpha?: 1 | undefined }): GradientFlow<1>;
/** Makes the gradient flow, dz/dt = -α(t) ∇_z l, with a strength α of the gradient that may vary over the flow. */
export function gradientFlow(options: GradientFlowOptions): GradientFlow;
export function gradientFlow(options: GradientFlowOptions = {}): GradientFlow {
  return plainValue("gradientFlow", options, GRADIENT_FLOW_FIELDS);
}

/**
 * Makes the second-order flow, Nesterov's method in continuous time (equations 4 and 5 of the paper, arXiv 2412.00864, with the
 * sign of ∇l in equation 5 corrected, as equation 4 needs): dv/dt = -3/(t+ε) v - α(t) ∇_z l, dz/dt = v, with v the velocity and
 * ε the option `epsilon`. The flow starts at rest, v(0) = 0.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { flow: nesterovFlow(), solver: dormandPrince({ t1: 100 }) });
 */
export function nesterovFlow(options: NesterovFlowOptions = {}): NesterovFlow {
  return plainValue("nesterovFlow", options, NESTEROV_FLOW_FIELDS);
}

/** Functions of one kind of flow, and its order: 1 for a state z, [d]; 2 for a state z, then the velocity v, [2d]. */
interface FlowTraits<F extends Flow> {
  readonly order: 1 | 2;
  /**
   * Computes the time derivative of one sample's state.
   *
   * @param t1 end time of the flow, on which a decaying strength α(t) of the gradient depends
   * @param state z, followed for order 2 by the velocity v: [order · d]
   * @param gradient ∇_z l at the state's z, [d]
   * @param into [order · d], where the derivative with respect to t is written
   */
  derivative(
    flow: F,
    t: number,
    t1: number,
    state: Float64Array,
    gradient: Float64Array,
    into: Float64Array,
  ): void;
  /** Returns the damping coefficient of the velocity at time t; 0 for a flow without velocity. */
  damping(flow: F, t: number): number;
  /** Returns the factor by which damping alone changes a velocity from time `from` to time `to`; 1 for a flow without damping. */
  remaining(flow: F, from: number, to: number): number;
}

const FLOWS: { readonly [Name in Flow["name"]]: FlowTraits<Extract<Flow, { readonly name: Name }>> } = {
  gradientFlow: {
    order: 1,
    derivative({ alpha }, t, t1, _state, gradient, into) {
      const strength = alphaAt(alpha, t, t1);
      for (let k = 0; k < gradient.length; k++) into[k] = -strength * gradient[k]!;
    },
    damping: () => 0,
    remaining: () => 1,
  },
  nesterovFlow: {
    order: 2,
    derivative({ alpha, epsilon }, t, t1, state, gradient, into) {
      const strength = alphaAt(alpha, t, t1);
      const damping = 3 / (t + epsilon);
      const d = gradient.length;
      for (let k = 0; k < d; k++) {
        const v = state[d + k]!;
        into[k] = v;
        into[d + k] = -damping * v - strength * gradient[k]!;
      }
    },
    damping: ({ epsilon }, t) => 3 / (t + epsilon),
    remaining: ({ epsilon }, from, to) => power((from + epsilon) / (to + epsilon), 3),
  },
};

/** Returns the functions and the order of a flow's kind. */
export function flowTraits(flow: Flow): FlowTraits<Flow> {
  return FLOWS[flow.name] as FlowTraits<Flow>;
}

/** Returns the order of a flow: 1 if its state is z, [d]; 2 if it is z, then the velocity v, [2d]. */
export function orderOf(flow: Flow): 1 | 2 {
  return flowTraits(flow).order;
}

/** Returns the gradient's strength α(t) in a flow that ends at t1. */
export function alphaAt(alpha: Alpha, t: number, t1: number): number {
  return typeof alpha === "number" ? alpha : exponential((-alpha.rate * t) / t1);
}

/** True for the gradient flow dz/dt = -α ∇_z l whose factor α is 1. */
export function isUnitGradientFlow(flow: Flow): flow is GradientFlow<1> {
  return flow.name === "gradientFlow" && flow.alpha === 1;
}

/**
 * Returns the option `flow` if it was made by `gradientFlow` or `nesterovFlow`, or is a copy of such a value.
 *
 * @throws LatentflowError `invalid_argument` otherwise
 */
export function checkFlow(flow: unknown): Flow {
  const unbound = (options: GradientFlowOptions) => gradientFlow(options);
  return checkPlain<Flow>("flow", flow, { gradientFlow: unbound, nesterovFlow });
}

function checkAlpha(name: string, alpha: unknown): Alpha {
  if (typeof alpha === "number") return checkNumber(name, alpha, { above: 0 });
  return checkPlain<ExpDecay>(name, alpha, { expDecay }, "a number > 0");
}
