import { IDENTITY } from "./activation";
import { collect, layerOf, rowAt, rowsOf } from "./decoder";
import { denseBackward, denseTangent } from "./dense";
import { LOSS_CROSS_ENTROPY, lossTangent } from "./loss";
import { Batch, Layer, LayerRows, Plan } from "./plan";

/**
 * The derivative of a whole value and gradient pass in one direction of z (Pearlmutter's R-operator): what comes
 * out at the latents is the Hessian-vector product ∇²_z l · v, and what is left in the layers gives the mixed
 * term ∂_θ(vᵀ∇_z l). It follows a value and a gradient pass of the same rows, and takes the directions v from the
 * tangents of the first LayerRows.
 */
export function tangentForward(plan: Plan, batch: Batch, count: i32): void {
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const layer = layerOf(plan, l);
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    collect(batch.sources, before.tangents, before.stride, batch.rows, count);
    collect(batch.destinations, after.tangents, after.stride, batch.rows, count);
    denseTangent(layer, plan.zeros, count, batch.sources, batch.destinations);
    if (hasActivation(plan, batch, l)) {
      for (let i: i32 = 0; i < count; i++) tangentThroughActivation(layer, after, rowAt(batch.rows, i));
    }
  }
}

/** The derivative of the loss's gradients for the outputs, into the scratch rows. */
export function lossTangents(plan: Plan, batch: Batch, count: i32): void {
  const last = rowsOf(batch, plan.layerCount);
  const size = layerOf(plan, plan.layerCount - 1).outputSize;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const offset = row * last.stride;
    lossTangent(
      batch.loss,
      last.outputs + offset,
      last.tangents + offset,
      load<usize>(batch.weights + (row << 2)),
      <f32>load<f64>(batch.scales + (row << 3)),
      batch.scratch + row * batch.scratchStride,
      size,
    );
  }
}

/** From the scratch rows at the outputs to ∇²_z l · v, the gradient tangents of the first LayerRows. */
export function tangentBackward(plan: Plan, batch: Batch, count: i32): void {
  for (let l = plan.layerCount - 1; l >= 0; l--) {
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    for (let i: i32 = 0; i < count; i++) {
      const row = rowAt(batch.rows, i);
      const scratch = batch.scratch + row * batch.scratchStride;
      if (hasActivation(plan, batch, l)) gradientThroughActivation(layerOf(plan, l), after, row, scratch);
      else memory.copy(after.gradientTangents + row * after.stride, scratch, after.stride);
    }
    collect(batch.sources, after.gradientTangents, after.stride, batch.rows, count);
    if (l > 0) collect(batch.destinations, batch.scratch, batch.scratchStride, batch.rows, count);
    else collect(batch.destinations, before.gradientTangents, before.stride, batch.rows, count);
    denseBackward(layerOf(plan, l), plan.zeros, count, batch.sources, batch.destinations);
  }
}

/** Cross entropy begins at the logits: the last layer's activation is part of the loss. */
export function hasActivation(plan: Plan, batch: Batch, layer: i32): bool {
  if (layerOf(plan, layer).activation === IDENTITY) return false;
  return layer + 1 < plan.layerCount || batch.loss !== LOSS_CROSS_ENTROPY;
}

/**
 * With ẋ the tangent of the product: gradientTangents = f''·ẋ·(gradient for the outputs), the part of the
 * gradient's tangent that comes from f' changing; tangents = f'·ẋ.
 */
function tangentThroughActivation(layer: Layer, after: LayerRows, row: usize): void {
  const end = (<usize>layer.outputSize) << 2;
  const offset = row * after.stride;
  for (let i: usize = 0; i < end; i += 16) {
    const at = offset + i;
    const tangent = v128.load(after.tangents + at);
    const bend = f32x4.mul(v128.load(after.curvatures + at), v128.load(after.outputGradients + at));
    v128.store(after.gradientTangents + at, f32x4.mul(bend, tangent));
    v128.store(after.tangents + at, f32x4.mul(tangent, v128.load(after.slopes + at)));
  }
}

/** gradientTangents += f' · scratch */
function gradientThroughActivation(layer: Layer, after: LayerRows, row: usize, scratch: usize): void {
  const end = (<usize>layer.outputSize) << 2;
  const offset = row * after.stride;
  for (let i: usize = 0; i < end; i += 16) {
    const at = offset + i;
    const product = f32x4.mul(v128.load(scratch + i), v128.load(after.slopes + at));
    v128.store(after.gradientTangents + at, f32x4.add(v128.load(after.gradientTangents + at), product));
  }
}
