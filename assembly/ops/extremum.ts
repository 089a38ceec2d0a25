import { ExtremumOperation, Graph } from "../memory/graph";
import { GaussNewton, rowAt, rowsOf, tangentsOf, valueRows, Workspace } from "../memory/workspace";

// Elementwise y = max(a, b) or min(a, b): see ExtremumOperation. Derivatives are those of the number chosen, or half of each
// if both are equal, as in PyTorch's torch.maximum. The result is NaN if either is.

/** Computes y = max(a, b), or min(a, b) if `isMinimum`, element by element, for `count` rows; NaN where a or b is NaN. */
export function forwardExtremum(extremum: ExtremumOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, extremum.input);
  const b = valueRows(workspace, extremum.other);
  const y = valueRows(workspace, extremum.output);
  const whole = (<usize>(extremum.size & ~3)) << 2;
  const end = (<usize>extremum.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const left = a.values + offset;
    const right = b.values + offset;
    const to = y.values + offset;
    let k: usize = 0;
    if (extremum.isMinimum) {
      for (; k < whole; k += 16) v128.store(to + k, f32x4.min(v128.load(left + k), v128.load(right + k)));
      for (; k < end; k += 4) store<f32>(to + k, min<f32>(load<f32>(left + k), load<f32>(right + k)));
    } else {
      for (; k < whole; k += 16) v128.store(to + k, f32x4.max(v128.load(left + k), v128.load(right + k)));
      for (; k < end; k += 4) store<f32>(to + k, max<f32>(load<f32>(left + k), load<f32>(right + k)));
    }
  }
}

/**
 * Computes the gradients of y = max(a, b) or min(a, b): g_a = s·g, g_b = (1 - s)·g, with s = 1 where a is the result, ½ where a
 * = b, else 0. `field` is GRADIENTS or GRADIENT_TANGENTS.
 */
export function backwardExtremum(
  extremum: ExtremumOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const a = valueRows(workspace, extremum.input);
  const b = valueRows(workspace, extremum.other);
  const y = valueRows(workspace, extremum.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const left = a.values + offset;
    const right = b.values + offset;
    const from = rowsOf(y, field) + offset;
    addShares(extremum, rowsOf(a, field) + offset, from, left, right, true, false);
    addShares(extremum, rowsOf(b, field) + offset, from, left, right, false, false);
  }
}

/**
 * Computes the tangent of y = max(a, b) or min(a, b): ẏ = s·ȧ + (1 - s)·ḃ, with s = 1 where a is the result, ½ where a = b,
 * else 0.
 */
export function tangentExtremum(extremum: ExtremumOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, extremum.input);
  const b = valueRows(workspace, extremum.other);
  const y = valueRows(workspace, extremum.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const left = a.values + offset;
    const right = b.values + offset;
    const to = y.tangents + offset;
    addShares(extremum, to, a.tangents + offset, left, right, true, false);
    addShares(extremum, to, b.tangents + offset, left, right, false, true);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through an elementwise maximum or minimum at
 * the point of row `row`: from the inputs' rows of work.tangents to the output's.
 */
export function jacobianExtremum(
  extremum: ExtremumOperation,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const a = valueRows(workspace, extremum.input);
  const b = valueRows(workspace, extremum.other);
  const ofA = tangentsOf(graph, work, extremum.input);
  const ofB = tangentsOf(graph, work, extremum.other);
  const to = tangentsOf(graph, work, extremum.output);
  const left = a.values + row * a.stride;
  const right = b.values + row * b.stride;
  for (let r: usize = 0; r < <usize>count; r++) {
    const at = r * work.stride;
    addShares(extremum, to + at, ofA + at, left, right, true, false);
    addShares(extremum, to + at, ofB + at, left, right, false, true);
  }
}

/**
 * Computes to ← s · from, or to += s · from if `accumulates`, with s = 1 where max(a, b), or min(a, b), is a, ½ where a = b,
 * else 0. If `isOfA` is false, a and b swap roles.
 */
function addShares(
  extremum: ExtremumOperation,
  to: usize,
  from: usize,
  a: usize,
  b: usize,
  isOfA: bool,
  accumulates: bool,
): void {
  // The derivative for a in max(a, b) is the derivative for b in min(a, b).
  const swaps = isOfA === (extremum.isMinimum !== 0);
  const own = swaps ? b : a;
  const other = swaps ? a : b;
  const whole = (<usize>(extremum.size & ~3)) << 2;
  const end = (<usize>extremum.size) << 2;
  const half = f32x4.splat(0.5);
  let k: usize = 0;
  for (; k < whole; k += 16) {
    const left = v128.load(own + k);
    const right = v128.load(other + k);
    const all = v128.load(from + k);
    const equal = v128.bitselect(f32x4.mul(all, half), all, f32x4.eq(left, right));
    // Masks bits instead of multiplying by 0, since 0 · ∞ is NaN.
    const share = v128.andnot(equal, f32x4.lt(left, right));
    v128.store(to + k, accumulates ? f32x4.add(v128.load(to + k), share) : share);
  }
  for (; k < end; k += 4) {
    const left = load<f32>(own + k);
    const right = load<f32>(other + k);
    const all = load<f32>(from + k);
    const share: f32 = left < right ? 0 : left === right ? 0.5 * all : all;
    store<f32>(to + k, accumulates ? load<f32>(to + k) + share : share);
  }
}
