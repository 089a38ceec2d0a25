import { Graph, NormOperation } from "../memory/graph";
import {
  GaussNewton,
  gradientOf,
  NormRows,
  ParameterGradient,
  rowAt,
  tangentsOf,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { F32x4 } from "../simd";
import { addProducts, addRow, addScaled, dot, sumOf } from "./rows";

// Layer, group and RMS norms: see NormOperation. With u the numbers of a set without their mean, s = √(variance + ε):
// u = (x - mean x)/s and y = weight·u + bias. Of an RMS norm the means of x and of gradients are 0 in all of this.

export function forwardNorm(norm: NormOperation, kept: usize, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, norm.input);
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const x = before.values + row * before.stride;
    const u = rows.units + row * after.stride;
    const y = after.values + row * after.stride;
    const scales = scalesOf(norm, rows, row);
    for (let s: i32 = 0; s < norm.sets; s++) {
      const start = startOf(norm, s);
      const scale = normalise(norm, x + start, u + start);
      store<f32>(scales + ((<usize>s) << 2), scale);
      const bias = norm.hasMean ? norm.bias + parametersOf(norm, s) : 0;
      weigh(norm, s, u + start, bias, y + start);
    }
  }
}

/** g_x = (g - mean g - u·mean(g·u))/s, g = weight · the output's gradient */
export function backwardNorm(norm: NormOperation, kept: usize, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, norm.input);
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const g = after.gradients + row * after.stride;
    const u = rows.units + row * after.stride;
    const to = before.gradients + row * before.stride;
    const scales = scalesOf(norm, rows, row);
    for (let s: i32 = 0; s < norm.sets; s++) {
      const start = startOf(norm, s);
      weigh(norm, s, g + start, 0, to + start);
      project(norm, to + start, u + start, load<f32>(scales + ((<usize>s) << 2)));
    }
  }
}

/** u̇ = (ẋ - mean ẋ - u·mean(ẋ·u))/s, ẏ = weight·u̇ */
export function tangentNorm(norm: NormOperation, kept: usize, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, norm.input);
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const from = before.tangents + row * before.stride;
    const u = rows.units + row * after.stride;
    const unitTangents = rows.unitTangents + row * after.stride;
    const to = after.tangents + row * after.stride;
    const scales = scalesOf(norm, rows, row);
    for (let s: i32 = 0; s < norm.sets; s++) {
      const start = startOf(norm, s);
      copySet(norm, unitTangents + start, from + start);
      project(norm, unitTangents + start, u + start, load<f32>(scales + ((<usize>s) << 2)));
      weigh(norm, s, unitTangents + start, 0, to + start);
    }
  }
}

/**
 * ġ_x = (ġ - mean ġ - u·mean(ġ·u) - u̇·mean(g·u) - u·mean(g·u̇))/s - g_x·mean(ẋ·u)/s, where mean(ẋ·u)/s = ṡ/s is
 * worked out again of the input's tangents.
 */
export function tangentBackwardNorm(
  norm: NormOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, norm.input);
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  const size: f32 = <f32>(norm.runs * norm.width);
  const stride = (<usize>norm.runStride) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const offset = row * after.stride;
    const scales = scalesOf(norm, rows, row);
    for (let s: i32 = 0; s < norm.sets; s++) {
      const start = startOf(norm, s);
      const u = rows.units + offset + start;
      const unitTangents = rows.unitTangents + offset + start;
      const gradients = after.gradients + offset + start;
      const to = before.gradientTangents + row * before.stride + start;
      const scale = load<f32>(scales + ((<usize>s) << 2));
      const weight = norm.weight + parametersOf(norm, s);
      const relative =
        (dotOfSet(norm, before.tangents + row * before.stride + start, u, stride) / size) * scale;
      // Of g = weight · the gradient: its mean, and its means with u and with u̇.
      const mean = norm.hasMean ? dotOfSet(norm, gradients, weight, 0) / size : 0;
      const alongUnits = weighedDot(norm, gradients, weight, u) / size;
      const alongTangents = weighedDot(norm, gradients, weight, unitTangents) / size;
      weigh(norm, s, after.gradientTangents + offset + start, 0, to);
      project(norm, to, u, scale);
      // … - (u̇·mean(g·u) + u·mean(g·u̇))/s - (g - mean g - u·mean(g·u))/s · mean(ẋ·u)/s
      addCorrections(
        norm,
        to,
        gradients,
        weight,
        u,
        unitTangents,
        -alongUnits * scale,
        (alongUnits * relative - alongTangents) * scale,
        -relative * scale,
        mean * relative * scale,
      );
    }
  }
}

/** See `jacobian` in operation.ts. */
export function jacobianNorm(
  norm: NormOperation,
  kept: usize,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  const from = tangentsOf(graph, work, norm.input);
  const to = tangentsOf(graph, work, norm.output);
  const scales = scalesOf(norm, rows, row);
  for (let r: usize = 0; r < <usize>count; r++) {
    for (let s: i32 = 0; s < norm.sets; s++) {
      const start = startOf(norm, s);
      const at = to + r * work.stride + start;
      copySet(norm, at, from + r * work.stride + start);
      project(norm, at, rows.units + row * after.stride + start, load<f32>(scales + ((<usize>s) << 2)));
      weigh(norm, s, at, 0, at);
    }
  }
}

/** weight: Σ g·u; bias: Σ g */
export function addNormGradient(
  norm: NormOperation,
  kept: usize,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  const into = gradientOf(sums, index);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    addToParameters(norm, into.weight, after.gradients + offset, rows.units + offset);
    if (norm.hasMean) addToParameters(norm, into.bias, after.gradients + offset, 0);
  }
}

/** weight: Σ ġ·u + g·u̇; bias: Σ ġ */
export function addMixedNormGradient(
  norm: NormOperation,
  kept: usize,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  const into = gradientOf(sums, index);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    addToParameters(norm, into.weight, after.gradientTangents + offset, rows.units + offset);
    addToParameters(norm, into.weight, after.gradients + offset, rows.unitTangents + offset);
    if (norm.hasMean) addToParameters(norm, into.bias, after.gradientTangents + offset, 0);
  }
}

export function packNorm(norm: NormOperation, parameters: usize, rowAlignment: i32): usize {
  const bytes = (<usize>norm.parameterSize) << 2;
  const row = (<usize>(((norm.parameterSize + rowAlignment - 1) / rowAlignment) * rowAlignment)) << 2;
  memory.copy(norm.weight, parameters, bytes);
  if (!norm.hasMean) return parameters + row;
  memory.copy(norm.bias, parameters + row, bytes);
  return parameters + 2 * row;
}

/** f32[sets] of a row. */
function scalesOf(norm: NormOperation, rows: NormRows, row: usize): usize {
  return rows.scales + row * ((<usize>norm.sets) << 2);
}

/** Where a set begins, in bytes from the start of a row. */
function startOf(norm: NormOperation, set: i32): usize {
  return (<usize>((set / norm.beside) * norm.setStride + (set % norm.beside) * norm.width)) << 2;
}

/** Where a set's weights begin, in bytes. */
function parametersOf(norm: NormOperation, set: i32): usize {
  return (<usize>((set % norm.beside) * norm.width)) << 2;
}

/** u = (x - mean x)/s of a set; returns 1/s. Each run is summed up by itself, and the runs in float64. */
function normalise(norm: NormOperation, x: usize, u: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  const size: f64 = norm.runs * norm.width;
  let mean: f32 = 0;
  if (norm.hasMean) {
    let sum: f64 = 0;
    for (let run: usize = 0; run < <usize>norm.runs; run++) sum += sumOf(x + run * stride, norm.width);
    mean = <f32>(sum / size);
  }
  let squares: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    shift(u + run * stride, x + run * stride, norm.width, mean);
    squares += dot(u + run * stride, u + run * stride, norm.width);
  }
  const scale = <f32>(1 / sqrt(squares / size + <f64>norm.epsilon));
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    addScaled(u + run * stride, u + run * stride, norm.width, scale, false);
  }
  return scale;
}

/** v ← (v - mean v - u·mean(v·u)) · scale */
function project(norm: NormOperation, v: usize, u: usize, scale: f32): void {
  const stride = (<usize>norm.runStride) << 2;
  const size: f64 = norm.runs * norm.width;
  let sum: f64 = 0;
  let along: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    if (norm.hasMean) sum += sumOf(v + run * stride, norm.width);
    along += dot(v + run * stride, u + run * stride, norm.width);
  }
  const mean = <f32>(sum / size);
  const share = <f32>(along / size);
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    projectRow(v + run * stride, u + run * stride, norm.width, mean, share, scale);
  }
}

/** to = weight·from + bias, of a set; without a bias it is 0. `to` may be `from`. */
function weigh(norm: NormOperation, set: i32, from: usize, bias: usize, to: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  const weight = norm.weight + parametersOf(norm, set);
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const at = to + run * stride;
    addProducts(at, from + run * stride, weight, norm.width, false);
    if (bias) addRow(at, bias, norm.width);
  }
}

function copySet(norm: NormOperation, to: usize, from: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  const bytes = (<usize>norm.width) << 2;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    memory.copy(to + run * stride, from + run * stride, bytes);
  }
}

/** Σ over a set of a·b; from one run to the next b goes on by `bStride`, which is 0 for weights. */
function dotOfSet(norm: NormOperation, a: usize, b: usize, bStride: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  let sum: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    sum += dot(a + run * stride, b + run * bStride, norm.width);
  }
  return <f32>sum;
}

/** Σ over a set of a·weight·b */
function weighedDot(norm: NormOperation, a: usize, weight: usize, b: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  const whole = (<usize>(norm.width & ~3)) << 2;
  const end = (<usize>norm.width) << 2;
  let sum: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const left = a + run * stride;
    const right = b + run * stride;
    let sums = f32x4.splat(0);
    let k: usize = 0;
    for (; k < whole; k += 16) {
      const product = f32x4.mul(v128.load(left + k), v128.load(weight + k));
      sums = F32x4.multiplyAdd(product, v128.load(right + k), sums);
    }
    let rest = F32x4.sum(sums);
    for (; k < end; k += 4) rest += load<f32>(left + k) * load<f32>(weight + k) * load<f32>(right + k);
    sum += rest;
  }
  return <f32>sum;
}

/** to += ofTangents·u̇ + ofUnits·u + ofGradients·weight·gradients + constant */
function addCorrections(
  norm: NormOperation,
  to: usize,
  gradients: usize,
  weight: usize,
  units: usize,
  unitTangents: usize,
  ofTangents: f32,
  ofUnits: f32,
  ofGradients: f32,
  constant: f32,
): void {
  const stride = (<usize>norm.runStride) << 2;
  const end = (<usize>norm.width) << 2;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const at = run * stride;
    for (let k: usize = 0; k < end; k += 4) {
      const g = load<f32>(gradients + at + k) * load<f32>(weight + k);
      const along = ofTangents * load<f32>(unitTangents + at + k) + ofUnits * load<f32>(units + at + k);
      store<f32>(to + at + k, load<f32>(to + at + k) + along + ofGradients * g + constant);
    }
  }
}

/** Adds a row's share, by sets in their order: gradients·factors, or the gradients where there are none. */
function addToParameters(norm: NormOperation, sum: usize, gradients: usize, factors: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  for (let s: i32 = 0; s < norm.sets; s++) {
    const to = sum + parametersOf(norm, s);
    const start = startOf(norm, s);
    for (let run: usize = 0; run < <usize>norm.runs; run++) {
      const at = start + run * stride;
      if (factors) addProducts(to, gradients + at, factors + at, norm.width, true);
      else addRow(to, gradients + at, norm.width);
    }
  }
}

function shift(to: usize, from: usize, size: i32, mean: f32): void {
  const means = f32x4.splat(mean);
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) v128.store(to + k, f32x4.sub(v128.load(from + k), means));
  for (; k < end; k += 4) store<f32>(to + k, load<f32>(from + k) - mean);
}

function projectRow(v: usize, u: usize, size: i32, mean: f32, share: f32, scale: f32): void {
  const means = f32x4.splat(mean);
  const shares = f32x4.splat(share);
  const scales = f32x4.splat(scale);
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) {
    const rest = f32x4.sub(f32x4.sub(v128.load(v + k), means), f32x4.mul(v128.load(u + k), shares));
    v128.store(v + k, f32x4.mul(rest, scales));
  }
  for (; k < end; k += 4) {
    store<f32>(v + k, (load<f32>(v + k) - mean - load<f32>(u + k) * share) * scale);
  }
}
