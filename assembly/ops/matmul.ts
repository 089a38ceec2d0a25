import { Graph, MatmulOperation } from "../memory/graph";
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
import { addScaled, dot } from "./rows";

// Matrix products of two values (attention), C = A·B or A·Bᵀ, for as many pairs of matrices as MatmulOperation has. No operand is
// packed, so sums are by addScaled and dot, not by the tiles of product.ts.

/** Computes C = A·B for `count` rows, matrix by matrix; if `field` is TANGENTS, Ċ = Ȧ·B + A·Ḃ. */
export function forwardMatmul(matmul: MatmulOperation, workspace: Workspace, count: i32, field: usize): void {
  const a = valueRows(workspace, matmul.input);
  const b = valueRows(workspace, matmul.other);
  const c = valueRows(workspace, matmul.output);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const to = rowsOf(c, field) + row * c.stride;
    product(matmul, rowsOf(a, field) + row * a.stride, b.values + row * b.stride, to, false);
    if (field === VALUES) continue;
    product(matmul, a.values + row * a.stride, b.tangents + row * b.stride, to, true);
  }
}

/**
 * Computes the gradients of C = A·B for `count` rows: g_A = g·Bᵀ, g_B = Aᵀ·g. If `field` is GRADIENT_TANGENTS: ġ_A = ġ·Bᵀ +
 * g·Ḃᵀ, ġ_B = Aᵀ·ġ + Ȧᵀ·g.
 */
export function backwardMatmul(
  matmul: MatmulOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const a = valueRows(workspace, matmul.input);
  const b = valueRows(workspace, matmul.other);
  const c = valueRows(workspace, matmul.output);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const from = rowsOf(c, field) + row * c.stride;
    const left = rowsOf(a, field) + row * a.stride;
    const right = rowsOf(b, field) + row * b.stride;
    gradientOfA(matmul, from, b.values + row * b.stride, left, false);
    gradientOfB(matmul, from, a.values + row * a.stride, right, false);
    if (field === GRADIENTS) continue;
    const gradients = c.gradients + row * c.stride;
    gradientOfA(matmul, gradients, b.tangents + row * b.stride, left, true);
    gradientOfB(matmul, gradients, a.tangents + row * a.stride, right, true);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through the matrix product C = A·B at the point of
 * row `row`: from the inputs' rows of work.tangents to the output's.
 */
export function jacobianMatmul(
  matmul: MatmulOperation,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const a = valueRows(workspace, matmul.input);
  const b = valueRows(workspace, matmul.other);
  const ofA = tangentsOf(graph, work, matmul.input);
  const ofB = tangentsOf(graph, work, matmul.other);
  const to = tangentsOf(graph, work, matmul.output);
  for (let r: usize = 0; r < <usize>count; r++) {
    const at = r * work.stride;
    product(matmul, ofA + at, b.values + row * b.stride, to + at, false);
    product(matmul, a.values + row * a.stride, ofB + at, to + at, true);
  }
}

/** Computes C = A·B, or C += A·B if `accumulates`, for each of the operation's pairs of matrices in one row. */
function product(matmul: MatmulOperation, a: usize, b: usize, c: usize, accumulates: bool): void {
  const rows = matmul.rows;
  const inner = matmul.inner;
  const columns = matmul.columns;
  for (let m: i32 = 0; m < matmul.count; m++) {
    if (matmul.isTransposed) rowsTimesRows(a, b, c, rows, columns, inner, accumulates);
    else rowsTimesMatrix(a, b, c, rows, inner, columns, inner, 1, accumulates);
    a += (<usize>(rows * inner)) << 2;
    b += (<usize>(inner * columns)) << 2;
    c += (<usize>(rows * columns)) << 2;
  }
}

/** Computes the gradient for A in C = A·B from the gradient g for C: g·Bᵀ, or adds it if `accumulates`. */
function gradientOfA(matmul: MatmulOperation, g: usize, b: usize, a: usize, accumulates: bool): void {
  const rows = matmul.rows;
  const inner = matmul.inner;
  const columns = matmul.columns;
  for (let m: i32 = 0; m < matmul.count; m++) {
    if (matmul.isTransposed) rowsTimesMatrix(g, b, a, rows, columns, inner, columns, 1, accumulates);
    else rowsTimesRows(g, b, a, rows, inner, columns, accumulates);
    a += (<usize>(rows * inner)) << 2;
    b += (<usize>(inner * columns)) << 2;
    g += (<usize>(rows * columns)) << 2;
  }
}

/**
 * Computes the gradient for B in C = A·B from the gradient g for C: Aᵀ·g, or gᵀ·A if B is stored transposed; adds it if
 * `accumulates`.
 */
function gradientOfB(matmul: MatmulOperation, g: usize, a: usize, b: usize, accumulates: bool): void {
  const rows = matmul.rows;
  const inner = matmul.inner;
  const columns = matmul.columns;
  for (let m: i32 = 0; m < matmul.count; m++) {
    if (matmul.isTransposed) rowsTimesMatrix(g, a, b, columns, rows, inner, 1, columns, accumulates);
    else rowsTimesMatrix(a, g, b, inner, rows, columns, 1, inner, accumulates);
    a += (<usize>(rows * inner)) << 2;
    b += (<usize>(inner * columns)) << 2;
    g += (<usize>(rows * columns)) << 2;
  }
}

/**
 * Computes to[i][j] = Σ_k left[i·rowStep + k·depthStep] · right[k][j], or adds it if `accumulates`; k ascends, and steps count
 * floats.
 */
function rowsTimesMatrix(
  left: usize,
  right: usize,
  to: usize,
  rows: i32,
  depth: i32,
  columns: i32,
  rowStep: i32,
  depthStep: i32,
  accumulates: bool,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    const row = to + ((<usize>(i * columns)) << 2);
    for (let k: i32 = 0; k < depth; k++) {
      const factor = load<f32>(left + ((<usize>(i * rowStep + k * depthStep)) << 2));
      addScaled(row, right + ((<usize>(k * columns)) << 2), columns, factor, accumulates || k > 0);
    }
  }
}

/** Computes to[i][j] = left[i] · right[j], or adds it if `accumulates`: dot products of rows of `depth` floats. */
function rowsTimesRows(
  left: usize,
  right: usize,
  to: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  accumulates: bool,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    for (let j: i32 = 0; j < columns; j++) {
      const at = to + ((<usize>(i * columns + j)) << 2);
      const sum = dot(left + ((<usize>(i * depth)) << 2), right + ((<usize>(j * depth)) << 2), depth);
      store<f32>(at, accumulates ? load<f32>(at) + sum : sum);
    }
  }
}
