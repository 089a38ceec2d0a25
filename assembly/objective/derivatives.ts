import { Graph } from "../memory/graph";
import {
  GRADIENT_TANGENTS,
  GRADIENTS,
  ParameterGradient,
  rowAt,
  TANGENTS,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { backward, forward } from "../ops/operation";
import { addGradient } from "../ops/operation-parameters";
import { lossTangent } from "../terms/loss";
import { operationsBeforeLoss } from "./objective";
import { addShareOfHessianProducts } from "./prior-term";

// Second derivatives for adjoints and training, computed after a value and a gradient pass of the same rows.

/**
 * First part of the derivative of a value and gradient pass in one direction v of z (Pearlmutter's R-operator): carries the
 * directions, which the caller wrote into the latents' tangents, forwards to the outputs. `lossTangents` and `tangentsBackward`
 * follow; then the latents' gradientTangents hold the Hessian-vector product ∇²_z l · v, and the operations hold what the mixed
 * term ∂_θ(vᵀ∇_z l), θ the decoder's parameters, needs.
 */
export function tangentForward(graph: Graph, workspace: Workspace, count: i32): void {
  const operations = operationsBeforeLoss(graph, workspace);
  for (let i: i32 = 0; i < operations; i++) forward(graph, workspace, i, count, TANGENTS);
}

/**
 * Writes the directional derivatives of the loss's output gradients along the outputs' tangents into the outputs'
 * gradientTangents, for `count` rows.
 */
export function lossTangents(graph: Graph, workspace: Workspace, count: i32): void {
  const output = valueRows(workspace, graph.output);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const offset = row * output.stride;
    lossTangent(
      workspace.loss,
      output.values + offset,
      output.tangents + offset,
      load<usize>(workspace.weights + (row << 2)),
      <f32>load<f64>(workspace.scales + (row << 3)),
      output.gradientTangents + offset,
      graph.outputSize,
    );
  }
}

/**
 * Last part of the derivative of a value and gradient pass in one direction v of z, for `count` rows: carries the outputs'
 * gradientTangents, which `lossTangents` wrote, back to the latents. The latents' gradientTangents then hold the
 * Hessian-vector product ∇²_z(l + prior/N) · v, l the loss and N its divisor.
 */
export function tangentsBackward(graph: Graph, workspace: Workspace, count: i32): void {
  for (let i = operationsBeforeLoss(graph, workspace) - 1; i >= 0; i--) {
    backward(graph, workspace, i, count, GRADIENT_TANGENTS);
  }
  addShareOfHessianProducts(workspace, count);
}

/**
 * Adds ∂_θ l, the loss's gradient for the decoder's parameters θ, of `count` rows to `sums`, at the points of their last value
 * and gradient pass. If `isMixed`, adds instead the mixed term ∂_θ(vᵀ∇_z l), v the rows' directions in the last tangent pass.
 *
 * A call adds part number `part` of `parts` of the parameters' gradients; 0 of 1 adds all. Several threads may add to the same
 * gradients at once, each with scratch of its own: in its ParameterGradient, and in a Workspace of which only sources,
 * destinations and scratch are written. The sums have the same bits for any number of parts.
 */
export function addParameterGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  count: i32,
  isMixed: bool,
  part: i32,
  parts: i32,
): void {
  const field = isMixed ? GRADIENT_TANGENTS : GRADIENTS;
  for (let i: i32 = 0; i < graph.operationCount; i++) {
    addGradient(graph, workspace, sums, i, count, field, part, parts);
  }
}
