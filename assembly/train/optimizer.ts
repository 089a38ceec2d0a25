import { F32x4 } from "../simd";

/**
 * Optimizer updates: one flat loop each over a block of parameters, its gradient and the optimizer's state, float32 arrays of
 * the same layout and of a multiple of 4 floats. The update rules are PyTorch's; the caller computes the constants.
 */

/**
 * Updates parameters θ by RMSprop with decay rate α of v: v ← α·v + (1 - α)·g², θ ← θ - learningRate · g / (√v + ε), with v in
 * `squares` and g in `gradients`; `size` floats each.
 */
export function rmsprop(
  parameters: usize,
  gradients: usize,
  squares: usize,
  size: i32,
  learningRate: f32,
  alpha: f32,
  oneMinusAlpha: f32,
  epsilon: f32,
): void {
  const rate = f32x4.splat(learningRate);
  const keep = f32x4.splat(alpha);
  const take = f32x4.splat(oneMinusAlpha);
  const offset = f32x4.splat(epsilon);
  const end = parameters + ((<usize>size) << 2);
  for (; parameters < end; parameters += 16, gradients += 16, squares += 16) {
    const g = v128.load(gradients);
    const v = f32x4.add(f32x4.mul(keep, v128.load(squares)), f32x4.mul(take, f32x4.mul(g, g)));
    v128.store(squares, v);
    const update = f32x4.div(f32x4.mul(rate, g), f32x4.add(f32x4.sqrt(v), offset));
    v128.store(parameters, f32x4.sub(v128.load(parameters), update));
  }
}

/**
 * Updates parameters θ by Adam: m ← β₁·m + (1 - β₁)·g, v ← β₂·v + (1 - β₂)·g², θ ← decay · θ - stepSize · m / (√v /
 * rootCorrection + ε), with m in `means`, v in `squares` and g in `gradients`; `size` floats each.
 *
 * @param stepSize learningRate / (1 - β₁^t)
 * @param rootCorrection √(1 - β₂^t)
 * @param decay 1 - learningRate · weightDecay, the decoupled weight decay
 */
export function adam(
  parameters: usize,
  gradients: usize,
  means: usize,
  squares: usize,
  size: i32,
  stepSize: f32,
  rootCorrection: f32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  epsilon: f32,
  decay: f32,
): void {
  const rate = f32x4.splat(stepSize);
  const root = f32x4.splat(rootCorrection);
  const offset = f32x4.splat(epsilon);
  const kept = f32x4.splat(decay);
  const end = parameters + ((<usize>size) << 2);
  for (; parameters < end; parameters += 16, gradients += 16, means += 16, squares += 16) {
    const g = v128.load(gradients);
    const m = f32x4.add(
      f32x4.mul(f32x4.splat(beta1), v128.load(means)),
      f32x4.mul(f32x4.splat(oneMinusBeta1), g),
    );
    const v = f32x4.add(
      f32x4.mul(f32x4.splat(beta2), v128.load(squares)),
      f32x4.mul(f32x4.splat(oneMinusBeta2), f32x4.mul(g, g)),
    );
    v128.store(means, m);
    v128.store(squares, v);
    const divisor = f32x4.add(f32x4.div(f32x4.sqrt(v), root), offset);
    const update = f32x4.div(f32x4.mul(rate, m), divisor);
    v128.store(parameters, f32x4.sub(f32x4.mul(kept, v128.load(parameters)), update));
  }
}

/**
 * Updates parameters θ by gradient descent with momentum: u ← momentum·u + g, θ ← θ - learningRate·u, with u in `velocities`
 * and g in `gradients`; `size` floats each.
 */
export function sgd(
  parameters: usize,
  gradients: usize,
  velocities: usize,
  size: i32,
  learningRate: f32,
  momentum: f32,
): void {
  const rate = f32x4.splat(learningRate);
  const keep = f32x4.splat(momentum);
  const end = parameters + ((<usize>size) << 2);
  for (; parameters < end; parameters += 16, gradients += 16, velocities += 16) {
    const m = F32x4.multiplyAdd(keep, v128.load(velocities), v128.load(gradients));
    v128.store(velocities, m);
    v128.store(parameters, F32x4.negativeMultiplyAdd(rate, m, v128.load(parameters)));
  }
}

/** Returns Σ values² over `size` floats, summed in float64. */
export function sumOfSquares(values: usize, size: i32): f64 {
  let total = f64x2.splat(0);
  const end = values + ((<usize>size) << 2);
  for (; values < end; values += 16) {
    const x = v128.load(values);
    const low = f64x2.promote_low_f32x4(x);
    const high = f64x2.promote_low_f32x4(
      i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
    );
    total = f64x2.add(total, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

/** Computes values ← factor · values, in place, for `size` floats. */
export function scale(values: usize, size: i32, factor: f32): void {
  const all = f32x4.splat(factor);
  const end = values + ((<usize>size) << 2);
  for (; values < end; values += 16) v128.store(values, f32x4.mul(all, v128.load(values)));
}
