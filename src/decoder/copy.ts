import type { StandardLoss } from "../terms/losses.ts";
import { type Decoder, decoderGraphOf, GraphDecoder } from "./decoder.ts";

/**
 * A decoder of the same operations and parameters with memory of its own.
 *
 * @param loss the copy's
 */
export function copyDecoder(decoder: Decoder, loss: StandardLoss | undefined): Decoder {
  return new GraphDecoder({ ...decoderGraphOf(decoder), loss }, decoder.parameters.slice());
}
