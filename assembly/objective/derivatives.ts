import { Graph } from "../memory/graph";
import {
  GRADIENT_TANGENTS,
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

// Derivatives for adjoints and training, after a value and a gradient pass of the same rows.

/**
 * The derivative of a whole value and gradient pass in one direction of z (Pearlmutter's R-operator), in three parts:
 * forwards from the directions v in the latents' tangents, through the loss, and backwards. What comes out in the
 * latents' gradientTangents is the Hessian-vector product ∇²_z l · v, and what is left at the operations gives the
 * mixed term ∂_θ(vᵀ∇_z l).
 */
export function tangentForward(graph: Graph, workspace: Workspace, count: i32): void {
  const operations = operationsBeforeLoss(graph, workspace);
  for (let i: i32 = 0; i < operations; i++) forward(graph, workspace, i, count, TANGENTS);
}

/** Writes the derivatives of the loss's output gradients along the output tangents into the outputs' gradientTangents. */
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

export function tangentsBackward(graph: Graph, workspace: Workspace, count: i32): void {
  for (let i = operationsBeforeLoss(graph, workspace) - 1; i >= 0; i--) {
    backward(graph, workspace, i, count, GRADIENT_TANGENTS);
  }
  addShareOfHessianProducts(workspace, count);
}

/**
 * Adds ∂_θ l of the rows, in their order, at the points of their last value and gradient pass; with GRADIENT_TANGENTS the mixed
 * term ∂_θ(vᵀ∇_z l), after a tangent pass in the directions v.
 */
export function addParameterGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  count: i32,
  field: usize,
): void {
  for (let i: i32 = 0; i < graph.operationCount; i++) addGradient(graph, workspace, sums, i, count, field);
}
