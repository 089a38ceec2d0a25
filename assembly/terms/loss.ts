import { F32x4 } from "../simd";

/** The losses. The numbers are those of src/backend/wasm/layout.ts. */
export const LOSS_CROSS_ENTROPY: i32 = 0;
export const LOSS_SQUARED_ERROR: i32 = 1;
/** The caller's own functions, run outside between the passes. */
export const LOSS_CUSTOM: i32 = 2;

/** Is the output activation a part of the loss, which then is computed of the logits? */
export function takesLogits(loss: i32): bool {
  return loss === LOSS_CROSS_ENTROPY;
}

/**
 * Sums are taken in float32 over this many vectors of 4, then in float64: the line search compares losses,
 * and the sum over all elements in float32 would be the coarsest step of the whole forward pass.
 */
const BLOCK: usize = 16 * 16;

/**
 * The sum of one row's element losses: Σ e_i, or Σ w_i·e_i. Elements of weight 0 have no influence, whatever
 * their output.
 *
 * @param loss a constant above
 * @param outputs the decoder's logits (cross entropy) or outputs (squared error)
 * @param targets y
 * @param weights w, or 0 for none
 * @param size elements, n
 */
export function lossForward(loss: i32, outputs: usize, targets: usize, weights: usize, size: i32): f64 {
  if (loss === LOSS_CROSS_ENTROPY) {
    return weights
      ? Loss.forwardRow(LOSS_CROSS_ENTROPY, true, outputs, targets, weights, size)
      : Loss.forwardRow(LOSS_CROSS_ENTROPY, false, outputs, targets, weights, size);
  }
  if (loss !== LOSS_SQUARED_ERROR) unreachable();
  return weights
    ? Loss.forwardRow(LOSS_SQUARED_ERROR, true, outputs, targets, weights, size)
    : Loss.forwardRow(LOSS_SQUARED_ERROR, false, outputs, targets, weights, size);
}

/**
 * gradients = scale · w · ∂e/∂output for one row. Lanes behind the row's end are left with anything finite or
 * not: no product reads them.
 *
 * @param scale 1/n, 1/Σw or 1
 */
export function lossBackward(
  loss: i32,
  outputs: usize,
  targets: usize,
  weights: usize,
  scale: f32,
  gradients: usize,
  size: i32,
): void {
  if (loss === LOSS_CROSS_ENTROPY) {
    if (weights)
      Loss.backwardRow(LOSS_CROSS_ENTROPY, true, outputs, targets, weights, scale, gradients, size);
    else Loss.backwardRow(LOSS_CROSS_ENTROPY, false, outputs, targets, weights, scale, gradients, size);
  } else if (loss === LOSS_SQUARED_ERROR) {
    if (weights)
      Loss.backwardRow(LOSS_SQUARED_ERROR, true, outputs, targets, weights, scale, gradients, size);
    else Loss.backwardRow(LOSS_SQUARED_ERROR, false, outputs, targets, weights, scale, gradients, size);
  } else unreachable();
}

/**
 * The derivative of `lossBackward`'s gradients in the direction `tangents` of the outputs, for one row:
 * scale · w · l''(output) · tangent. `weights` is 0 where there are none.
 */
export function lossTangent(
  loss: i32,
  outputs: usize,
  tangents: usize,
  weights: usize,
  scale: f32,
  gradientTangents: usize,
  size: i32,
): void {
  if (loss !== LOSS_CROSS_ENTROPY && loss !== LOSS_SQUARED_ERROR) unreachable();
  const factor = f32x4.splat(loss === LOSS_CROSS_ENTROPY ? scale : 2 * scale);
  const end = outputs + ((<usize>size) << 2);
  for (; outputs < end; outputs += 16, tangents += 16, gradientTangents += 16) {
    let curvature = factor;
    if (loss === LOSS_CROSS_ENTROPY) {
      const e = F32x4.exp(f32x4.neg(f32x4.abs(v128.load(outputs))));
      const reciprocal = f32x4.div(F32x4.one(), f32x4.add(F32x4.one(), e));
      curvature = f32x4.mul(factor, f32x4.mul(e, f32x4.mul(reciprocal, reciprocal)));
    }
    let result = f32x4.mul(curvature, v128.load(tangents));
    if (weights) {
      const weight = v128.load(weights);
      weights += 16;
      result = v128.and(f32x4.mul(result, weight), f32x4.gt(weight, f32x4.splat(0)));
    }
    v128.store(gradientTangents, result);
  }
}

/** Inlined with a constant loss and `weighted`, so that each combination becomes a loop of its own. */
class Loss {
  @inline
  static forwardRow(
    loss: i32,
    weighted: bool,
    outputs: usize,
    targets: usize,
    weights: usize,
    size: i32,
  ): f64 {
    let total = f64x2.splat(0);
    const end = outputs + ((<usize>(size & ~3)) << 2);
    while (outputs < end) {
      const blockEnd = min(end, outputs + BLOCK);
      let sum = f32x4.splat(0);
      let product = f32x4.splat(0);
      for (; outputs < blockEnd; outputs += 16, targets += 16) {
        const output = v128.load(outputs);
        const target = v128.load(targets);
        if (weighted) {
          const weight = v128.load(weights);
          weights += 16;
          sum = f32x4.add(sum, Loss.weightedElement(loss, output, target, weight));
        } else if (loss === LOSS_CROSS_ENTROPY) {
          // log Π(1 + e) instead of Σ log(1 + e), at most 16 factors of at most 2 in a lane. Kept as
          // product - 1, in which small e keep their digits.
          const e = F32x4.exp(f32x4.neg(f32x4.abs(output)));
          sum = f32x4.add(sum, Loss.linearPart(output, target));
          product = f32x4.add(F32x4.multiplyAdd(product, e, product), e);
        } else {
          const error = f32x4.sub(output, target);
          sum = F32x4.multiplyAdd(error, error, sum);
        }
      }
      if (!weighted && loss === LOSS_CROSS_ENTROPY) sum = f32x4.add(sum, F32x4.logOnePlus(product));
      total = Loss.addLanes(total, sum);
    }
    const rest = size & 3;
    if (rest) {
      const mask = F32x4.tailMask(rest);
      const weight = weighted ? v128.and(v128.load(weights), mask) : v128.and(f32x4.splat(1), mask);
      total = Loss.addLanes(
        total,
        Loss.weightedElement(loss, v128.load(outputs), v128.load(targets), weight),
      );
    }
    return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
  }

  @inline
  static backwardRow(
    loss: i32,
    weighted: bool,
    outputs: usize,
    targets: usize,
    weights: usize,
    scale: f32,
    gradients: usize,
    size: i32,
  ): void {
    const factor = f32x4.splat(loss === LOSS_CROSS_ENTROPY ? scale : 2 * scale);
    const end = outputs + ((<usize>size) << 2);
    for (; outputs < end; outputs += 16, targets += 16, gradients += 16) {
      const output = v128.load(outputs);
      const value = loss === LOSS_CROSS_ENTROPY ? F32x4.sigmoid(output) : output;
      let gradient = f32x4.mul(f32x4.sub(value, v128.load(targets)), factor);
      if (weighted) {
        const weight = v128.load(weights);
        weights += 16;
        gradient = v128.and(f32x4.mul(gradient, weight), f32x4.gt(weight, f32x4.splat(0)));
      }
      v128.store(gradients, gradient);
    }
  }

  /** w·e, and 0 where w = 0 even if e is infinite or NaN. */
  @inline
  static weightedElement(loss: i32, output: v128, target: v128, weight: v128): v128 {
    let element: v128;
    if (loss === LOSS_CROSS_ENTROPY) {
      const e = F32x4.exp(f32x4.neg(f32x4.abs(output)));
      element = f32x4.add(Loss.linearPart(output, target), F32x4.logOnePlus(e));
    } else {
      const error = f32x4.sub(output, target);
      element = f32x4.mul(error, error);
    }
    return v128.and(f32x4.mul(element, weight), f32x4.gt(weight, f32x4.splat(0)));
  }

  /** max(o, 0) - o·y, the part of the cross entropy that needs no logarithm. */
  @inline
  static linearPart(output: v128, target: v128): v128 {
    return F32x4.negativeMultiplyAdd(output, target, f32x4.pmax(output, f32x4.splat(0)));
  }

  @inline
  static addLanes(total: v128, sum: v128): v128 {
    const high = i8x16.shuffle(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    return f64x2.add(total, f64x2.add(f64x2.promote_low_f32x4(sum), f64x2.promote_low_f32x4(high)));
  }
}
