import { activationBackward, activationForward } from "./activation";
import { denseBackward, denseForward, packDense } from "./dense";
import { LOSS_CROSS_ENTROPY, lossBackward, lossForward } from "./loss";
import { Batch, Layer, LayerRows, Plan } from "./plan";

/**
 * Packs the parameters: weight and bias of each layer in turn, float32.
 *
 * @param rowAlignment each row of a weight, and each bias, takes a multiple of so many floats: 1 as in files,
 *   8 in the blocks that optimizers work on
 */
export function packDecoder(plan: Plan, parameters: usize, rowAlignment: i32): void {
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const layer = layerOf(plan, l);
    const row = alignedRow(layer.inputSize, rowAlignment);
    const bias = parameters + <usize>layer.outputSize * row;
    packDense(layer, parameters, row, bias);
    parameters = bias + alignedRow(layer.outputSize, rowAlignment);
  }
}

/** The bytes of a row of `size` floats. */
function alignedRow(size: i32, alignment: i32): usize {
  return (<usize>(((size + alignment - 1) / alignment) * alignment)) << 2;
}

/**
 * D(z) for the first `count` rows of batch.rows, from the latents in the first LayerRows to the outputs of
 * the last; `toLogits` leaves out the activation of the last layer.
 */
export function decoderForward(plan: Plan, batch: Batch, count: i32, toLogits: bool): void {
  for (let l: i32 = 0; l < plan.layerCount; l++) {
    const layer = layerOf(plan, l);
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    collect(batch.sources, before.outputs, before.stride, batch.rows, count);
    collect(batch.destinations, after.outputs, after.stride, batch.rows, count);
    denseForward(layer, count, batch.sources, batch.destinations);
    if (toLogits && l + 1 === plan.layerCount) return;
    for (let i: i32 = 0; i < count; i++) {
      const offset = rowAt(batch.rows, i) * after.stride;
      activationForward(
        layer.activation,
        layer.parameter,
        after.outputs + offset,
        after.slopes + offset,
        after.curvatures ? after.curvatures + offset : 0,
        layer.outputSize,
      );
    }
  }
}

/** l(y, D(z)) of the first `count` rows of batch.rows, into batch.losses. Keeps what `gradient` needs. */
export function value(plan: Plan, batch: Batch, count: i32): void {
  decoderForward(plan, batch, count, batch.loss === LOSS_CROSS_ENTROPY);
  const last = rowsOf(batch, plan.layerCount);
  const size = layerOf(plan, plan.layerCount - 1).outputSize;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sum = lossForward(
      batch.loss,
      last.outputs + row * last.stride,
      load<usize>(batch.targets + (row << 2)),
      load<usize>(batch.weights + (row << 2)),
      size,
    );
    store<f64>(batch.losses + (row << 3), sum * load<f64>(batch.scales + (row << 3)));
  }
}

/**
 * ∇_z l of the first `count` rows of batch.rows at the points of their last `value`, into the gradients of
 * the first LayerRows.
 */
export function gradient(plan: Plan, batch: Batch, count: i32): void {
  const last = rowsOf(batch, plan.layerCount);
  const size = layerOf(plan, plan.layerCount - 1).outputSize;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const offset = row * last.stride;
    lossBackward(
      batch.loss,
      last.outputs + offset,
      load<usize>(batch.targets + (row << 2)),
      load<usize>(batch.weights + (row << 2)),
      <f32>load<f64>(batch.scales + (row << 3)),
      last.gradients + offset,
      size,
    );
  }
  backward(plan, batch, count);
}

/** The backward pass alone: from the gradients for the outputs to those for the latents. */
export function backward(plan: Plan, batch: Batch, count: i32): void {
  if (batch.loss !== LOSS_CROSS_ENTROPY) {
    const last = rowsOf(batch, plan.layerCount);
    backThroughActivation(layerOf(plan, plan.layerCount - 1), last, batch.rows, count);
  }
  for (let l = plan.layerCount - 1; l >= 0; l--) {
    const before = rowsOf(batch, l);
    const after = rowsOf(batch, l + 1);
    collect(batch.sources, after.gradients, after.stride, batch.rows, count);
    collect(batch.destinations, before.gradients, before.stride, batch.rows, count);
    denseBackward(layerOf(plan, l), plan.zeros, count, batch.sources, batch.destinations);
    if (l > 0) backThroughActivation(layerOf(plan, l - 1), before, batch.rows, count);
  }
}

function backThroughActivation(layer: Layer, after: LayerRows, rows: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(rows, i) * after.stride;
    const gradients = after.gradients + offset;
    if (after.outputGradients) memory.copy(after.outputGradients + offset, gradients, after.stride);
    activationBackward(layer.activation, after.slopes + offset, gradients, layer.outputSize);
  }
}

/** Pointers to the chosen rows of a block, for one product. */
export function collect(pointers: usize, block: usize, stride: usize, rows: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    store<usize>(pointers + ((<usize>i) << 2), block + rowAt(rows, i) * stride);
  }
}

export function layerOf(plan: Plan, index: i32): Layer {
  return changetype<Layer>(plan.layers + <usize>index * offsetof<Layer>());
}

export function rowsOf(batch: Batch, index: i32): LayerRows {
  return changetype<LayerRows>(batch.layers + <usize>index * offsetof<LayerRows>());
}

export function rowAt(rows: usize, index: i32): usize {
  return <usize>load<i32>(rows + ((<usize>index) << 2));
}
