import { Graph, MapOperation, SparseMatrix } from "../memory/graph";
import { GaussNewton, rowAt, rowsOf, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import { addScaled } from "./rows";

// Linear operations without parameters, as sparse matrices: see MapOperation.

/** Computes y = A·x, A a sparse matrix, for `count` rows, or y += A·x if the map accumulates; `field` is VALUES or TANGENTS. */
export function forwardMap(map: MapOperation, workspace: Workspace, count: i32, field: usize): void {
  const before = valueRows(workspace, map.input);
  const after = valueRows(workspace, map.output);
  const matrix = changetype<SparseMatrix>(map.forward);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const to = rowsOf(after, field) + row * after.stride;
    apply(matrix, rowsOf(before, field) + row * before.stride, to, map.accumulates !== 0);
  }
}

/**
 * Computes the input's gradient of a sparse linear map, g_x = Aᵀ·g, for `count` rows; `field` is GRADIENTS or
 * GRADIENT_TANGENTS.
 */
export function backwardMap(map: MapOperation, workspace: Workspace, count: i32, field: usize): void {
  const before = valueRows(workspace, map.input);
  const after = valueRows(workspace, map.output);
  const transposed = changetype<SparseMatrix>(map.backward);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const to = rowsOf(before, field) + row * before.stride;
    apply(transposed, rowsOf(after, field) + row * after.stride, to, false);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a sparse linear map: from the input's rows
 * of work.tangents to the output's.
 */
export function jacobianMap(map: MapOperation, graph: Graph, work: GaussNewton, count: i32): void {
  const from = tangentsOf(graph, work, map.input);
  const to = tangentsOf(graph, work, map.output);
  const matrix = changetype<SparseMatrix>(map.forward);
  for (let r: usize = 0; r < <usize>count; r++) {
    apply(matrix, from + r * work.stride, to + r * work.stride, map.accumulates !== 0);
  }
}

/**
 * Computes to = A·from, or to += A·from if `accumulates`, for one row of each; each output block adds up its entries in
 * ascending order.
 */
function apply(matrix: SparseMatrix, from: usize, to: usize, accumulates: bool): void {
  if (matrix.width === 1) applyNumbers(matrix, from, to, accumulates);
  else applyBlocks(matrix, from, to, accumulates);
}

function applyBlocks(matrix: SparseMatrix, from: usize, to: usize, accumulates: bool): void {
  const width = matrix.width;
  for (let i: usize = 0; i < <usize>matrix.blockCount; i++) {
    const block = to + <usize>load<i32>(matrix.destinations + (i << 2));
    const start = <usize>load<i32>(matrix.starts + (i << 2));
    const end = <usize>load<i32>(matrix.starts + (i << 2), 4);
    if (start === end) {
      if (!accumulates) memory.fill(block, 0, (<usize>width) << 2);
      continue;
    }
    for (let k = start; k < end; k++) {
      const source = from + <usize>load<i32>(matrix.sources + (k << 2));
      const weight = load<f32>(matrix.weights + (k << 2));
      addScaled(block, source, width, weight, accumulates || k > start);
    }
  }
}

function applyNumbers(matrix: SparseMatrix, from: usize, to: usize, accumulates: bool): void {
  for (let i: usize = 0; i < <usize>matrix.blockCount; i++) {
    const at = to + <usize>load<i32>(matrix.destinations + (i << 2));
    const start = <usize>load<i32>(matrix.starts + (i << 2));
    const end = <usize>load<i32>(matrix.starts + (i << 2), 4);
    let sum: f32 = accumulates ? load<f32>(at) : 0;
    for (let k = start; k < end; k++) {
      const source = from + <usize>load<i32>(matrix.sources + (k << 2));
      sum += load<f32>(source) * load<f32>(matrix.weights + (k << 2));
    }
    store<f32>(at, sum);
  }
}
