/**
 * Decoders of measurements y = A·D(z): `measure`, and operators A such as blurs, matrices and projections.
 *
 * @module latentflow/measure
 */

export { type BlurOptions, blur } from "./blur.ts";
export { type DownsampleFilter, type DownsampleOptions, downsample } from "./downsample.ts";
export type { BlurPadding } from "./kernel.ts";
export { measure } from "./measure.ts";
export type { Operator } from "./operator.ts";
export {
  type CropOptions,
  crop,
  type DecolorizeOptions,
  decolorize,
  type LayerWithTensors,
  layers,
  type MatrixOptions,
  matrix,
  type SparseOptions,
  sparse,
  stack,
} from "./operators.ts";
export { type ProjectionsOptions, projections } from "./projections.ts";
