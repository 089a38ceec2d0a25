import type { Complete } from "../base/check.ts";
import { power } from "../base/elementary-functions.ts";
import type { DormandPrinceOptions } from "./dormand-prince.ts";
import type { StepControl, TriedStep } from "./integrate.ts";

// Step lengths of `dormandPrince`, apart from its options: loaded with the solvers in JavaScript.

/** Safety factor of the step-size rule, as in SciPy's RK45. */
const SAFETY = 0.9;
/** Maximum factor by which a step may be longer than the one before, as in SciPy's RK45. */
const LARGEST_GROWTH = 10;
/** Minimum factor by which a rejected step is multiplied, as in SciPy's RK45. */
const LARGEST_SHRINKING = 0.2;
/** Order of the error estimate: the error of a step is proportional to its length to the power of 5. */
const ERROR_ORDER = 5;

/** Makes the adaptive step-size control of `dormandPrince` for an objective of `sampleCount` samples. */
export function adaptiveSteps(options: Complete<DormandPrinceOptions>, sampleCount: number): StepControl {
  const { t1, maxSteps } = options;
  const lengths = new Float64Array(sampleCount).fill(options.stepInit);
  const wasShortened = new Uint8Array(sampleCount);
  // Near t1, float64 does not resolve shorter steps.
  const shortest = Number.EPSILON * t1;
  return {
    t1,
    maxSteps,
    needsError: true,
    end: (row, t) => Math.min(t + lengths[row]!, t1),
    judge(step) {
      const { row, length, allFinite } = step;
      const norm = allFinite ? errorNorm(options, step) : Infinity;
      const factor = SAFETY * power(norm, -1 / ERROR_ORDER);
      if (norm <= 1) {
        lengths[row] = length * Math.min(factor, wasShortened[row] ? 1 : LARGEST_GROWTH);
        wasShortened[row] = 0;
        return "accept";
      }
      lengths[row] = length * Math.max(factor, LARGEST_SHRINKING);
      wasShortened[row] = 1;
      if (lengths[row]! >= shortest) return "shorten";
      return allFinite ? "stalled" : "nonfinite";
    },
  };
}

function errorNorm({ rtol, atol }: Complete<DormandPrinceOptions>, step: TriedStep): number {
  const { state, next, error } = step;
  let sum = 0;
  for (let k = 0; k < error.length; k++) {
    const scale = atol + rtol * Math.max(Math.abs(state[k]!), Math.abs(next[k]!));
    sum += (error[k]! / scale) ** 2;
  }
  // NaN if the error estimate itself overflows.
  return Number.isNaN(sum) ? Infinity : Math.sqrt(sum / error.length);
}
