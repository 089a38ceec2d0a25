import { Graph, ProductOperation } from "../memory/graph";
import { GaussNewton, rowAt, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import { addProducts } from "./rows";

// y = a·b, number by number: see ProductOperation.

export function forwardProduct(product: ProductOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    addProducts(y.values + offset, a.values + offset, b.values + offset, product.size, false);
  }
}

/** g_a = b·g, g_b = a·g */
export function backwardProduct(product: ProductOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    addProducts(a.gradients + offset, b.values + offset, y.gradients + offset, product.size, false);
    addProducts(b.gradients + offset, a.values + offset, y.gradients + offset, product.size, false);
  }
}

/** ẏ = ȧ·b + a·ḃ */
export function tangentProduct(product: ProductOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    addProducts(y.tangents + offset, a.tangents + offset, b.values + offset, product.size, false);
    addProducts(y.tangents + offset, a.values + offset, b.tangents + offset, product.size, true);
  }
}

/** ġ_a = ḃ·g + b·ġ, ġ_b = ȧ·g + a·ġ */
export function tangentBackwardProduct(product: ProductOperation, workspace: Workspace, count: i32): void {
  const a = valueRows(workspace, product.input);
  const b = valueRows(workspace, product.other);
  const y = valueRows(workspace, product.output);
  const size = product.size;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    const gradients = y.gradients + offset;
    const gradientTangents = y.gradientTangents + offset;
    addProducts(a.gradientTangents + offset, b.tangents + offset, gradients, size, false);
    addProducts(a.gradientTangents + offset, b.values + offset, gradientTangents, size, true);
    addProducts(b.gradientTangents + offset, a.tangents + offset, gradients, size, false);
    addProducts(b.gradientTangents + offset, a.values + offset, gradientTangents, size, true);
  }
}

/** Carries `count` tangents from the inputs to the output: rows of Jᵀ, as `jacobian` in operation.ts asks for them. */
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
