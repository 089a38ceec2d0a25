import type { StandardLoss } from "../terms/losses.ts";
import { type Decoder, descriptionOf, GraphDecoder } from "./decoder.ts";

/**
 * A decoder of the same operations and parameters with memory of its own.
 *
 * @param loss the copy's
 */
export function copyDecoder(decoder: Decoder, loss: StandardLoss | undefined): Decoder {
  const copy = new GraphDecoder({ ...descriptionOf(decoder), loss });
  copy.parameters.set(decoder.parameters);
  return copy;
}
