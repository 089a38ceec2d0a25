import { layerOf, rowAt, rowsOf } from "./decoder";
import { multiply } from "./gemm";
import { Batch, Layer, LayerGradient, LayerRows, ParameterGradient, Plan } from "./plan";
import { F32x4 } from "./simd";

/**
 * Adds ∂_θ l of the first `count` rows of batch.rows, in their order, at the points of their last value and
 * gradient pass: for each layer, gradients ⊗ inputs.
 */
export function addParameterGradient(plan: Plan, batch: Batch, sums: ParameterGradient, count: i32): void {
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    const layer = layerOf(plan, l);
    const into = gradientOf(sums, l);
    addOuterProducts(
      layer,
      into.weight,
      sums,
      batch.rows,
      count,
      after,
      after.gradients,
      before,
      before.outputs,
    );
    addRows(into.bias, after.gradients, after.stride, batch.rows, count, layer.outputSize);
  }
}

/**
 * Adds the mixed term ∂_θ(vᵀ∇_z l) of the rows, after a tangent pass in the directions v: for each layer,
 * gradient tangents ⊗ inputs + gradients ⊗ input tangents.
 */
export function addMixedGradient(plan: Plan, batch: Batch, sums: ParameterGradient, count: i32): void {
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    const layer = layerOf(plan, l);
    const into = gradientOf(sums, l);
    const rows = batch.rows;
    addOuterProducts(
      layer,
      into.weight,
      sums,
      rows,
      count,
      after,
      after.gradientTangents,
      before,
      before.outputs,
    );
    addOuterProducts(layer, into.weight, sums, rows, count, after, after.gradients, before, before.tangents);
    addRows(into.bias, after.gradientTangents, after.stride, rows, count, layer.outputSize);
  }
}

/** weight[o][i] += Σ_row left[row][o] · right[row][i], rows in their order. */
function addOuterProducts(
  layer: Layer,
  weight: usize,
  sums: ParameterGradient,
  rows: usize,
  count: i32,
  after: LayerRows,
  left: usize,
  before: LayerRows,
  right: usize,
): void {
  const panels = (layer.inputSize + 7) >> 3;
  const depth = (<usize>count) << 2;
  const weightStride = (<usize>panels) << 5;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(rows, i);
    const gradients = left + row * after.stride;
    for (let o: usize = 0; o < <usize>layer.outputSize; o++) {
      store<f32>(sums.columns + o * depth + ((<usize>i) << 2), load<f32>(gradients + (o << 2)));
    }
    packRow(right + row * before.stride, layer.inputSize, sums.panels + ((<usize>i) << 5), depth << 3);
  }
  for (let o: usize = 0; o < <usize>layer.outputSize; o++) {
    store<usize>(sums.sources + (o << 2), sums.columns + o * depth);
    store<usize>(sums.destinations + (o << 2), weight + o * weightStride);
  }
  multiply(layer.outputSize, sums.sources, sums.destinations, sums.panels, 0, count, panels);
}

/** A row's place in panels that are `panelSize` bytes each, zeros behind its end. */
function packRow(row: usize, size: i32, panels: usize, panelSize: usize): void {
  for (let left = size; left > 0; left -= 8, row += 32, panels += panelSize) {
    let low = v128.load(row);
    let high = v128.load(row, 16);
    if (left < 4) low = v128.and(low, F32x4.tailMask(left));
    if (left < 8) high = v128.and(high, F32x4.tailMask(left - 4));
    v128.store(panels, low);
    v128.store(panels, high, 16);
  }
}

/** sum += each row, in their order. What lies behind a row's end must not reach the sum's padding. */
function addRows(sum: usize, block: usize, stride: usize, rows: usize, count: i32, size: i32): void {
  const whole = (<usize>(size & ~3)) << 2;
  const rest = size & 3;
  for (let i: i32 = 0; i < count; i++) {
    const row = block + rowAt(rows, i) * stride;
    for (let k: usize = 0; k < whole; k += 16) {
      v128.store(sum + k, f32x4.add(v128.load(sum + k), v128.load(row + k)));
    }
    if (rest) {
      const last = v128.and(v128.load(row + whole), F32x4.tailMask(rest));
      v128.store(sum + whole, f32x4.add(v128.load(sum + whole), last));
    }
  }
}

function gradientOf(sums: ParameterGradient, layer: i32): LayerGradient {
  return changetype<LayerGradient>(sums.layers + <usize>layer * offsetof<LayerGradient>());
}
