import { Graph } from "../memory/graph";
import {
  ActivationRows,
  GaussNewton,
  keptBy,
  point,
  tangentsOf,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { jacobian as jacobianOperation } from "../ops/operation";
import { packPanels } from "../ops/panels";
import { multiply } from "../ops/product";
import { F32x4 } from "../simd";
import { LOSS_CUSTOM, lossTangent } from "../terms/loss";
import { operationsBeforeLoss } from "./objective";
import { addShareOfMatrix, curvatureOfShare } from "./prior-term";

// Gauss-Newton matrices JᵀWJ: J the Jacobian of the logits for the latents, W the diagonal matrix of the loss's second
// derivatives for the logits. W comes from any forward pass; J takes d tangents. J at the decoder's start latent, which all
// samples share, is computed once. The prior's curvature at the row's z is added by addShareOfMatrix in prior-term.ts.

/**
 * Writes the Gauss-Newton matrix JᵀWJ of a row into work.matrix: J the logits' Jacobian for the latents, W the loss's second
 * derivatives, both at the point of the row's last value pass. Adds the prior's curvature.
 */
export function gaussNewton(graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): void {
  const d = graph.latentSize;
  for (let first: i32 = 0; first < d; first += work.tangentsAtOnce) {
    jacobianRows(graph, workspace, work, row, work.ownJacobian, first, min(work.tangentsAtOnce, d - first));
  }
  curvatures(graph, workspace, work, row);
  packPanels(work.ownJacobian, d, graph.outputSize, work.jacobianStride, 4, work.panels);
  weighedProduct(graph, work, work.ownJacobian, work.panels);
  addShareOfMatrix(workspace, work, row);
}

/**
 * Writes J₀ᵀWJ₀ into work.matrix: J₀ the logits' Jacobian at the decoder's start latent, W the loss's second derivatives at the
 * row's last evaluated point. Adds the prior's curvature.
 */
export function sharedGaussNewton(graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): void {
  curvatures(graph, workspace, work, row);
  weighedProduct(graph, work, work.jacobian, work.jacobianPanels);
  addShareOfMatrix(workspace, work, row);
}

/**
 * Returns the curvature gᵀMg/gᵀg along the row's last computed gradient g, with M the Gauss-Newton matrix at the point of g.
 */
export function curvatureAlong(graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): f64 {
  const d = graph.latentSize;
  const latents = valueRows(workspace, 0);
  const gradient = latents.gradients + row * latents.stride;
  let normSquared: f64 = 0;
  for (let k: usize = 0; k < <usize>d; k++) {
    const g: f64 = load<f32>(gradient + (k << 2));
    normSquared += g * g;
  }
  const norm = sqrt(normSquared);
  const direction = tangentsOf(graph, work, 0);
  // The direction is scaled to length 1, so that no gradient is too small or too large for float32.
  for (let k: usize = 0; k < <usize>d; k++) {
    store<f32>(direction + (k << 2), <f32>(<f64>load<f32>(gradient + (k << 2)) / norm));
  }
  // The prior comes first: the direction's memory is later reused for another value's tangent.
  let sum = curvatureOfShare(workspace, row, direction);
  const tangent = throughOperations(graph, workspace, work, row, 1);
  curvatures(graph, workspace, work, row);
  for (let i: usize = 0; i < <usize>graph.outputSize; i++) {
    const change: f64 = load<f32>(tangent + (i << 2));
    sum += change * change * load<f32>(work.curvatures + (i << 2));
  }
  return sum;
}

/**
 * Writes rows first … first + count - 1 of Jᵀ, the transposed Jacobian of the n logits for the d latents, into `jacobian`,
 * f32[d][n], rows work.jacobianStride bytes apart. J is that of the sample in workspace row `row`, at the point of its last
 * value pass. Requires count ≤ work.tangentsAtOnce.
 */
export function jacobianRows(
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  jacobian: usize,
  first: i32,
  count: i32,
): void {
  const bytes = (<usize>graph.latentSize) << 2;
  const directions = tangentsOf(graph, work, 0);
  for (let i: i32 = 0; i < count; i++) {
    const direction = directions + <usize>i * work.stride;
    memory.fill(direction, 0, bytes);
    store<f32>(direction + ((<usize>(first + i)) << 2), 1);
  }
  const rows = throughOperations(graph, workspace, work, row, count);
  for (let i: i32 = 0; i < count; i++) {
    const to = jacobian + <usize>(first + i) * work.jacobianStride;
    memory.copy(to, rows + <usize>i * work.stride, work.jacobianStride);
  }
}

/**
 * Propagates `count` tangents of the latents through the operations up to the logits; returns the pointer to the logits'
 * tangents, rows `work.stride` bytes apart.
 */
function throughOperations(
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): usize {
  for (let i: i32 = 0; i < graph.logitOperations; i++) {
    jacobianOperation(graph, workspace, work, i, row, count);
  }
  return tangentsOf(graph, work, graph.output);
}

/**
 * Writes the diagonal of W in a row's Gauss-Newton matrix JᵀWJ to work.curvatures: the second derivatives of the loss for the
 * outputs, times the squared slope of the output activation unless the loss takes logits; negative derivatives become 0. For a
 * custom loss the caller has already written the loss's second derivatives to work.curvatures.
 */
function curvatures(graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): void {
  const last = valueRows(workspace, graph.output);
  const size = graph.outputSize;
  const offset = row * last.stride;
  const end = (<usize>size) << 2;
  if (workspace.loss !== LOSS_CUSTOM) {
    for (let i: usize = 0; i < end; i += 16) v128.store(work.curvatures + i, F32x4.one());
    lossTangent(
      workspace.loss,
      last.values + offset,
      work.curvatures,
      load<usize>(workspace.weights + (row << 2)),
      <f32>load<f64>(workspace.scales + (row << 3)),
      work.curvatures,
      size,
    );
  }
  let slopes: usize = 0;
  if (graph.logitOperations < operationsBeforeLoss(graph, workspace)) {
    slopes = changetype<ActivationRows>(keptBy(workspace, graph.logitOperations)).slopes + offset;
  }
  for (let i: usize = 0; i < end; i += 16) {
    let curvature = f32x4.pmax(f32x4.splat(0), v128.load(work.curvatures + i));
    if (slopes) {
      const slope = v128.load(slopes + i);
      curvature = f32x4.mul(curvature, f32x4.mul(slope, slope));
    }
    v128.store(work.curvatures + i, curvature);
  }
}

/**
 * Number of outputs in one block of the product JᵀWJ: 16 KB of a panel (packed block of 8 columns), for the first-level
 * cache, and 2 KB of each row of Jᵀ, for the second.
 */
const OUTPUTS_AT_ONCE: i32 = 512;

/**
 * Computes work.matrix = Jᵀ diag(work.curvatures) J, in the panels of 8 columns that touch or lie below the diagonal.
 *
 * @param jacobian rows of Jᵀ, f32[d][n], work.jacobianStride bytes apart
 * @param from the same rows packed as panels; may be work.panels
 */
function weighedProduct(graph: Graph, work: GaussNewton, jacobian: usize, from: usize): void {
  const d = graph.latentSize;
  const depth = graph.outputSize;
  const panelSize = (<usize>depth) << 5;
  for (let k: i32 = 0; k < depth; k += OUTPUTS_AT_ONCE) {
    const count = min(OUTPUTS_AT_ONCE, depth - k);
    const offset = (<usize>k) << 5;
    const rows = jacobian + ((<usize>k) << 2);
    // Later blocks of outputs are added to the sum of the earlier ones.
    const bias = k === 0 ? graph.zeros : 0;
    for (let above: i32 = 0; above < d; above += 8) {
      const panel = <usize>(above >> 3) * panelSize + offset;
      weighPanel(from + panel, work.curvatures + ((<usize>k) << 2), count, work.panels + panel);
      const column = (<usize>above) << 2;
      const to = work.matrix + <usize>above * work.matrixStride + column;
      point(work.sources, rows + <usize>above * work.jacobianStride, work.jacobianStride, d - above);
      point(work.destinations, to, work.matrixStride, d - above);
      multiply(d - above, work.sources, work.destinations, work.panels + panel, bias, count, 1);
    }
  }
}

/**
 * Multiplies row k of a panel (packed block of 8 columns), 8 floats, by curvatures[k], for k = 0 … count - 1: to[k] =
 * from[k] · curvatures[k].
 */
function weighPanel(from: usize, curvatures: usize, count: i32, to: usize): void {
  for (let k: i32 = 0; k < count; k++, from += 32, curvatures += 4, to += 32) {
    const curvature = v128.load32_splat(curvatures);
    v128.store(to, f32x4.mul(v128.load(from), curvature));
    v128.store(to, f32x4.mul(v128.load(from, 16), curvature), 16);
  }
}
