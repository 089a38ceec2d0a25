import { layerOf, rowsOf } from "./decoder";
import { denseTangent } from "./dense";
import { multiply } from "./gemm";
import { LOSS_CUSTOM, lossTangent } from "./loss";
import { packPanels } from "./panels";
import { Batch, GaussNewton, Plan } from "./plan";
import { F32x4 } from "./simd";
import { hasActivation } from "./tangent";

/**
 * The Gauss-Newton matrix JᵀWJ of one row's loss at the point of its last `value`, into work.matrix: J = ∂D/∂z by
 * d tangents side by side, W the loss's second derivatives for the outputs. Of a loss of the caller's own, the
 * caller has written them into work.factors.
 *
 * It is made as TᵀT of T = √W·J, so that it is symmetric to the bit.
 */
export function gaussNewton(plan: Plan, batch: Batch, work: GaussNewton, row: usize): void {
  const last = plan.layerCount - 1;
  const d = layerOf(plan, 0).inputSize;
  let block = work.identity;
  let stride = work.matrixStride;
  let next = work.tangents;
  let spare = work.otherTangents;
  for (let l: i32 = 0; l < last; l++) {
    const layer = layerOf(plan, l);
    const after = rowsOf(batch, l + 1);
    point(work.sources, block, stride, d);
    point(work.destinations, next, work.stride, d);
    denseTangent(layer, plan.zeros, d, work.sources, work.destinations);
    if (hasActivation(plan, batch, l)) {
      scaleRows(next, work.stride, d, after.slopes + row * after.stride, layer.outputSize);
    }
    block = next;
    stride = work.stride;
    next = spare;
    spare = block;
  }
  rootCurvatures(plan, batch, work, row);
  point(work.sources, block, stride, d);
  point(work.destinations, next, work.stride, d);
  const depth = curvedOutputs(plan, work, d);
  if (depth === 0) {
    memory.fill(work.matrix, 0, <usize>d * work.matrixStride);
    return;
  }
  scaleRows(next, work.stride, d, work.factors, depth);
  packPanels(next, d, depth, work.stride, 4, work.panels);
  point(work.sources, next, work.stride, d);
  point(work.destinations, work.matrix, work.matrixStride, d);
  multiply(d, work.sources, work.destinations, work.panels, plan.zeros, depth, (d + 7) >> 3);
}

/** work.factors = √(second derivative of the loss) · slope of the output activation, 0 behind the row's end. */
function rootCurvatures(plan: Plan, batch: Batch, work: GaussNewton, row: usize): void {
  const last = rowsOf(batch, plan.layerCount);
  const size = layerOf(plan, plan.layerCount - 1).outputSize;
  const offset = row * last.stride;
  const end = (<usize>size) << 2;
  if (batch.loss !== LOSS_CUSTOM) {
    for (let i: usize = 0; i < end; i += 16) v128.store(work.factors + i, F32x4.one());
    lossTangent(
      batch.loss,
      last.outputs + offset,
      work.factors,
      load<usize>(batch.weights + (row << 2)),
      <f32>load<f64>(batch.scales + (row << 3)),
      work.factors,
      size,
    );
  }
  const slopes = hasActivation(plan, batch, plan.layerCount - 1) ? last.slopes + offset : 0;
  for (let i: usize = 0; i < last.stride; i += 16) {
    let factor = f32x4.sqrt(f32x4.pmax(f32x4.splat(0), v128.load(work.factors + i)));
    if (slopes) factor = f32x4.mul(factor, v128.load(slopes + i));
    const left = size - <i32>(i >> 2);
    if (left < 4) factor = left > 0 ? v128.and(factor, F32x4.tailMask(left)) : f32x4.splat(0);
    v128.store(work.factors + i, factor);
  }
}

/**
 * The last layer's tangents at the outputs where the loss is curved, panel by panel side by side, with their
 * factors; returns how many outputs that are. The others (of an image under cross entropy, its background) have
 * next to no part in the matrix, but would take as long.
 */
function curvedOutputs(plan: Plan, work: GaussNewton, d: i32): i32 {
  const layer = layerOf(plan, plan.layerCount - 1);
  const panelSize = (<usize>layer.inputSize) << 5;
  const panels = (layer.outputSize + 7) >> 3;
  let total: f32 = 0;
  for (let p: i32 = 0; p < panels; p++) total += panelSum(work.factors + ((<usize>p) << 5));
  const least = (work.leastPanelCurvature * total) / <f32>panels;
  let kept: i32 = 0;
  for (let p: i32 = 0; p < panels; p++) {
    const factors = work.factors + ((<usize>p) << 5);
    if (!(panelSum(factors) > least)) continue;
    const panel = layer.panels + <usize>p * panelSize;
    multiply(d, work.sources, work.destinations, panel, plan.zeros, layer.inputSize, 1);
    memory.copy(work.factors + ((<usize>kept) << 5), factors, 32);
    for (let k: usize = 0; k < <usize>d; k++) {
      const pointer = work.destinations + (k << 2);
      store<usize>(pointer, load<usize>(pointer) + 32);
    }
    kept++;
  }
  return kept << 3;
}

/** The squares of a panel's factors, added up. */
function panelSum(factors: usize): f32 {
  const low = v128.load(factors);
  const high = v128.load(factors, 16);
  const sum = f32x4.add(f32x4.mul(low, low), f32x4.mul(high, high));
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
  );
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
