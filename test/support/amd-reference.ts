import type { Amd, Status } from "../../src/index.ts";
import { norm } from "./reference.ts";

/** A loss and its gradient at z, and gᵀMg/gᵀg, the Gauss-Newton curvature along the gradient, where it has one. */
export interface Point {
  readonly value: number;
  readonly gradient: readonly number[];
  readonly curvatureAlong?: () => number;
}

/** How a sample's solve ended, and what it took. */
export interface AmdRun {
  readonly status: Status;
  readonly z: number[];
  readonly loss: number;
  readonly gradientNorm: number;
  readonly t: number;
  readonly acceptedSteps: number;
  readonly backtracks: number;
  readonly valueEvaluations: number;
  readonly gradientEvaluations: number;
}

/** A share that float32 does not show. */
const SHARE = 2 ** -20;

/**
 * AMD (equations 6 and 7) of one sample in float64, as it is described, for clarity alone.
 *
 * @param at the loss at a point
 * @param options those of `amd`, all of them
 */
export function referenceAmd(
  at: (z: readonly number[]) => Point,
  z0: ArrayLike<number>,
  options: Amd,
): AmdRun {
  const { t1, stepInit, stepMax, increaseFactor, decreaseFactor, slope, growFrom } = options;
  const { maxBacktracks, maxSteps, tolerance, window, settle } = options;
  let z = Array.from(z0);
  let here = at(z);
  const initialLoss = here.value;
  const accepted: { readonly dt: number; readonly loss: number }[] = [];
  let [t, step, backtracks, values, gradients] = [0, stepInit, 0, 1, 1];

  const end = (status: Status): AmdRun => ({
    status,
    z,
    t,
    backtracks,
    loss: here.value,
    gradientNorm: norm(here.gradient),
    acceptedSteps: accepted.length,
    valueEvaluations: values,
    gradientEvaluations: gradients,
  });

  /** No step lowers the loss. Is there nothing left to fall, or is something wrong? */
  function endWithoutStep(): AmdRun {
    const normSquared = norm(here.gradient) ** 2;
    const last = accepted.at(-1);
    let fall = Number.POSITIVE_INFINITY;
    if (last) {
      fall = last.dt * normSquared;
    } else if (here.curvatureAlong) {
      // z0 is evaluated once more, and a tangent.
      values += 2;
      gradients++;
      fall = normSquared / here.curvatureAlong() / 2;
    }
    const least = SHARE * Math.max(Math.abs(here.value), initialLoss - here.value);
    return end(fall < least ? "converged" : "stalled");
  }

  /** The mean of the numerical gradient of the last losses: one-sided at the ends, else central. */
  function meanSlope(): number {
    const losses = accepted.slice(-window).map(({ loss }) => loss);
    const slopes = losses.map((_, i) => {
      const [before, after] = [Math.max(i - 1, 0), Math.min(i + 1, window - 1)];
      return (losses[after]! - losses[before]!) / (after - before);
    });
    return slopes.reduce((sum, value) => sum + value, 0) / window;
  }

  if (maxSteps === 0) return end("max_steps");
  for (;;) {
    const normSquared = norm(here.gradient) ** 2;
    if (normSquared === 0) return end("converged");
    const left = t1 - t;
    let dt = step < left * (1 - SHARE) ? step : left;
    let next: number[];
    let there: Point;
    for (let tries = 0; ; tries++) {
      next = z.map((value, k) => value - dt * here.gradient[k]!);
      there = at(next);
      values++;
      if (there.value < here.value - slope * dt * normSquared) break;
      if (tries === maxBacktracks) return endWithoutStep();
      backtracks++;
      dt *= decreaseFactor;
    }
    z = next;
    here = there;
    gradients++;
    accepted.push({ dt, loss: here.value });
    const isLast = dt === left;
    t = isLast ? t1 : t + dt;
    const grown = increaseFactor * (growFrom === "trial" ? step : dt);
    step = Math.min(Math.max(grown, stepInit), stepMax);
    const isSettled = accepted.length >= window && t >= settle * t1;
    if (isSettled && Math.abs(meanSlope()) < tolerance) return end("converged");
    if (isLast) return end("reached_t1");
    if (accepted.length === maxSteps) return end("max_steps");
  }
}
