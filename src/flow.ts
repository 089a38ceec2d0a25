import { checkNumber, checkOptions, invalid, orDefault, show } from "./check.ts";
import { exponential, power } from "./elementary-functions.ts";
import { refuseCopy, serializable } from "./serialize.ts";

/** α(t) = exp(-rate · t / t1), t1 the end of the flow: an immutable value made by `expDecay(…)`. */
export interface ExpDecay {
  readonly name: "expDecay";
  readonly rate: number;
}

/** How strongly the gradient drives the flow, α(t): a constant, or one that decays. */
export type Alpha = number | ExpDecay;

/**
 * The right-hand side of a differential equation for each sample's latent z. The state of a flow of first
 * order is z, of a flow of second order z and after it the velocity v.
 */
interface FlowBase {
  /** How many numbers the state has for each of the latent's. */
  readonly order: 1 | 2;
  /**
   * The derivative of one sample's state by t.
   * @param t1 the end of the flow, which a decaying α refers to
   * @param state [order · d]
   * @param gradient [d], ∇_z l at the state's z
   * @param into [order · d], where it is written
   */
  derivative(t: number, t1: number, state: Float64Array, gradient: Float64Array, into: Float64Array): void;
}

/** dz/dt = -α(t) ∇_z l: an immutable value made by `gradientFlow(…)`. */
export interface GradientFlow<A extends Alpha = Alpha> extends FlowBase {
  readonly name: "gradientFlow";
  readonly order: 1;
  readonly alpha: A;
}

/** dv/dt = -3/(t+ε) v - α(t) ∇_z l, dz/dt = v: an immutable value made by `nesterovFlow(…)`. */
export interface NesterovFlow extends FlowBase {
  readonly name: "nesterovFlow";
  readonly order: 2;
  readonly epsilon: number;
  readonly alpha: Alpha;
  /** What the velocity is damped with at t, 3/(t+ε). */
  damping(t: number): number;
  /** The share of a velocity at `from` that damping alone leaves at `to`. */
  remaining(from: number, to: number): number;
}

/** The differential equation that leads from z0 to the code. */
export type Flow = GradientFlow | NesterovFlow;

/** Options of `gradientFlow`. */
export interface GradientFlowOptions {
  /** α(t), > 0 if constant. Default 1. */
  alpha?: Alpha | undefined;
}

/** Options of `nesterovFlow`. */
export interface NesterovFlowOptions extends GradientFlowOptions {
  /** ε > 0, which keeps the damping 3/(t+ε) finite at t = 0. Default 1e-5. */
  epsilon?: number | undefined;
}

/**
 * An α that decays, exp(-rate · t / t1).
 *
 * @param options.rate ≥ 0. Default 2, the paper's.
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const flow = gradientFlow({ alpha: expDecay({ rate: 3 }) });
 */
export function expDecay(options: { rate?: number | undefined } = {}): ExpDecay {
  checkOptions("expDecay", options, { rate: true });
  const rate = checkNumber("expDecay", "rate", orDefault(options.rate, 2), { min: 0 });
  return Object.freeze({ name: "expDecay", rate });
}

/**
 * The gradient flow, dz/dt = -α(t) ∇_z l (equation 2).
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { flow: gradientFlow({ alpha: 0.5 }), solver: dormandPrince({ t1: 100 }) });
 */
export function gradientFlow(options?: { alpha?: 1 | undefined }): GradientFlow<1>;
export function gradientFlow(options: GradientFlowOptions): GradientFlow;
export function gradientFlow(options: GradientFlowOptions = {}): GradientFlow {
  checkOptions("gradientFlow", options, { alpha: true });
  const alpha = checkAlpha("gradientFlow", orDefault(options.alpha, 1));
  const flow: GradientFlow = {
    name: "gradientFlow",
    order: 1,
    alpha,
    derivative(t, t1, _state, gradient, into) {
      const strength = alphaAt(alpha, t, t1);
      for (let k = 0; k < gradient.length; k++) into[k] = -strength * gradient[k]!;
    },
  };
  return serializable(Object.freeze(flow), "gradientFlow", { alpha });
}

/**
 * The second-order flow, Nesterov's method in continuous time (equations 4 and 5, with the sign that
 * equation 4 needs). It starts at rest, v(0) = 0.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { flow: nesterovFlow(), solver: dormandPrince({ t1: 100 }) });
 */
export function nesterovFlow(options: NesterovFlowOptions = {}): NesterovFlow {
  checkOptions("nesterovFlow", options, { epsilon: true, alpha: true });
  const epsilon = checkNumber("nesterovFlow", "epsilon", orDefault(options.epsilon, 1e-5), { above: 0 });
  const alpha = checkAlpha("nesterovFlow", orDefault(options.alpha, 1));
  const flow: NesterovFlow = {
    name: "nesterovFlow",
    order: 2,
    epsilon,
    alpha,
    damping: (t) => 3 / (t + epsilon),
    remaining: (from, to) => power((from + epsilon) / (to + epsilon), 3),
    derivative(t, t1, state, gradient, into) {
      const strength = alphaAt(alpha, t, t1);
      const damping = flow.damping(t);
      const d = gradient.length;
      for (let k = 0; k < d; k++) {
        const v = state[d + k]!;
        into[k] = v;
        into[d + k] = -damping * v - strength * gradient[k]!;
      }
    },
  };
  return serializable(Object.freeze(flow), "nesterovFlow", { epsilon, alpha });
}

/** α(t) of a flow that ends at t1. */
export function alphaAt(alpha: Alpha, t: number, t1: number): number {
  return typeof alpha === "number" ? alpha : exponential((-alpha.rate * t) / t1);
}

/** Is this the gradient flow at α = 1? */
export function isUnitGradientFlow(flow: Flow): flow is GradientFlow<1> {
  return flow.name === "gradientFlow" && flow.alpha === 1;
}

/** Refuses what is no flow; returns it otherwise. */
export function checkFlow(where: string, flow: Flow): Flow {
  if (typeof flow?.derivative === "function") {
    refuseCopy(where, "flow", flow);
    return flow;
  }
  throw invalid(`${where}: flow is ${show(flow)}, expected gradientFlow() or nesterovFlow()`);
}

function checkAlpha(where: string, alpha: Alpha): Alpha {
  if (typeof alpha === "number") return checkNumber(where, "alpha", alpha, { above: 0 });
  if (alpha?.name === "expDecay") return alpha;
  throw invalid(`${where}: alpha is ${show(alpha)}, expected a number > 0 or expDecay()`);
}
