import { checkNumber } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import type { GradientFlow } from "../flow.ts";
import type { Objective } from "../objective.ts";
import { withRecipe } from "../recipe.ts";
import type { Control, Solution, Solver } from "./base.ts";
import { dot, factorise, solveFactorised } from "./cholesky.ts";
import { completeOptions, type Descending, type DescentRule, descend, MAX_COUNT, rowsOf } from "./descent.ts";

/** Options of `implicitAmd`. */
export interface ImplicitAmdOptions {
  /** δt of the first step. Default 1. */
  stepInit?: number;
  /** ≥ 1: growth of δt after an accepted step. Default 3. */
  increaseFactor?: number;
  /** In (0, 1): a step that does not lower the loss enough is tried anew with δt times this. Default 0.25. */
  decreaseFactor?: number;
  /** In [0, 1): how much a step must lower the loss, as a share of what is expected of it. Default 1e-4. */
  slope?: number;
  /** So many explicit steps come first, for which no matrix is made. Default 5. */
  explicitSteps?: number;
  /** So many accepted steps are made with a matrix, corrected after each, before there is a new one. Default 20. */
  matrixSteps?: number;
  /**
   * Converged when no step is expected to lower the loss by this much: neither the longest, nor, where longer ones
   * have failed, the one to be tried next. With 0 only where the gradient is 0. Default 1e-6.
   */
  tolerance?: number;
  /** Accepted steps; 0 evaluates the loss at z0 and no more. Default 1,000. */
  maxSteps?: number;
  /** Backtracks within one step before the sample has stalled. Default 30. */
  maxBacktracks?: number;
}

/** Implicit AMD with all its options. */
export interface ImplicitAmd extends Solver<GradientFlow<1>>, Readonly<Required<ImplicitAmdOptions>> {
  readonly name: "implicitAmd";
}

/**
 * Found on the first 48 to 96 test images with five decoders, counting passes: MNIST (ELU, tanh, ReLU, SiLU with
 * squared error) and Fashion-MNIST. Nothing is sharp. explicitSteps: 0 to 20 tried; with none, or one, the digits of
 * the paper's decoder took two to three times the passes, with 3 to 8 all were within a tenth. increaseFactor 1.5 to
 * 16 and decreaseFactor 0.1 to 0.75: within a fifth. stepInit 0.1 to 100: where 10 is too long, the digits took
 * longer, and came to lower minima. matrixSteps 1, 2, 3, 5, 10, 20, 40, 10⁹: on the digits 658, 241, 184, 139, 110,
 * 105, 111, 105 passes, and the last ends higher; uncorrected, a matrix used for 3 steps took 221. Growth that depends
 * on how much of the expected fall came, as Levenberg and Marquardt's does, saved a tenth at most.
 */
const DEFAULTS: Required<ImplicitAmdOptions> = {
  stepInit: 1,
  increaseFactor: 3,
  decreaseFactor: 0.25,
  slope: 1e-4,
  explicitSteps: 5,
  matrixSteps: 20,
  tolerance: 1e-6,
  maxSteps: 1000,
  maxBacktracks: 30,
};

/** 1/δt is at least this share of the matrix's trace, and as much is added to it: its float32 numbers' rounding. */
export const LEAST_DAMPING = 2 ** -23;

/**
 * A step across which the loss bends by less than this share of what the matrix said does not correct it. From 1e-10
 * to 0.1 nothing changed: it is for the bends that rounding makes.
 */
export const LEAST_SECANT_CURVATURE = 0.01;

/**
 * AMD by implicit steps, for the gradient flow is stiff: explicit ones have to be so short for the steepest
 * directions that the flattest hardly move. Each step solves the linearly implicit Euler equation
 *
 *     (I/δt + M) Δz = -∇_z l,   M ≈ JᵀWJ,   J = ∂D/∂z,   W = ∂²l/∂D²
 *
 * with M the Gauss-Newton matrix of the sample's loss (Levenberg's damping, 1/δt), and is accepted, as in AMD, if
 * it lowers the loss. A matrix costs as much as d passes forward. So the first steps, on which it would change from
 * one to the next, are explicit, which is M = 0; and one matrix makes many steps, corrected after each by what the
 * gradients have shown (the BFGS update). Every sample has its own step, matrix and end.
 *
 * It has no end t1, and goes down to a stationary point, where approximate parameter gradients are exact. A
 * `customLoss` needs its `curvature`.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function implicitAmd(options: ImplicitAmdOptions = {}): ImplicitAmd {
  const all = completeOptions("implicitAmd", DEFAULTS, options);
  checkNumber("implicitAmd", "explicitSteps", all.explicitSteps, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber("implicitAmd", "matrixSteps", all.matrixSteps, { min: 1, max: MAX_COUNT, integer: true });
  const solver: ImplicitAmd = {
    name: "implicitAmd",
    flows: "unitGradient",
    needsCurvature: true,
    t1: Number.POSITIVE_INFINITY,
    ...all,
    async solve(objective, _flow, solution, first, control) {
      const rule = stepRule(solver, objective, solution, first, control);
      await descend(rule, solver, objective, solution, first, control);
    },
  };
  made.add(solver);
  return withRecipe(Object.freeze(solver), "implicitAmd", all);
}

/** The values that `implicitAmd` has made: a solver that only looks like one must not be taken for it. */
const made = new WeakSet<Solver>();

/** Is this solver a value that `implicitAmd` has made? */
export function isImplicitAmd(solver: Solver): solver is ImplicitAmd {
  return made.has(solver);
}

/** A sample on its way. */
interface Running extends Descending {
  /** Δz, the step being tried. */
  readonly step: Float64Array;
  /** M, [d, d]; only its lower triangle and diagonal are corrected and used. */
  matrix: Float64Array;
  /** The accepted steps that M has made; or the steps are explicit still, or a new one has to be made. */
  matrixAge: number | "explicit" | "due";
}

/** The steps on the general path; assembly/implicit-amd.ts has the fused ones. */
function stepRule(
  options: ImplicitAmd,
  objective: Objective,
  solution: Solution,
  first: number,
  control: Control,
): DescentRule<Running> {
  const d = objective.latentSize;
  if (!objective.gaussNewton) {
    throw new LatentflowError(
      "unsupported",
      "implicitAmd: this backend has no Gauss-Newton matrices; use wasm()",
    );
  }
  const factor = new Float64Array(d * d);
  const longest = new Float64Array(d);

  /** step = -(M + damping·I)⁻¹ g; returns the fall that the quadratic model expects, NaN without a factor. */
  function solveStep(
    matrix: Float64Array,
    gradient: Float64Array,
    damping: number,
    step: Float64Array,
  ): number {
    factor.set(matrix);
    addToDiagonal(factor, damping);
    if (!factorise(factor, d)) return Number.NaN;
    for (let k = 0; k < d; k++) step[k] = -gradient[k]!;
    solveFactorised(factor, d, step);
    return -0.5 * dot(gradient, step, d);
  }

  function addToDiagonal(matrix: Float64Array, value: number): void {
    for (let k = 0; k < d; k++) matrix[k * d + k]! += value;
  }

  function leastDamping({ matrix }: Running): number {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += matrix[k * d + k]!;
    return LEAST_DAMPING * sum;
  }

  /** Of a step that promises less than the tolerance: do longer ones too, or have they been tried? */
  function isAtRest(sample: Running): boolean {
    if (sample.trial > 0) return true;
    const most = solveStep(sample.matrix, sample.gradient, leastDamping(sample), longest);
    return most >= 0 && most < options.tolerance;
  }

  /**
   * The secant (BFGS) update: M is made to send Δz, the step just taken, to the change of the gradient that it has
   * brought. What it sent it to before is known from the step's own equation, M·Δz = -g - Δz/δt.
   */
  function learnCurvature(sample: Running, newGradient: Float64Array): void {
    const { step, gradient, matrix } = sample;
    const damping = 1 / sample.dt;
    const expected = gradient.map((g, k) => -g - damping * step[k]!);
    const change = gradient.map((g, k) => newGradient[k]! - g);
    const before = dot(step, expected, d);
    const after = dot(step, change, d);
    // Where the loss bends downwards, or by next to nothing, no positive definite matrix can say so.
    if (!(before > 0 && after > LEAST_SECANT_CURVATURE * before)) return;
    for (let i = 0; i < d; i++) {
      const ci = change[i]! / after;
      const ei = expected[i]! / before;
      for (let k = 0; k <= i; k++) matrix[i * d + k]! += ci * change[k]! - ei * expected[k]!;
    }
  }

  return {
    begin: (row) => ({
      ...{ row, gradient: new Float64Array(d), step: new Float64Array(d), matrix: new Float64Array(d * d) },
      ...{ matrixAge: "explicit", loss: Number.NaN, dt: 0, trial: -1, required: 0 },
    }),
    async prepare(samples) {
      const due = samples.filter((sample) => sample.matrixAge === "due");
      const { matricesAtOnce: atOnce = due.length } = objective;
      for (let from = 0; from < due.length && !control.aborted(); from += atOnce) {
        const chosen = due.slice(from, from + atOnce);
        const matrices = await objective.gaussNewton!(rowsOf(chosen));
        chosen.forEach((sample, i) => {
          sample.matrix = matrices.slice(i * d * d, (i + 1) * d * d);
          // Beyond doubt positive definite, however its float32 numbers were rounded.
          addToDiagonal(sample.matrix, leastDamping(sample));
          sample.matrixAge = 0;
          solution.matrixEvaluations[first + sample.row]!++;
        });
        await control.pause();
      }
    },
    propose(sample, z, into) {
      const { gradient, matrix, step } = sample;
      if (sample.trial < 0) {
        into.set(z);
        return undefined;
      }
      const expected = solveStep(matrix, gradient, 1 / sample.dt, step);
      if (!(expected >= 0)) return "shrink";
      sample.required = options.slope * expected;
      if (typeof sample.matrixAge === "number" && expected < options.tolerance && isAtRest(sample)) {
        return "converged";
      }
      for (let k = 0; k < d; k++) into[k] = z[k]! + step[k]!;
      return undefined;
    },
    between(sample, z) {
      const [matrix, gradient] = [sample.matrix.slice(), sample.gradient.slice()];
      return (time) => {
        const step = new Float64Array(d);
        solveStep(matrix, gradient, 1 / time, step);
        return step.map((value, k) => z[k]! + value);
      };
    },
    accept(sample, index) {
      solution.t[index]! += sample.dt;
      return undefined;
    },
    turn(sample, index, newGradient) {
      if (sample.trial < 0) {
        sample.dt = options.stepInit;
      } else {
        if (typeof sample.matrixAge === "number") {
          learnCurvature(sample, newGradient);
          sample.matrixAge++;
        }
        sample.dt = Math.min(sample.dt * options.increaseFactor, 1 / leastDamping(sample));
      }
      const isDue =
        sample.matrixAge === "explicit"
          ? solution.acceptedSteps[index]! >= options.explicitSteps
          : Number(sample.matrixAge) >= options.matrixSteps;
      if (isDue) sample.matrixAge = "due";
    },
  };
}
