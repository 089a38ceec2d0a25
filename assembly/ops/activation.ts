import { ActivationOperation, Graph } from "../memory/graph";
import { ActivationRows, GaussNewton, rowAt, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import { activationBackward, activationForward } from "./activation-functions";
import { FIRST_POINTWISE, pointwiseForward } from "./pointwise-functions";

// Elementwise activations, values ← f(values) in place, row by row. `kept` points to the operation's ActivationRows.

/**
 * Computes values ← f(values) of an activation f in place for `count` rows, and stores f' (and f'', in workspaces with
 * tangents) of the input in its ActivationRows at `kept`.
 */
export function forwardActivation(
  operation: ActivationOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const value = valueRows(workspace, operation.output);
  const rows = changetype<ActivationRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * value.stride;
    const values = value.values + offset;
    const slopes = rows.slopes + offset;
    const curvatures = rows.curvatures ? rows.curvatures + offset : 0;
    const kind = operation.activation;
    const parameter = operation.parameter;
    if (kind < FIRST_POINTWISE)
      activationForward(kind, parameter, values, slopes, curvatures, operation.size);
    else {
      const other = operation.otherParameter;
      pointwiseForward(kind, parameter, other, values, slopes, curvatures, operation.size);
    }
  }
}

/**
 * Multiplies the gradients of an activation's value by f' in place, for `count` rows: the gradient for f's output becomes the
 * gradient for its input. In workspaces with tangents the former is stored in ActivationRows.outputGradients first.
 */
export function backwardActivation(
  operation: ActivationOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const value = valueRows(workspace, operation.output);
  const rows = changetype<ActivationRows>(kept);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * value.stride;
    const gradients = value.gradients + offset;
    if (rows.outputGradients) memory.copy(rows.outputGradients + offset, gradients, value.stride);
    activationBackward(rows.slopes + offset, gradients, operation.size);
  }
}

/**
 * Tangent of an activation f, for `count` rows: with ẋ the input's tangent, writes f'·ẋ into the tangents of f's value, and
 * f''·ẋ·(gradient for the output) into ActivationRows.bends.
 */
export function tangentActivation(
  operation: ActivationOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const value = valueRows(workspace, operation.output);
  const rows = changetype<ActivationRows>(kept);
  const bytes = (<usize>operation.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const start = rowAt(workspace.rows, i) * value.stride;
    for (let at = start; at < start + bytes; at += 16) {
      const tangent = v128.load(value.tangents + at);
      const bend = f32x4.mul(v128.load(rows.curvatures + at), v128.load(rows.outputGradients + at));
      v128.store(rows.bends + at, f32x4.mul(bend, tangent));
      v128.store(value.tangents + at, f32x4.mul(tangent, v128.load(rows.slopes + at)));
    }
  }
}

/**
 * Computes the tangent of the backward pass of an activation f, for `count` rows: gradientTangents ← f'·gradientTangents +
 * f''·ẋ·(gradient for the output), with ẋ the input's tangent; the tangent pass stored the second term in ActivationRows.bends.
 */
export function tangentBackwardActivation(
  operation: ActivationOperation,
  kept: usize,
  workspace: Workspace,
  count: i32,
): void {
  const value = valueRows(workspace, operation.output);
  const rows = changetype<ActivationRows>(kept);
  const bytes = (<usize>operation.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const start = rowAt(workspace.rows, i) * value.stride;
    for (let at = start; at < start + bytes; at += 16) {
      const product = f32x4.mul(v128.load(value.gradientTangents + at), v128.load(rows.slopes + at));
      v128.store(value.gradientTangents + at, f32x4.add(v128.load(rows.bends + at), product));
    }
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through an activation f at the point of row `row`:
 * multiplies each by the derivative f', in place in work.tangents.
 */
export function jacobianActivation(
  operation: ActivationOperation,
  kept: usize,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const value = valueRows(workspace, operation.output);
  const slopes = changetype<ActivationRows>(kept).slopes + row * value.stride;
  const end = (<usize>operation.size) << 2;
  let tangents = tangentsOf(graph, work, operation.output);
  for (let r: i32 = 0; r < count; r++, tangents += work.stride) {
    for (let i: usize = 0; i < end; i += 16) {
      v128.store(tangents + i, f32x4.mul(v128.load(tangents + i), v128.load(slopes + i)));
    }
  }
}
