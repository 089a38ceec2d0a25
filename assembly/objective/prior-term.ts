import { GaussNewton, rowAt, valueRows, Workspace } from "../memory/workspace";
import {
  addPriorCurvature,
  addPriorGradient,
  addPriorHessianProduct,
  Prior,
  priorCurvatureAlong,
  priorValue,
} from "../terms/prior";

// The prior's term prior(z)/N in the passes over a graph, z the latent of each row, N the divisor of its loss; 0 without a prior.

/**
 * Evaluates the prior of `count` rows, and writes each row's prior value and its objective, loss + prior/N, N the divisor of the
 * loss. Reads workspace.losses, which the caller writes if the loss is computed outside the kernels.
 */
export function sumTerms(workspace: Workspace, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const loss = load<f64>(workspace.losses + (row << 3));
    let prior: f64 = 0;
    let objective = loss;
    if (workspace.prior) {
      prior = priorValue(priorOf(workspace), latentOf(workspace, row));
      objective = loss + prior * scaleOf(workspace, row);
    }
    store<f64>(workspace.priors + (row << 3), prior);
    store<f64>(workspace.objectives + (row << 3), objective);
  }
}

/** Adds ∇prior(z)/N, N the divisor of the row's loss, to the latents' gradients of `count` rows; no-op without a prior. */
export function addShareOfGradients(workspace: Workspace, count: i32): void {
  if (!workspace.prior) return;
  const latents = valueRows(workspace, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const gradient = latents.gradients + row * latents.stride;
    addPriorGradient(priorOf(workspace), latentOf(workspace, row), scaleOf(workspace, row), gradient);
  }
}

/**
 * Adds ∇²prior(z)·v/N, N the divisor of the row's loss, to the Hessian-vector products in the latents' gradientTangents; v is in
 * the latents' tangents. The mixed term ∂_θ(vᵀ∇_z l) needs no such addition, as a prior does not depend on the decoder's
 * parameters θ.
 */
export function addShareOfHessianProducts(workspace: Workspace, count: i32): void {
  if (!workspace.prior) return;
  const latents = valueRows(workspace, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const offset = row * latents.stride;
    addPriorHessianProduct(
      priorOf(workspace),
      latentOf(workspace, row),
      scaleOf(workspace, row),
      latents.tangents + offset,
      latents.gradientTangents + offset,
    );
  }
}

/**
 * Adds the prior's curvature, divided by the divisor of the row's loss, at the row's latent to the Gauss-Newton matrix
 * work.matrix.
 */
export function addShareOfMatrix(workspace: Workspace, work: GaussNewton, row: usize): void {
  if (!workspace.prior) return;
  const z = latentOf(workspace, row);
  addPriorCurvature(priorOf(workspace), z, scaleOf(workspace, row), work.matrix, work.matrixStride);
}

/**
 * Returns vᵀPv/N, the curvature of prior/N along v = `direction`, f32[d], which is not normalised: P the Gauss-Newton matrix of
 * the prior at the row's latent, N the divisor of the row's loss. 0 without a prior.
 */
export function curvatureOfShare(workspace: Workspace, row: usize, direction: usize): f64 {
  if (!workspace.prior) return 0;
  const z = latentOf(workspace, row);
  return priorCurvatureAlong(priorOf(workspace), z, scaleOf(workspace, row), direction);
}

function priorOf(workspace: Workspace): Prior {
  return changetype<Prior>(workspace.prior);
}

function latentOf(workspace: Workspace, row: usize): usize {
  const latents = valueRows(workspace, 0);
  return latents.values + row * latents.stride;
}

/** Returns 1/N, the factor of the prior in a row's objective; N is the divisor of the row's loss. */
function scaleOf(workspace: Workspace, row: usize): f64 {
  return load<f64>(workspace.priorScales + (row << 3));
}
