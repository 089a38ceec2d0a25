import { layerOf, rowsOf } from "./decoder";
import { denseTangent } from "./dense";
import { multiply } from "./gemm";
import { LOSS_CUSTOM, lossTangent } from "./loss";
import { packPanels } from "./panels";
import { Batch, GaussNewton, Plan } from "./plan";
import { F32x4 } from "./simd";
import { hasActivation } from "./tangent";

// Gauss-Newton matrices JᵀWJ: J the Jacobian of the outputs before their activation, W the curvature of a row's loss
// for them. W comes with any forward pass; J takes d tangents, but for the decoder's own, at z = 0, which is made once.

/** The matrix of a row at the point of its last `value`, into work.matrix. */
export function gaussNewton(plan: Plan, batch: Batch, work: GaussNewton, row: usize): void {
  const d = layerOf(plan, 0).inputSize;
  for (let first: i32 = 0; first < d; first += work.tangentsAtOnce) {
    jacobianRows(plan, batch, work, row, work.ownJacobian, first, min(work.tangentsAtOnce, d - first));
  }
  curvatures(plan, batch, work, row);
  packPanels(work.ownJacobian, d, outputSize(plan), work.jacobianStride, 4, work.panels);
  weighedProduct(plan, work, work.ownJacobian, work.panels);
}

/** The same with the decoder's own Jacobian. */
export function sharedGaussNewton(plan: Plan, batch: Batch, work: GaussNewton, row: usize): void {
  curvatures(plan, batch, work, row);
  weighedProduct(plan, work, work.jacobian, work.jacobianPanels);
}

/** gᵀMg/gᵀg of a row's matrix M and its gradient g, where both have been computed last. */
export function curvatureAlong(plan: Plan, batch: Batch, work: GaussNewton, row: usize): f64 {
  const d = layerOf(plan, 0).inputSize;
  const latents = rowsOf(batch, 0);
  const gradient = latents.gradients + row * latents.stride;
  let normSquared: f64 = 0;
  for (let k: usize = 0; k < <usize>d; k++) {
    const g: f64 = load<f32>(gradient + (k << 2));
    normSquared += g * g;
  }
  const norm = sqrt(normSquared);
  // Of length 1, so that no gradient is too small or too large for float32.
  for (let k: usize = 0; k < <usize>d; k++) {
    store<f32>(work.tangents + (k << 2), <f32>(<f64>load<f32>(gradient + (k << 2)) / norm));
  }
  const tangent = throughLayers(plan, batch, work, row, 1);
  curvatures(plan, batch, work, row);
  let sum: f64 = 0;
  for (let i: usize = 0; i < <usize>outputSize(plan); i++) {
    const change: f64 = load<f32>(tangent + (i << 2));
    sum += change * change * load<f32>(work.curvatures + (i << 2));
  }
  return sum;
}

/** Rows first … first + count - 1 of Jᵀ at the point of a row's last `value`; count ≤ work.tangentsAtOnce. */
export function jacobianRows(
  plan: Plan,
  batch: Batch,
  work: GaussNewton,
  row: usize,
  jacobian: usize,
  first: i32,
  count: i32,
): void {
  const bytes = (<usize>layerOf(plan, 0).inputSize) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const direction = work.tangents + <usize>i * work.stride;
    memory.fill(direction, 0, bytes);
    store<f32>(direction + ((<usize>(first + i)) << 2), 1);
  }
  const rows = throughLayers(plan, batch, work, row, count);
  for (let i: i32 = 0; i < count; i++) {
    const to = jacobian + <usize>(first + i) * work.jacobianStride;
    memory.copy(to, rows + <usize>i * work.stride, work.jacobianStride);
  }
}

/** Takes the first rows of work.tangents through all layers up to the last activation; returns where they are then. */
function throughLayers(plan: Plan, batch: Batch, work: GaussNewton, row: usize, count: i32): usize {
  let tangents = work.tangents;
  let next = work.otherTangents;
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const layer = layerOf(plan, l);
    const after = rowsOf(batch, l + 1);
    point(work.sources, tangents, work.stride, count);
    point(work.destinations, next, work.stride, count);
    denseTangent(layer, plan.zeros, count, work.sources, work.destinations);
    if (l + 1 < plan.layerCount && hasActivation(plan, batch, l)) {
      scaleRows(next, work.stride, count, after.slopes + row * after.stride, layer.outputSize);
    }
    const spare = tangents;
    tangents = next;
    next = spare;
  }
  return tangents;
}

/**
 * The second derivatives of a row's loss for its outputs, times the squared slope of the output activation, where
 * they are not negative. Of a loss of the caller's own, the caller has written the second derivatives.
 */
function curvatures(plan: Plan, batch: Batch, work: GaussNewton, row: usize): void {
  const last = rowsOf(batch, plan.layerCount);
  const size = outputSize(plan);
  const offset = row * last.stride;
  const end = (<usize>size) << 2;
  if (batch.loss !== LOSS_CUSTOM) {
    for (let i: usize = 0; i < end; i += 16) v128.store(work.curvatures + i, F32x4.one());
    lossTangent(
      batch.loss,
      last.outputs + offset,
      work.curvatures,
      load<usize>(batch.weights + (row << 2)),
      <f32>load<f64>(batch.scales + (row << 3)),
      work.curvatures,
      size,
    );
  }
  const slopes = hasActivation(plan, batch, plan.layerCount - 1) ? last.slopes + offset : 0;
  for (let i: usize = 0; i < end; i += 16) {
    let curvature = f32x4.pmax(f32x4.splat(0), v128.load(work.curvatures + i));
    if (slopes) {
      const slope = v128.load(slopes + i);
      curvature = f32x4.mul(curvature, f32x4.mul(slope, slope));
    }
    v128.store(work.curvatures + i, curvature);
  }
}

/**
 * work.matrix = Jᵀ diag(work.curvatures) J, the panels of it that reach the diagonal.
 *
 * @param from the rows of Jᵀ as panels; may be work.panels
 */
function weighedProduct(plan: Plan, work: GaussNewton, jacobian: usize, from: usize): void {
  const d = layerOf(plan, 0).inputSize;
  const depth = outputSize(plan);
  const panels = (d + 7) >> 3;
  const panelSize = (<usize>depth) << 5;
  let to = work.panels;
  for (let p: i32 = 0; p < panels; p++) {
    for (let k: usize = 0; k < <usize>depth; k++, from += 32, to += 32) {
      const curvature = v128.load32_splat(work.curvatures + (k << 2));
      v128.store(to, f32x4.mul(v128.load(from), curvature));
      v128.store(to, f32x4.mul(v128.load(from, 16), curvature), 16);
    }
  }
  for (let p: i32 = 0; p < panels; p++) {
    const above = p << 3;
    const column = (<usize>p) << 5;
    point(work.sources, jacobian + <usize>above * work.jacobianStride, work.jacobianStride, d - above);
    point(
      work.destinations,
      work.matrix + <usize>above * work.matrixStride + column,
      work.matrixStride,
      d - above,
    );
    const panel = work.panels + <usize>p * panelSize;
    multiply(d - above, work.sources, work.destinations, panel, plan.zeros, depth, 1);
  }
}

function scaleRows(rows: usize, stride: usize, count: i32, factors: usize, size: i32): void {
  const end = (<usize>size) << 2;
  for (let r: i32 = 0; r < count; r++, rows += stride) {
    for (let i: usize = 0; i < end; i += 16) {
      v128.store(rows + i, f32x4.mul(v128.load(rows + i), v128.load(factors + i)));
    }
  }
}

/** Pointers to `count` rows. */
function point(pointers: usize, rows: usize, stride: usize, count: i32): void {
  for (let r: i32 = 0; r < count; r++, rows += stride) store<usize>(pointers + ((<usize>r) << 2), rows);
}

function outputSize(plan: Plan): i32 {
  return layerOf(plan, plan.layerCount - 1).outputSize;
}
