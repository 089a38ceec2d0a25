import { Graph, SoftmaxOperation } from "../memory/graph";
import { GaussNewton, rowAt, SoftmaxRows, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import { F32x4 } from "../simd";
import { addScaled, dot } from "./rows";

// Softmax, y = exp(x) / Σ exp(x), along the last axis.

/**
 * Computes y = exp(x) / Σ exp(x) over the channels of each pixel, for `count` rows, and stores a copy of y in the SoftmaxRows
 * at `kept`.
 */
export function forwardSoftmax(
  softmax: SoftmaxOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, softmax.input);
  const after = valueRows(workspace, softmax.output);
  const rows = changetype<SoftmaxRows>(kept);
  const step = (<usize>softmax.channels) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    for (let pixel: usize = 0; pixel < <usize>softmax.pixels; pixel++) {
      const at = offset + pixel * step;
      exponentials(before.values + at, after.values + at, softmax.channels);
    }
    memory.copy(rows.outputs + offset, after.values + offset, step * <usize>softmax.pixels);
  }
}

/** Computes softmax's input gradient for `count` rows: g_x = y·(g - Σ y·g), the sum along the last axis. */
export function backwardSoftmax(
  softmax: SoftmaxOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, softmax.input);
  const after = valueRows(workspace, softmax.output);
  const rows = changetype<SoftmaxRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    slopes(softmax, rows.outputs + offset, after.gradients + offset, before.gradients + offset);
  }
}

/** Computes softmax's tangents for `count` rows: ẏ = y·(ẋ - Σ y·ẋ), the sum along the last axis. */
export function tangentSoftmax(
  softmax: SoftmaxOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, softmax.input);
  const after = valueRows(workspace, softmax.output);
  const rows = changetype<SoftmaxRows>(kept);
  const bytes = (<usize>(softmax.channels * softmax.pixels)) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    slopes(softmax, rows.outputs + offset, before.tangents + offset, after.tangents + offset);
    memory.copy(rows.outputTangents + offset, after.tangents + offset, bytes);
  }
}

/**
 * Computes the tangent of softmax's input gradient for `count` rows: ġ_x = ẏ·(g - Σ y·g) + y·(ġ - Σ ẏ·g - Σ y·ġ), sums along
 * the last axis.
 */
export function tangentBackwardSoftmax(
  softmax: SoftmaxOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, softmax.input);
  const after = valueRows(workspace, softmax.output);
  const rows = changetype<SoftmaxRows>(kept);
  const channels = softmax.channels;
  const end = (<usize>channels) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    for (let pixel: usize = 0; pixel < <usize>softmax.pixels; pixel++) {
      const at = offset + pixel * end;
      const y = rows.outputs + at;
      const tangents = rows.outputTangents + at;
      const g = after.gradients + at;
      const gradientTangents = after.gradientTangents + at;
      const to = before.gradientTangents + at;
      const along = dot(y, g, channels);
      const change = dot(tangents, g, channels) + dot(y, gradientTangents, channels);
      for (let k: usize = 0; k < end; k += 4) {
        const first = load<f32>(tangents + k) * (load<f32>(g + k) - along);
        store<f32>(to + k, first + load<f32>(y + k) * (load<f32>(gradientTangents + k) - change));
      }
    }
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a softmax at the point of row `row`: from
 * the input's rows of work.tangents to the output's.
 */
export function jacobianSoftmax(
  softmax: SoftmaxOperation,
  kept: usize,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const after = valueRows(workspace, softmax.output);
  const outputs = changetype<SoftmaxRows>(kept).outputs + row * after.stride;
  const from = tangentsOf(graph, work, softmax.input);
  const to = tangentsOf(graph, work, softmax.output);
  for (let r: usize = 0; r < <usize>count; r++) {
    slopes(softmax, outputs, from + r * work.stride, to + r * work.stride);
  }
}

/**
 * Computes to = y·(v - Σ y·v), the product of softmax's Jacobian and v, with y its output; sums are over the channels of each
 * pixel.
 */
function slopes(softmax: SoftmaxOperation, y: usize, v: usize, to: usize): void {
  const channels = softmax.channels;
  const whole = (<usize>(channels & ~3)) << 2;
  const end = (<usize>channels) << 2;
  for (let pixel: i32 = 0; pixel < softmax.pixels; pixel++, y += end, v += end, to += end) {
    const along = dot(y, v, channels);
    const alongs = f32x4.splat(along);
    let k: usize = 0;
    for (; k < whole; k += 16) {
      v128.store(to + k, f32x4.mul(v128.load(y + k), f32x4.sub(v128.load(v + k), alongs)));
    }
    for (; k < end; k += 4) store<f32>(to + k, load<f32>(y + k) * (load<f32>(v + k) - along));
  }
}

/** Computes softmax over the channels of one pixel as exp(x - max x)/Σ, so that no exponential overflows. */
function exponentials(x: usize, y: usize, channels: i32): void {
  const end = (<usize>channels) << 2;
  let largest = load<f32>(x);
  for (let k: usize = 4; k < end; k += 4) largest = max<f32>(largest, load<f32>(x + k));
  const shift = f32x4.splat(largest);
  const whole = (<usize>(channels & ~3)) << 2;
  let sums = f32x4.splat(0);
  for (let k: usize = 0; k < whole; k += 16) {
    const e = F32x4.exp(f32x4.sub(v128.load(x + k), shift));
    v128.store(y + k, e);
    sums = f32x4.add(sums, e);
  }
  let sum = F32x4.sum(sums);
  for (let k = whole; k < end; k += 4) {
    const e = f32x4.extract_lane(F32x4.exp(f32x4.splat(load<f32>(x + k) - largest)), 0);
    store<f32>(y + k, e);
    sum += e;
  }
  addScaled(y, y, channels, 1 / sum, false);
}
