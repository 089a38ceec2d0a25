import { F32x4 } from "../simd";

// Codes of the losses, as in src/kernels/layout.ts.

/** Code of the binary cross entropy of logits, a value of Workspace.loss. */
export const LOSS_BINARY_CROSS_ENTROPY: i32 = 0;
/** Code of the squared error, a value of Workspace.loss. */
export const LOSS_SQUARED_ERROR: i32 = 1;
/** Custom loss: the caller runs its functions outside the kernels, between the passes. */
export const LOSS_CUSTOM: i32 = 2;

/**
 * Bytes of a row that are summed in float32, four sums at a time, before the sums are added in float64. The line search
 * compares losses, and a sum over all elements in float32 would be the coarsest rounding of the whole forward pass.
 */
const BLOCK: usize = 16 * 16;

/**
 * Returns the sum of one row's element losses: Σ e_i, or Σ w_i·e_i. Elements of weight 0 contribute 0 whatever their output.
 *
 * @param loss LOSS_BINARY_CROSS_ENTROPY or LOSS_SQUARED_ERROR
 * @param outputs the decoder's logits (cross entropy) or outputs (squared error)
 * @param targets the data y
 * @param weights w, or 0 for none
 * @param size number of elements, n
 */
export function lossForward(loss: i32, outputs: usize, targets: usize, weights: usize, size: i32): f64 {
  if (loss === LOSS_BINARY_CROSS_ENTROPY)
    return Row.forward<BinaryCrossEntropy>(outputs, targets, weights, size);
  if (loss === LOSS_SQUARED_ERROR) return Row.forward<SquaredError>(outputs, targets, weights, size);
  return unreachable();
}

/**
 * Computes gradients = scale · w · ∂e/∂output for one row, e the element loss. Lanes behind the row's end are undefined: no
 * product reads them.
 *
 * @param weights w, or 0 for none
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
  if (loss === LOSS_BINARY_CROSS_ENTROPY) {
    Row.backward<BinaryCrossEntropy>(outputs, targets, weights, scale, gradients, size);
  } else if (loss === LOSS_SQUARED_ERROR) {
    Row.backward<SquaredError>(outputs, targets, weights, scale, gradients, size);
  } else unreachable();
}

/**
 * Computes one row's directional derivatives of `lossBackward`'s gradients along `tangents` of the outputs: scale · w ·
 * ∂²e/∂output² · tangent, e the element loss.
 *
 * @param weights w, or 0 for none
 * @param scale 1/n, 1/Σw or 1
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
  if (loss === LOSS_BINARY_CROSS_ENTROPY) {
    Row.tangent<BinaryCrossEntropy>(outputs, tangents, weights, scale, gradientTangents, size);
  } else if (loss === LOSS_SQUARED_ERROR) {
    Row.tangent<SquaredError>(outputs, tangents, weights, scale, gradientTangents, size);
  } else unreachable();
}

// Each loss is a class, and the passes take it as a type parameter: each loss gets its own loops, and a missing method is a
// compile error. AssemblyScript calls no static methods of type parameters, but methods of a null pointer.

/** Binary cross entropy from logits: e = max(o, 0) - o·y + log(1 + exp(-|o|)), o the logit and y the target. */
@unmanaged
class BinaryCrossEntropy {
  /** Returns the binary cross entropy e of 4 elements. */
  @inline
  element(output: v128, target: v128): v128 {
    return f32x4.add(this.linearPart(output, target), F32x4.logOnePlus(this.exponential(output)));
  }

  // Up to 16 elements of a lane are accumulated as a sum and a product: log Π(1 + exp(-|o|)) replaces Σ log(1 + exp(-|o|)). The
  // product is stored as product - 1, in which small factors keep their digits.

  /**
   * Returns sum + max(o, 0) - o·y for 4 elements of logit o and target y: adds the part of the cross entropy without logarithm.
   */
  @inline
  add(sum: v128, output: v128, target: v128): v128 {
    return f32x4.add(sum, this.linearPart(output, target));
  }

  /** Returns product · (1 + exp(-|o|)) for 4 elements of logit o; the product is stored less 1, before and after. */
  @inline
  multiply(product: v128, output: v128): v128 {
    const e = this.exponential(output);
    return f32x4.add(F32x4.multiplyAdd(product, e, product), e);
  }

  /**
   * Returns each lane's sum of cross entropies: `sum`, their parts without logarithm, plus log Π(1 + exp(-|o|)) over the
   * lane's logits o; `product` is Π(1 + exp(-|o|)) less 1.
   */
  @inline
  total(sum: v128, product: v128): v128 {
    return f32x4.add(sum, F32x4.logOnePlus(product));
  }

  /** Returns the factor `scale`, which the first and second derivatives of all element losses share. */
  @inline
  factor(scale: f32): f32 {
    return scale;
  }

  /** Returns scale · ∂e/∂o of 4 elements, e the cross entropy and o the logit; `factor` holds the scale in all lanes. */
  @inline
  gradient(output: v128, target: v128, factor: v128): v128 {
    return f32x4.mul(f32x4.sub(F32x4.sigmoid(output), target), factor);
  }

  /** Returns scale · ∂²e/∂o² of 4 elements, e the cross entropy and o the logit; `factor` holds the scale in all lanes. */
  @inline
  curvature(output: v128, factor: v128): v128 {
    const e = this.exponential(output);
    const reciprocal = f32x4.div(F32x4.one(), f32x4.add(F32x4.one(), e));
    return f32x4.mul(factor, f32x4.mul(e, f32x4.mul(reciprocal, reciprocal)));
  }

  @inline
  exponential(output: v128): v128 {
    return F32x4.exp(f32x4.neg(f32x4.abs(output)));
  }

  /** Returns max(o, 0) - o·y, o the logit and y the target: the part of the cross entropy that needs no logarithm. */
  @inline
  linearPart(output: v128, target: v128): v128 {
    return F32x4.negativeMultiplyAdd(output, target, f32x4.pmax(output, f32x4.splat(0)));
  }
}

/** Squared error e = (o - y)², o the decoder's output and y the target. */
@unmanaged
class SquaredError {
  @inline
  element(output: v128, target: v128): v128 {
    const error = f32x4.sub(output, target);
    return f32x4.mul(error, error);
  }

  @inline
  add(sum: v128, output: v128, target: v128): v128 {
    const error = f32x4.sub(output, target);
    return F32x4.multiplyAdd(error, error, sum);
  }

  @inline
  multiply(product: v128, _output: v128): v128 {
    return product;
  }

  @inline
  total(sum: v128, _product: v128): v128 {
    return sum;
  }

  @inline
  factor(scale: f32): f32 {
    return 2 * scale;
  }

  @inline
  gradient(output: v128, target: v128, factor: v128): v128 {
    return f32x4.mul(f32x4.sub(output, target), factor);
  }

  @inline
  curvature(_output: v128, factor: v128): v128 {
    return factor;
  }
}

/** Passes over a row of elements, compiled to separate loops for each loss L, with weights and without. */
class Row {
  @inline
  static forward<L>(outputs: usize, targets: usize, weights: usize, size: i32): f64 {
    const loss = changetype<L>(0);
    let total = f64x2.splat(0);
    const end = outputs + ((<usize>(size & ~3)) << 2);
    while (outputs < end) {
      const blockEnd = min(end, outputs + BLOCK);
      let sum = f32x4.splat(0);
      if (weights) {
        for (; outputs < blockEnd; outputs += 16, targets += 16) {
          const weight = v128.load(weights);
          weights += 16;
          const element = loss.element(v128.load(outputs), v128.load(targets));
          sum = f32x4.add(sum, Row.weigh(element, weight));
        }
      } else {
        let product = f32x4.splat(0);
        for (; outputs < blockEnd; outputs += 16, targets += 16) {
          const output = v128.load(outputs);
          sum = loss.add(sum, output, v128.load(targets));
          product = loss.multiply(product, output);
        }
        sum = loss.total(sum, product);
      }
      total = Row.addLanes(total, sum);
    }
    const rest = size & 3;
    if (rest) {
      const mask = F32x4.tailMask(rest);
      const weight = v128.and(weights ? v128.load(weights) : F32x4.one(), mask);
      const element = loss.element(v128.load(outputs), v128.load(targets));
      total = Row.addLanes(total, Row.weigh(element, weight));
    }
    return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
  }

  @inline
  static backward<L>(
    outputs: usize,
    targets: usize,
    weights: usize,
    scale: f32,
    gradients: usize,
    size: i32,
  ): void {
    const loss = changetype<L>(0);
    const factor = f32x4.splat(loss.factor(scale));
    const end = outputs + ((<usize>size) << 2);
    if (weights) {
      for (; outputs < end; outputs += 16, targets += 16, gradients += 16) {
        const weight = v128.load(weights);
        weights += 16;
        const gradient = loss.gradient(v128.load(outputs), v128.load(targets), factor);
        v128.store(gradients, Row.weigh(gradient, weight));
      }
    } else {
      for (; outputs < end; outputs += 16, targets += 16, gradients += 16) {
        v128.store(gradients, loss.gradient(v128.load(outputs), v128.load(targets), factor));
      }
    }
  }

  @inline
  static tangent<L>(
    outputs: usize,
    tangents: usize,
    weights: usize,
    scale: f32,
    gradientTangents: usize,
    size: i32,
  ): void {
    const loss = changetype<L>(0);
    const factor = f32x4.splat(loss.factor(scale));
    const end = outputs + ((<usize>size) << 2);
    for (; outputs < end; outputs += 16, tangents += 16, gradientTangents += 16) {
      let result = f32x4.mul(loss.curvature(v128.load(outputs), factor), v128.load(tangents));
      if (weights) {
        result = Row.weigh(result, v128.load(weights));
        weights += 16;
      }
      v128.store(gradientTangents, result);
    }
  }

  /** Returns weights · values, and 0 where the weight is 0 even if the value is infinite or NaN. */
  @inline
  static weigh(values: v128, weights: v128): v128 {
    return v128.and(f32x4.mul(values, weights), f32x4.gt(weights, f32x4.splat(0)));
  }

  @inline
  static addLanes(total: v128, sum: v128): v128 {
    const high = i8x16.shuffle(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    return f64x2.add(total, f64x2.add(f64x2.promote_low_f32x4(sum), f64x2.promote_low_f32x4(high)));
  }
}
