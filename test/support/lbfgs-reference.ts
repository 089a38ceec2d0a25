import { type CurvatureUse, hasMatrices } from "../../src/solver/objective.ts";
import type { Status } from "../../src/solver/status.ts";
import { dot, factorise, solveFactorised } from "./cholesky.ts";

// The rule of lbfgs for one sample, in float64 and written for clarity alone: matrices are dense, row by row.

type Vector = number[];

/** A sample's loss. Curvature is asked for where the loss has been evaluated last. */
export interface ReferenceObjective {
  value(z: Vector): number | Promise<number>;
  /** Where the loss has been evaluated last, as is the rest. */
  gradient(): Vector | Promise<Vector>;
  /** gᵀMg/gᵀg */
  alongGradient?(): number | Promise<number>;
  /** J₀ᵀWJ₀, or JᵀWJ with J of the sample's own z. */
  matrix?(kind: "shared" | "own"): ArrayLike<number> | Promise<ArrayLike<number>>;
}

export interface ReferenceOptions {
  readonly tolerance: number;
  readonly memory: number;
  readonly maxSteps: number;
  readonly slope: number;
  readonly use: CurvatureUse;
  /** The sample's loss cannot be below it. Default 0. */
  readonly lossFloor?: number;
  /** A₀ where it does not depend on the data, and what it is multiplied by for this sample. */
  readonly shared?:
    | {
        readonly matrix: ArrayLike<number>;
        readonly scale: number;
        /** τ where the matrix is a low-rank form, whose look adds 2⁻²³ d τ I in place of a share of the diagonal. */
        readonly damping?: number;
      }
    | undefined;
  /** Is told which of the rule's rarer ways a sample goes. */
  readonly note?: ((path: RarePath) => void) | undefined;
}

export const RARE_PATHS = [
  "a first step is made longer",
  "a probe of the first step falls",
  "a probe after an abrupt fall falls",
  "the longest step that fell so is returned to",
  "half of a first step is tried",
  "a long step without a pair keeps its length",
  "an A far too large is divided by its excess",
  "the gradient is asked in vain",
  "the gradient leads on, and the pairs are taken up again",
  "the gradient leads on, and so is the factor of a sum",
  "A is made at the sample's own z",
] as const;
export type RarePath = (typeof RARE_PATHS)[number];

export interface ReferenceResult {
  readonly z: Vector;
  readonly loss: number;
  readonly gradient: Vector;
  readonly status: Status;
  readonly t: number;
  readonly acceptedSteps: number;
  readonly backtracks: number;
  readonly valueEvaluations: number;
  readonly gradientEvaluations: number;
  readonly matrixEvaluations: number;
  /** Infinity unless the sample has converged by a look. */
  readonly remainingFall: number;
}

const DAMPINGS = [0.003, 0.01, 0.1, 1, 10, 100];
const NOISE = 2 ** -23;

/** H or its multiple: as a matrix, for sᵀHs, and by its factor. None stands for I. */
class Metric {
  private readonly factor: Float64Array | undefined;

  private constructor(
    private readonly d: number,
    factor?: Float64Array,
    private readonly matrix?: Float64Array,
  ) {
    this.factor = factor;
  }

  static identity(d: number): Metric {
    return new Metric(d);
  }

  /** A + added·I + share·diag(A); undefined where it is not positive definite. */
  static damped(a: ArrayLike<number>, d: number, added: number, share = 0): Metric | undefined {
    // Of A the lower triangle and the diagonal hold.
    const matrix = Float64Array.from({ length: d * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d];
      return (j > i ? a[j * d + i]! : a[at]!) + (i === j ? added + share * a[at]! : 0);
    });
    const factor = matrix.slice();
    return factorise(factor, d) ? new Metric(d, factor, matrix) : undefined;
  }

  solve(x: Vector): Vector {
    if (!this.factor) return x.slice();
    const solution = Float64Array.from(x);
    solveFactorised(this.factor, this.d, solution);
    return Array.from(solution);
  }

  /** sᵀHs */
  square(s: Vector): number {
    if (!this.matrix) return dot(s, s);
    return s.reduce(
      (sum, si, i) => sum + si * dot(this.matrix!.subarray(i * this.d, (i + 1) * this.d), s),
      0,
    );
  }
}

/** θ, the smallest decrease of the loss that counts as progress. */
export function thresholdAt(at: {
  readonly tolerance: number;
  readonly loss: number;
  readonly initialLoss: number;
  readonly lossFloor: number;
}): number {
  const excess = Math.abs(at.loss - at.lossFloor);
  const fallen = Math.max(at.initialLoss - at.loss, excess);
  return at.tolerance * Math.sqrt(fallen * Math.min(fallen, 16 * excess)) + NOISE * Math.abs(at.loss);
}

const traceMean = (a: ArrayLike<number>, d: number) =>
  Array.from({ length: d }, (_, i) => a[i * d + i]!).reduce((sum, value) => sum + value, 0) / d;

export async function referenceLbfgs(
  objective: ReferenceObjective,
  z0: ArrayLike<number>,
  options: ReferenceOptions,
): Promise<ReferenceResult> {
  const { tolerance, memory, maxSteps, slope, use, lossFloor = 0, shared, note = () => {} } = options;
  const d = z0.length;
  const counts = {
    acceptedSteps: 0,
    backtracks: 0,
    valueEvaluations: 0,
    gradientEvaluations: 0,
    matrixEvaluations: 0,
  };
  let z = Array.from(z0);
  let t = 0;
  let loss = await evaluate(z);
  const initialLoss = loss;
  let g: Vector = new Array(d).fill(Number.NaN);
  const end = (status: ReferenceResult["status"], remainingFall = Number.POSITIVE_INFINITY) => {
    return { z, loss, gradient: g, status, t, ...counts, remainingFall };
  };
  if (!Number.isFinite(loss)) return end("nonfinite");
  g = await takeGradient();
  if (maxSteps === 0) return end("max_steps");
  if (!Number.isFinite(dot(g, g))) return end("nonfinite");
  if (dot(g, g) === 0) return end("converged");

  // H, A and τ.
  let metric = Metric.identity(d);
  let inverseScale = 1 / Math.sqrt(dot(g, g));
  let a: ArrayLike<number> | undefined;
  let tau = 0;
  /** What A is multiplied by. */
  let scale = 1;
  /** λ in H = A + λτI, the last one chosen. */
  let lambda = 1;
  if (use.matrix === "own" || use.refreshesAtStart) {
    if (use.matrix === "own") counts.matrixEvaluations++;
    a = await objective.matrix!(use.matrix === "own" ? "own" : "shared");
    tau = traceMean(a, d);
    const first = Metric.damped(a, d, tau);
    if (first) [metric, inverseScale] = [first, 1];
  } else if (shared) {
    a = shared.matrix;
    scale = shared.scale;
    const mean = shared.damping ?? traceMean(a, d);
    tau = scale * mean;
    metric = Metric.damped(a, d, mean)!;
    inverseScale = 1 / scale;
  } else if (use.hasCurvature) {
    counts.valueEvaluations++;
    const along = await objective.alongGradient!();
    if (along > 0 && Number.isFinite(along)) inverseScale = 1 / along;
  }

  let pairs: { s: Vector; y: Vector }[] = [];
  let foundNonfinite = false;
  /** Phase of the look at the end, the fall that its quadratic model promises, and what it puts aside. */
  let phase = "none" as "none" | "undamped" | "along gradient";
  let promise = 0;
  let aside = pairs;
  let wasProbed = false;
  let threshold = 0;
  let [spent, isOwn, lastFall] = [0, use.matrix === "own", Number.POSITIVE_INFINITY];
  const converged = () => end("converged", 5 * (promise + (counts.acceptedSteps + 1) * threshold));
  steps: for (;;) {
    // The next direction.
    const newest = pairs.at(-1);
    const gamma = newest ? dot(newest.s, newest.y) / dot(newest.y, metric.solve(newest.y)) : inverseScale;
    let p = twoLoops(g, pairs, gamma);
    if (!(dot(g, p) < 0)) {
      pairs = [];
      p = twoLoops(g, pairs, gamma);
      if (!(dot(g, p) < 0)) return end("stalled");
    }
    const gp = dot(g, p);
    threshold = thresholdAt({ tolerance, loss, initialLoss, lossFloor });
    const isFirst = counts.acceptedSteps === 0;
    const isAlongGradient = phase === "along gradient";
    if (!isAlongGradient) promise = -gp / 2;
    const isLittle = -gp / 2 < threshold;
    if (isLittle && !isAlongGradient && !isFirst && (wasProbed || !(lastFall > 100 * threshold))) {
      if (!look()) return converged();
      continue;
    }

    // How far along it.
    const measurable = Math.max(8 * threshold, 2 ** -16 * Math.abs(loss)) / -gp;
    let dt = isAlongGradient || isLittle ? measurable : 1;
    let search: "shorten" | "lengthen" | "probe" | "half" | "return" =
      isAlongGradient || isLittle ? "probe" : isFirst ? "lengthen" : "shorten";
    let best: { readonly dt: number; readonly fall: number } | undefined;
    let trial = 0;
    let foundFinite = false;
    foundNonfinite = false;
    let [contrary, riseShare] = [0, Number.POSITIVE_INFINITY];
    let next: Vector;
    let nextLoss: number;
    for (;;) {
      next = z.map((value, k) => value + dt * p[k]!);
      nextLoss = await evaluate(next);
      const share = counts.acceptedSteps < 8 ? Math.max(slope, 0.4) : slope;
      // In float32, in which losses are returned.
      const isRepresentable = Number.isFinite(Math.fround(nextLoss));
      const isEnough = isRepresentable && nextLoss < loss + share * dt * gp;
      const fall = loss - nextLoss;
      const tryNext = (next: number) => {
        dt = next;
        trial++;
        spent++;
        counts.backtracks++;
      };
      // Half of a first step that was too long, and may still go beyond the minimum along it: is it better by 4 %?
      if (search === "half") {
        if (isEnough && fall > 1.04 * best!.fall) break;
        search = "return";
        tryNext(best!.dt);
        continue;
      }
      if (search === "lengthen" || search === "probe") {
        const linear = Math.max(share, search === "lengthen" && !best ? 0.98 : 0.9);
        if (isRepresentable && fall >= linear * dt * -gp) {
          if (search === "lengthen") note("a first step is made longer");
          else if (isFirst) note("a probe of the first step falls");
          else if (!isAlongGradient) note("a probe after an abrupt fall falls");
          best = { dt, fall };
          tryNext(dt * Math.min(30, 0.5 / Math.max(1 - fall / (dt * -gp), 1e-3)));
          continue;
        }
        if (best) {
          if (isEnough && fall > best.fall) break;
          note("the longest step that fell so is returned to");
          search = "return";
          tryNext(best.dt);
          continue;
        }
        const wasProbe = search === "probe";
        search = "shorten";
        if (wasProbe && !isEnough) {
          if (isFirst && phase === "none") {
            tryNext(1);
            trial = 0;
            continue;
          }
          spent++;
          wasProbed = true;
          if (!look()) return converged();
          continue steps;
        }
      }
      if (isEnough && search === "shorten" && isFirst && trial > 0 && fall < (dt * -gp) / 2) {
        best = { dt, fall };
        note("half of a first step is tried");
        search = "half";
        tryNext(dt / 2);
        continue;
      }
      if (isEnough) break;
      spent++;
      let shorter = 0.1 * dt;
      if (isRepresentable) {
        foundFinite = true;
        const minimum = (-gp * dt ** 2) / (2 * (nextLoss - loss - dt * gp));
        shorter = Math.max(shorter, Math.min(minimum, 0.5 * dt));
      } else {
        foundNonfinite = true;
      }
      const rise = nextLoss - loss;
      if (isRepresentable && rise > 16 * NOISE * Math.abs(loss)) {
        const share = rise / (-dt * gp);
        contrary = share > 0.75 * riseShare ? contrary + 1 : 0;
        riseShare = share;
      }
      if (
        (phase !== "none" || !foundNonfinite) &&
        (-(contrary > 1 && !hasFallen() ? 1 : shorter) * gp) / 2 < threshold
      ) {
        if (!look()) return converged();
        continue steps;
      }
      if (shorter < 1e-12) {
        if (phase !== "none") return converged();
        if (!foundFinite) return end("nonfinite");
        return -gp / 2 < leastFall() ? converged() : end("stalled");
      }
      dt = shorter;
      trial++;
      counts.backtracks++;
    }
    counts.acceptedSteps++;
    const lastStep = dt;
    lastFall = loss - nextLoss;
    wasProbed = false;
    [z, loss, t] = [next, nextLoss, t + Math.min(dt, 1)];
    const before = g;
    g = await takeGradient();
    spent += 2;
    if (counts.acceptedSteps >= maxSteps) return end("max_steps");
    if (!Number.isFinite(dot(g, g))) return end("nonfinite");
    if (dot(g, g) === 0) return end("converged");

    // What the step has shown.
    const s = p.map((value) => dt * value);
    const y = g.map((value, k) => value - before[k]!);
    if (dot(s, y) > 1e-8 * Math.sqrt(dot(s, s) * dot(y, y))) pairs = [...pairs, { s, y }].slice(-memory);
    if (pairs.length === 0 && lastStep > 1) {
      note("a long step without a pair keeps its length");
      inverseScale *= lastStep;
    }
    const isShort = !hasFallen() && lastStep < 1e-3;
    if (lastFall >= threshold) {
      if (phase === "along gradient") {
        if (aside.length > 0) note("the gradient leads on, and the pairs are taken up again");
        if (a && scale !== 1) note("the gradient leads on, and so is the factor of a sum");
        pairs = [...aside, ...pairs].slice(-memory);
        const chosen = a && Metric.damped(a, d, (lambda * tau) / scale);
        if (chosen) [metric, inverseScale] = [chosen, 1 / scale];
      }
      phase = "none";
    } else if (!foundNonfinite && !isShort) {
      if (!look()) return converged();
      continue;
    }
    const k = counts.acceptedSteps;
    if (hasMatrices(use) && spent >= Math.max(2 * d, 64)) {
      note("A is made at the sample's own z");
      a = await objective.matrix!("own");
      counts.matrixEvaluations++;
      [scale, tau] = [1, traceMean(a, d)];
      const first = pairs.length === 0 ? Metric.damped(a, d, tau) : undefined;
      if (pairs.length === 0) lambda = 1;
      if (first) [metric, inverseScale] = [first, 1];
      pick();
      [pairs, spent, isOwn] = [[], 0, true];
    } else if (!isOwn && Math.log2(k) % 1 === 0) {
      if (k <= use.lastRefresh) {
        a = await objective.matrix!("shared");
        scale = 1;
      }
      pick();
    }
  }

  function leastFall(): number {
    return 2 ** -20 * Math.max(Math.abs(loss), initialLoss - loss);
  }

  function hasFallen(): boolean {
    return initialLoss - loss > NOISE * Math.abs(initialLoss);
  }

  /** Looks whether z is at rest: by H without damping, then along the gradient. False where both have been asked. */
  function look(): boolean {
    if (phase === "none") {
      aside = pairs;
      const isLowRank = shared?.damping !== undefined;
      const undamped =
        a &&
        (isLowRank
          ? Metric.damped(a, d, (NOISE * d * tau) / scale)
          : Metric.damped(a, d, (NOISE ** 2 * d * tau) / scale, NOISE * d));
      if (a && undamped) {
        const matrix = Metric.damped(a, d, 0) ?? undamped;
        const excess = Math.max(
          0,
          ...pairs.slice(-5).map(({ s, y }) => (scale * matrix.square(s)) / dot(s, y)),
        );
        if (excess > 100) note("an A far too large is divided by its excess");
        [metric, inverseScale] = [undamped, (excess > 100 ? excess : 1) / scale];
      } else {
        if (pairs.length === 0) return false;
        metric = Metric.identity(d);
        inverseScale = Math.max(...pairs.map(({ s, y }) => dot(s, s) / dot(s, y)));
      }
      phase = "undamped";
    } else if (phase === "undamped" && promise >= 5 * threshold) {
      phase = "along gradient";
      aside = [...aside, ...pairs].slice(-memory);
      metric = Metric.identity(d);
      inverseScale = 1 / Math.sqrt(dot(g, g));
    } else {
      if (phase === "along gradient") note("the gradient is asked in vain");
      return false;
    }
    pairs = [];
    return true;
  }

  /** Takes of the A + λτI the one that fits the newest five pairs best. */
  function pick(): void {
    if (!a) return;
    let best = Number.NEGATIVE_INFINITY;
    for (const each of DAMPINGS) {
      const candidate = Metric.damped(a, d, (each * tau) / scale);
      if (!candidate || pairs.length === 0) continue;
      const fit = pairs
        .slice(-5)
        .reduce(
          (sum, { s, y }) =>
            sum +
            2 * Math.log(dot(s, y)) -
            Math.log(dot(y, candidate.solve(y))) -
            Math.log(candidate.square(s)),
          0,
        );
      if (!(fit > best)) continue;
      best = fit;
      metric = candidate;
      inverseScale = 1 / scale;
      lambda = each;
    }
  }

  /** -H⁻¹g by algorithm 7.4 of Nocedal & Wright. */
  function twoLoops(gradient: Vector, known: typeof pairs, gamma: number): Vector {
    let q = gradient.map((value) => -value);
    const shares: number[] = [];
    for (const { s, y } of [...known].reverse()) {
      const share = dot(s, q) / dot(s, y);
      shares.push(share);
      q = q.map((value, k) => value - share * y[k]!);
    }
    q = metric.solve(q).map((value) => gamma * value);
    for (const { s, y } of known) {
      const factor = shares.pop()! - dot(y, q) / dot(s, y);
      q = q.map((value, k) => value + factor * s[k]!);
    }
    return q;
  }

  async function evaluate(point: Vector): Promise<number> {
    counts.valueEvaluations++;
    return objective.value(point);
  }

  async function takeGradient(): Promise<Vector> {
    counts.gradientEvaluations++;
    return objective.gradient();
  }
}
