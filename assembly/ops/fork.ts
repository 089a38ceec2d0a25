import { ForkOperation, Graph } from "../memory/graph";
import { GaussNewton, rowAt, tangentsOf, ValueRows, valueRows, Workspace } from "../memory/workspace";
import { addRow } from "./rows";

// A value that several operations read: see ForkOperation.

export function forwardFork(fork: ForkOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, fork.input);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    if (isCopy(fork, b))
      copyRows(fork, branchRows(fork, workspace, b).values, value.values, value.stride, workspace, count);
  }
}

export function tangentFork(fork: ForkOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, fork.input);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    if (isCopy(fork, b))
      copyRows(fork, branchRows(fork, workspace, b).tangents, value.tangents, value.stride, workspace, count);
  }
}

export function backwardFork(fork: ForkOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, fork.input);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    const branch = branchRows(fork, workspace, b).gradients;
    if (b === 0) copyRows(fork, value.gradients, branch, value.stride, workspace, count);
    else addRows(fork, value.gradients, branch, value.stride, workspace, count);
  }
}

export function tangentBackwardFork(fork: ForkOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, fork.input);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    const branch = branchRows(fork, workspace, b).gradientTangents;
    if (b === 0) copyRows(fork, value.gradientTangents, branch, value.stride, workspace, count);
    else addRows(fork, value.gradientTangents, branch, value.stride, workspace, count);
  }
}

/** See `jacobian` in operation.ts. Branches that are no copies have the value's own slot. */
export function jacobianFork(fork: ForkOperation, graph: Graph, work: GaussNewton, count: i32): void {
  const from = tangentsOf(graph, work, fork.input);
  const bytes = (<usize>fork.size) << 2;
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    if (!isCopy(fork, b)) continue;
    const to = tangentsOf(graph, work, load<i32>(fork.branches + (b << 2)));
    for (let r: i32 = 0; r < count; r++) {
      memory.copy(to + <usize>r * work.stride, from + <usize>r * work.stride, bytes);
    }
  }
}

function isCopy(fork: ForkOperation, branch: usize): bool {
  return load<i32>(fork.areCopies + (branch << 2)) !== 0;
}

function branchRows(fork: ForkOperation, workspace: Workspace, branch: usize): ValueRows {
  return valueRows(workspace, load<i32>(fork.branches + (branch << 2)));
}

function copyRows(
  fork: ForkOperation,
  to: usize,
  from: usize,
  stride: usize,
  workspace: Workspace,
  count: i32,
): void {
  const bytes = (<usize>fork.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * stride;
    memory.copy(to + offset, from + offset, bytes);
  }
}

function addRows(
  fork: ForkOperation,
  to: usize,
  from: usize,
  stride: usize,
  workspace: Workspace,
  count: i32,
): void {
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * stride;
    addRow(to + offset, from + offset, fork.size);
  }
}
