import type { StandardLoss } from "../loss.ts";
import { type Decoder, LayeredDecoder } from "./decoder.ts";

/**
 * A decoder of the same layers and parameters with memory of its own.
 *
 * @param loss the copy's
 */
export function copyDecoder(decoder: Decoder, loss: StandardLoss | undefined): Decoder {
  const { layers, outputShape, parameters } = decoder;
  const copy = new LayeredDecoder({ layers, outputShape, loss });
  copy.parameters.set(parameters);
  return copy;
}
