import { multiply } from "./gemm";
import { packPanels } from "./panels";
import { Layer } from "./plan";

/** The next rows = W·(these rows) + bias, before the activation. */
export function denseForward(layer: Layer, count: i32, sources: usize, destinations: usize): void {
  const panels = (layer.outputSize + 7) >> 3;
  multiply(count, sources, destinations, layer.panels, layer.bias, layer.inputSize, panels);
}

/** Tangents of the next rows = W·(tangents of these rows), before the activation. */
export function denseTangent(
  layer: Layer,
  zeros: usize,
  count: i32,
  sources: usize,
  destinations: usize,
): void {
  const panels = (layer.outputSize + 7) >> 3;
  multiply(count, sources, destinations, layer.panels, zeros, layer.inputSize, panels);
}

/** Gradients for a layer's inputs = Wᵀ·(gradients for what `denseForward` made). */
export function denseBackward(
  layer: Layer,
  zeros: usize,
  count: i32,
  sources: usize,
  destinations: usize,
): void {
  const panels = (layer.inputSize + 7) >> 3;
  multiply(count, sources, destinations, layer.transposedPanels, zeros, layer.outputSize, panels);
}

/**
 * Fills a layer's panels, in both directions, and its bias.
 *
 * @param weight [outputSize, inputSize], row-major
 * @param row bytes from one row to the next
 * @param bias [outputSize]
 */
export function packDense(layer: Layer, weight: usize, row: usize, bias: usize): void {
  packPanels(weight, layer.outputSize, layer.inputSize, row, 4, layer.panels);
  packPanels(weight, layer.inputSize, layer.outputSize, 4, row, layer.transposedPanels);
  packPanels(bias, layer.outputSize, 1, 4, 0, layer.bias);
}
