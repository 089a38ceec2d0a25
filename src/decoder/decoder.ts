import type { Loss } from "../loss.ts";
import type { Activation } from "./activation.ts";

/** A fully connected layer: output = activation(weight · input + bias). */
export interface DenseLayer {
  readonly kind: "dense";
  readonly inputSize: number;
  readonly outputSize: number;
  readonly activation: Activation;
  /** The layer's name in files: `NAME.weight` and `NAME.bias`. */
  readonly name: string;
  /** [outputSize, inputSize], row-major; a view into the decoder's `parameters`. Read only. */
  readonly weight: Float32Array;
  /** [outputSize]; a view into the decoder's `parameters`. Read only. */
  readonly bias: Float32Array;
}
