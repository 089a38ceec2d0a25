import { ForkOperation, Graph } from "../memory/graph";
import { GaussNewton, rowAt, rowsOf, tangentsOf, ValueRows, valueRows, Workspace } from "../memory/workspace";
import { addRow } from "./rows";

// Passes of the operation that gives a branch to each reader of a value: see ForkOperation.

/**
 * Copies `count` rows of a forked value to each branch that needs a copy; the other branches share the value's rows. `field` is
 * VALUES or TANGENTS.
 */
export function forwardFork(fork: ForkOperation, workspace: Workspace, count: i32, field: usize): void {
  const value = valueRows(workspace, fork.input);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    if (!isCopy(fork, b)) continue;
    copyRows(
      fork,
      rowsOf(branchRows(fork, workspace, b), field),
      rowsOf(value, field),
      value.stride,
      workspace,
      count,
    );
  }
}

/**
 * Adds up the gradients of a forked value's branches, in their order, into the value's gradients; `field` is GRADIENTS or
 * GRADIENT_TANGENTS.
 */
export function backwardFork(fork: ForkOperation, workspace: Workspace, count: i32, field: usize): void {
  const value = valueRows(workspace, fork.input);
  const to = rowsOf(value, field);
  for (let b: usize = 0; b < <usize>fork.branchCount; b++) {
    const branch = rowsOf(branchRows(fork, workspace, b), field);
    if (b === 0) {
      copyRows(fork, to, branch, value.stride, workspace, count);
      continue;
    }
    for (let i: i32 = 0; i < count; i++) {
      const offset = rowAt(workspace.rows, i) * value.stride;
      addRow(to + offset, branch + offset, fork.size);
    }
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, from a forked value to its branches in
 * work.tangents. A branch that is not a copy shares the value's rows.
 */
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
