import type { OwnMethod } from "../../bench/own-method.ts";
import { type Descent, type End, gradientThere, lossAt, perSample } from "./per-sample.ts";

/** What a careful descent may spend, and the units that it measures latents in. */
export interface CarefulDescentOptions {
  /** Losses and gradients together. */
  readonly evaluations: number;
  /** Typical size of each latent, d. Default: 1 each. */
  readonly units?: Float64Array | undefined;
}

const MEMORY = 60;
/** Share of the promised fall that a step must reach, and of the slope that may be left (strong Wolfe conditions). */
const FALL = 1e-4;
const SLOPE = 0.5;
/** Length of the first step, in units of the latents, times max(1, RMS of z). */
const FIRST_STEP = 1e-3;
/** Growth of a step whose end still falls steeply: without pairs, and with. */
const GROWTH = { blind: 10, informed: 4 };
const MOST_TRIALS = 30;
/** The descent restarts without pairs after so many steps in a row that lower the loss by less than this share. */
const SMALL = { steps: 8, share: 1e-7 };
const MOST_RESTARTS = 4;

/** A point with its loss and its gradient, in units of the latents. */
interface Point {
  readonly x: Float64Array;
  readonly loss: number;
  readonly gradient: Float64Array;
}

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly product: number;
}

/**
 * Reference descent: L-BFGS without a preconditioner, strong Wolfe search, first step 1e-3, growth at most 10 between
 * trials, so that it stays in its basin. Converged only after restarts in vain.
 */
export function carefulDescent(options: CarefulDescentOptions): OwnMethod {
  return perSample((z0) => descend(z0, options));
}

function* descend(z0: Float64Array, { evaluations, units }: CarefulDescentOptions): Descent {
  const latentOf = (x: Float64Array) => (units ? x.map((value, k) => value * units[k]!) : x);
  const scaled = (g: Float64Array) => (units ? g.map((value, k) => value * units[k]!) : g);
  let spent = 1;
  let steps = 0;
  const x0 = units ? z0.map((value, k) => value / units[k]!) : z0;
  const initialLoss = yield* lossAt(z0);
  const ended = (at: Omit<Point, "gradient">, norm: number, status: End["status"]): End => {
    return { z: latentOf(at.x), loss: at.loss, initialLoss, gradientNorm: norm, steps, status };
  };
  if (!Number.isFinite(initialLoss)) return ended({ x: x0, loss: initialLoss }, Number.NaN, "nonfinite");
  let point: Point = { x: x0, loss: initialLoss, gradient: scaled(yield* gradientThere()) };
  spent++;
  const firstLength = FIRST_STEP * Math.max(1, norm(x0) / Math.sqrt(x0.length));
  let pairs: Pair[] = [];
  let length = firstLength;
  let [small, restarts] = [0, 0];
  while (spent < evaluations) {
    const size = norm(point.gradient);
    if (!Number.isFinite(size)) return ended(point, size, "nonfinite");
    if (size === 0) return ended(point, size, "converged");
    const direction = lbfgsDirection(point.gradient, pairs, length / size);
    const found = yield* search(point, direction, evaluations - spent);
    spent += found.spent;
    const { best } = found;
    if (!best) {
      if (pairs.length === 0 || restarts++ >= MOST_RESTARTS) return ended(point, size, "stalled");
      [pairs, length] = [[], firstLength / 10];
      continue;
    }
    const s = difference(best.x, point.x);
    const y = difference(best.gradient, point.gradient);
    const product = dot(s, y);
    if (product > 1e-10 * norm(s) * norm(y)) pairs = [...pairs.slice(1 - MEMORY), { s, y, product }];
    small = point.loss - best.loss < SMALL.share * Math.abs(point.loss) ? small + 1 : 0;
    length = norm(s);
    point = best;
    steps++;
    if (small < SMALL.steps) continue;
    if (restarts++ >= MOST_RESTARTS) return ended(point, norm(point.gradient), "converged");
    [pairs, small] = [[], 0];
  }
  return ended(point, norm(point.gradient), "max_steps");

  /** The lowest point found along a direction that meets the first Wolfe condition, and what the search has spent. */
  function* search(
    from: Point,
    direction: Float64Array,
    budget: number,
  ): Descent<{ readonly best: Point | undefined; readonly spent: number }> {
    const slope = dot(from.gradient, direction);
    const growth = pairs.length > 0 ? GROWTH.informed : GROWTH.blind;
    let best: Point | undefined;
    let low = { t: 0, loss: from.loss, slope };
    let high = Number.POSITIVE_INFINITY;
    let used = 0;
    let t = 1;
    for (let trial = 0; trial < MOST_TRIALS && used < budget && slope < 0; trial++) {
      const x = from.x.map((value, k) => value + t * direction[k]!);
      const loss = yield* lossAt(latentOf(x));
      used++;
      const width = t - low.t;
      // A NaN fails, too.
      if (!(loss <= from.loss + FALL * t * slope)) {
        high = t;
        const lowest = low.t - (low.slope * width ** 2) / (2 * (loss - low.loss - low.slope * width));
        const [least, most] = [low.t + 0.1 * width, low.t + 0.6 * width];
        t = Number.isFinite(lowest) ? Math.min(Math.max(lowest, least), most) : least;
      } else {
        const gradient = scaled(yield* gradientThere());
        used++;
        if (!best || loss < best.loss) best = { x, loss, gradient };
        const here = dot(gradient, direction);
        if (Math.abs(here) <= -SLOPE * slope) break;
        if (here > 0) {
          high = t;
          t = low.t + width * Math.min(Math.max(low.slope / (low.slope - here), 0.1), 0.9);
        } else {
          low = { t, loss, slope: here };
          t = Number.isFinite(high) ? (low.t + high) / 2 : t * growth;
        }
      }
      if (t < 1e-14 || t > 1e12 || high - low.t < 1e-14 * high) break;
    }
    return { best: best && best.loss < from.loss ? best : undefined, spent: used };
  }
}

/** -H g by the two-loop recursion (Nocedal & Wright, Numerical Optimization, algorithm 7.4). */
function lbfgsDirection(
  gradient: Float64Array,
  pairs: readonly Pair[],
  scaleWithoutPairs: number,
): Float64Array {
  const direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { s, y, product } of [...pairs].reverse()) {
    const share = dot(s, direction) / product;
    shares.push(share);
    addTo(direction, y, -share);
  }
  const newest = pairs.at(-1);
  const scale = newest ? newest.product / dot(newest.y, newest.y) : scaleWithoutPairs;
  for (let k = 0; k < direction.length; k++) direction[k]! *= scale;
  for (const { s, y, product } of pairs) addTo(direction, s, shares.pop()! - dot(y, direction) / product);
  return direction;
}

function addTo(sum: Float64Array, vector: Float64Array, share: number): void {
  for (let k = 0; k < sum.length; k++) sum[k]! += share * vector[k]!;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, k) => value - b[k]!);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}
