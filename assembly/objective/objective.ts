import { Graph } from "../memory/graph";
import { GRADIENTS, rowAt, VALUES, valueRows, Workspace } from "../memory/workspace";
import { backward as backwardOperation, forward } from "../ops/operation";
import { pack } from "../ops/operation-parameters";
import { lossBackward, lossForward } from "../terms/loss";
import { addShareOfGradients, sumTerms } from "./prior-term";

// A graph as a function of z, and the objective: its loss, plus a prior on z if there is one. Each pass runs all operations for
// the first `count` rows of workspace.rows.

/**
 * Packs the decoder's parameters into the operations' panels, blocks of 8 columns; `parameters` holds weight, then bias, of
 * each operation in turn, float32. A call packs part number `part` of `parts`, so that several threads may pack one graph at
 * once; 0 of 1 packs all.
 *
 * @param rowAlignment each weight row and each bias is padded to a multiple of this number of floats: 1 in files, 8 in the blocks
 *   that optimizers work on
 */
export function packGraph(graph: Graph, parameters: usize, rowAlignment: i32, part: i32, parts: i32): void {
  for (let i: i32 = 0; i < graph.operationCount; i++) {
    parameters = pack(graph, i, parameters, rowAlignment, part, parts);
  }
}

/** Computes D(z) of `count` rows, from the latents' values to the output's; `toLogits` leaves out the output activation. */
export function decode(graph: Graph, workspace: Workspace, count: i32, toLogits: bool): void {
  const operations = toLogits ? graph.logitOperations : graph.operationCount;
  for (let i: i32 = 0; i < operations; i++) forward(graph, workspace, i, count, VALUES);
}

/** Returns the number of operations before the loss: all, or all but the output activation if the loss includes it. */
export function operationsBeforeLoss(graph: Graph, workspace: Workspace): i32 {
  return workspace.takesLogits ? graph.logitOperations : graph.operationCount;
}

/**
 * Computes, for `count` rows, the loss l of the data y and the decoder's output D(z), the prior term and the objective l +
 * prior/N, N the divisor of the loss, into workspace.losses, priors and objectives. Stores what the gradient pass needs.
 */
export function value(graph: Graph, workspace: Workspace, count: i32): void {
  decode(graph, workspace, count, workspace.takesLogits !== 0);
  const output = valueRows(workspace, graph.output);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sum = lossForward(
      workspace.loss,
      output.values + row * output.stride,
      load<usize>(workspace.targets + (row << 2)),
      load<usize>(workspace.weights + (row << 2)),
      graph.outputSize,
    );
    store<f64>(workspace.losses + (row << 3), sum * load<f64>(workspace.scales + (row << 3)));
  }
  sumTerms(workspace, count);
}

/**
 * Computes ∇_z of the objective, loss + prior/N with N the divisor of the loss, into the latents' gradients, at the points of the
 * rows' last value pass.
 */
export function gradient(graph: Graph, workspace: Workspace, count: i32): void {
  const output = valueRows(workspace, graph.output);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const offset = row * output.stride;
    lossBackward(
      workspace.loss,
      output.values + offset,
      load<usize>(workspace.targets + (row << 2)),
      load<usize>(workspace.weights + (row << 2)),
      <f32>load<f64>(workspace.scales + (row << 3)),
      output.gradients + offset,
      graph.outputSize,
    );
  }
  backward(graph, workspace, count);
}

/**
 * Runs the backward pass from the outputs' gradients to the latents', and adds the prior's gradient divided by N, the divisor of
 * the loss.
 */
export function backward(graph: Graph, workspace: Workspace, count: i32): void {
  for (let i = operationsBeforeLoss(graph, workspace) - 1; i >= 0; i--) {
    backwardOperation(graph, workspace, i, count, GRADIENTS);
  }
  addShareOfGradients(workspace, count);
}
