import { Graph, NormOperation } from "../memory/graph";
import { GaussNewton, NormRows, rowAt, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import {
  addCorrections,
  copySet,
  dotOfSet,
  normalise,
  parametersOf,
  project,
  scalesOf,
  startOf,
  weigh,
  weighedDot,
} from "./norm-sets";

// Layer, group and RMS norms: see NormOperation. With s = √(variance + ε) of a set: u = (x - mean x)/s and y = weight·u + bias.
// For an RMS norm the means of x and of gradients are taken as 0 throughout.

/**
 * Computes y = weight·u + bias of a norm for `count` rows, with the normalised input u = (x - mean x)/√(variance + ε) of each
 * set of numbers; stores u and 1/√(variance + ε) in the NormRows at `kept`.
 */
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

/**
 * Computes a norm's input gradient for `count` rows: g_x = (g - mean g - u·mean(g·u))/s, with g = weight · the output's
 * gradient, u the normalised input and s = √(variance + ε).
 */
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

/**
 * Computes a norm's tangents for `count` rows: u̇ = (ẋ - mean ẋ - u·mean(ẋ·u))/s and ẏ = weight·u̇, with u the normalised input
 * and s = √(variance + ε).
 */
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
 * Computes the tangent of a norm's input gradient for `count` rows: ġ_x = (ġ - mean ġ - u·mean(ġ·u) - u̇·mean(g·u) -
 * u·mean(g·u̇))/s - g_x·mean(ẋ·u)/s, with g = weight · the output's gradient, u the normalised input and s = √(variance + ε);
 * mean(ẋ·u)/s = ṡ/s is computed again from the input's tangents.
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
      // For g = weight · the output's gradient: its mean, and the means of g·u and g·u̇.
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

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a norm at the point of row `row`: from the
 * input's rows of work.tangents to the output's.
 */
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
