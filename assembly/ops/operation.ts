import {
  ACTIVATION,
  ActivationOperation,
  CONVOLUTION,
  ConvolutionOperation,
  DENSE,
  DenseOperation,
  Graph,
  operationAt,
} from "../memory/graph";
import { GaussNewton, keptBy, ParameterGradient, Workspace } from "../memory/workspace";
import {
  backwardActivation,
  forwardActivation,
  jacobianActivation,
  tangentActivation,
  tangentBackwardActivation,
} from "./activation";
import {
  backwardConvolution,
  forwardConvolution,
  jacobianConvolution,
  tangentBackwardConvolution,
  tangentConvolution,
} from "./convolution";
import { packConvolution } from "./convolution-panels";
import { addConvolutionGradient, addMixedConvolutionGradient } from "./convolution-parameters";
import {
  backwardDense,
  forwardDense,
  jacobianDense,
  packDense,
  tangentBackwardDense,
  tangentDense,
} from "./dense";
import { addDenseGradient, addMixedDenseGradient } from "./dense-parameters";

// Each pass of each kind of operation, for the first `count` rows of workspace.rows. A kind that a function does not
// know ends the program: nothing is computed silently wrong.

/** values of the output = f(values of the input) */
export function forward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) forwardDense(changetype<DenseOperation>(operation), workspace, count);
  else if (operation.kind === ACTIVATION) {
    forwardActivation(changetype<ActivationOperation>(operation), keptBy(workspace, index), workspace, count);
  } else if (operation.kind === CONVOLUTION) {
    forwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
  } else unreachable();
}

/** gradients of the input = f'ᵀ · gradients of the output */
export function backward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) backwardDense(changetype<DenseOperation>(operation), graph, workspace, count);
  else if (operation.kind === ACTIVATION) {
    backwardActivation(
      changetype<ActivationOperation>(operation),
      keptBy(workspace, index),
      workspace,
      count,
    );
  } else if (operation.kind === CONVOLUTION) {
    backwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
  } else unreachable();
}

/** tangents of the output = f' · tangents of the input */
export function tangent(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) tangentDense(changetype<DenseOperation>(operation), graph, workspace, count);
  else if (operation.kind === ACTIVATION) {
    tangentActivation(changetype<ActivationOperation>(operation), keptBy(workspace, index), workspace, count);
  } else if (operation.kind === CONVOLUTION) {
    tangentConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
  } else unreachable();
}

/** gradientTangents of the input = f'ᵀ · gradientTangents of the output + the change of f' · gradients of the output */
export function tangentBackward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) {
    tangentBackwardDense(changetype<DenseOperation>(operation), graph, workspace, count);
  } else if (operation.kind === ACTIVATION) {
    tangentBackwardActivation(
      changetype<ActivationOperation>(operation),
      keptBy(workspace, index),
      workspace,
      count,
    );
  } else if (operation.kind === CONVOLUTION) {
    tangentBackwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
  } else unreachable();
}

/**
 * Tangents at the point of one row: `count` rows of them, work.stride bytes apart, from `from` to `to`; or in place,
 * where `isInPlace` says so.
 */
export function jacobian(
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  index: i32,
  row: usize,
  from: usize,
  to: usize,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) {
    jacobianDense(changetype<DenseOperation>(operation), graph, work, from, to, count);
  } else if (operation.kind === ACTIVATION) {
    const activation = changetype<ActivationOperation>(operation);
    jacobianActivation(activation, keptBy(workspace, index), workspace, row, from, work.stride, count);
  } else if (operation.kind === CONVOLUTION) {
    jacobianConvolution(changetype<ConvolutionOperation>(operation), graph, work, from, to, count);
  } else unreachable();
}

/** Does the operation write over the value that it reads? */
export function isInPlace(graph: Graph, index: i32): bool {
  const operation = operationAt(graph, index);
  return operation.input === operation.output;
}

/** Adds the gradients for the operation's parameters, row by row in their order. */
export function addGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) {
    addDenseGradient(changetype<DenseOperation>(operation), workspace, sums, index, count);
  } else if (operation.kind === CONVOLUTION) {
    const convolution = changetype<ConvolutionOperation>(operation);
    addConvolutionGradient(convolution, graph, workspace, sums, index, count);
  } else if (operation.kind !== ACTIVATION) unreachable();
}

/** Adds the derivative of `addGradient` in the tangent's direction. */
export function addMixedGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) {
    addMixedDenseGradient(changetype<DenseOperation>(operation), workspace, sums, index, count);
  } else if (operation.kind === CONVOLUTION) {
    const convolution = changetype<ConvolutionOperation>(operation);
    addMixedConvolutionGradient(convolution, graph, workspace, sums, index, count);
  } else if (operation.kind !== ACTIVATION) unreachable();
}

/**
 * Packs the operation's parameters, which lie at `parameters`; returns where the next operation's lie.
 *
 * @param rowAlignment each row of a parameter takes a multiple of so many floats
 */
export function pack(graph: Graph, index: i32, parameters: usize, rowAlignment: i32): usize {
  const operation = operationAt(graph, index);
  if (operation.kind === DENSE) {
    return packDense(changetype<DenseOperation>(operation), parameters, rowAlignment);
  }
  if (operation.kind === CONVOLUTION) {
    return packConvolution(changetype<ConvolutionOperation>(operation), parameters, rowAlignment);
  }
  if (operation.kind !== ACTIVATION) unreachable();
  return parameters;
}
