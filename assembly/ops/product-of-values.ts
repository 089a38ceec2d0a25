import { Graph, ProductOperation } from "../memory/graph";
import {
  GaussNewton,
  GRADIENTS,
  rowAt,
  rowsOf,
  tangentsOf,
  VALUES,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { addProducts } from "./rows";

// Elementwise product of two values, y = a·b: see ProductOperation.

/** Computes the elementwise product y = a·b for `count` rows; if `field` is TANGENTS, ẏ = ȧ·b + a·ḃ. */
export function forwardProduct(
  product: ProductOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const to = rowsOf(y, field) + offset;
    addProducts(to, rowsOf(a, field) + offset, b.values + offset, product.size, false);
    if (field !== VALUES) addProducts(to, a.values + offset, rowsOf(b, field) + offset, product.size, true);
  }
}

/**
 * Computes the gradients of the elementwise product y = a·b for `count` rows: g_a = b·g, g_b = a·g. If `field` is
 * GRADIENT_TANGENTS: ġ_a = ḃ·g + b·ġ, ġ_b = ȧ·g + a·ġ.
 */
export function backwardProduct(
  product: ProductOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  const size = product.size;
  const isMixed = field !== GRADIENTS;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const from = rowsOf(y, field) + offset;
    const left = rowsOf(a, field) + offset;
    const right = rowsOf(b, field) + offset;
    if (isMixed) {
      addProducts(left, b.tangents + offset, y.gradients + offset, size, false);
      addProducts(right, a.tangents + offset, y.gradients + offset, size, false);
    }
    addProducts(left, b.values + offset, from, size, isMixed);
    addProducts(right, a.values + offset, from, size, isMixed);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through an elementwise product at the point of
 * row `row`: from the inputs' rows of work.tangents to the output's.
 */
export function jacobianProduct(
  product: ProductOperation,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const ofA = tangentsOf(graph, work, product.input);
  const ofB = tangentsOf(graph, work, product.other);
  const to = tangentsOf(graph, work, product.output);
  const offset = row * a.stride;
  for (let r: usize = 0; r < <usize>count; r++) {
    const at = r * work.stride;
    addProducts(to + at, ofA + at, b.values + offset, product.size, false);
    addProducts(to + at, ofB + at, a.values + offset, product.size, true);
  }
}
