import type { StandardLoss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { type Decoder, decoderGraphOf, GraphDecoder } from "./decoder.ts";

/** A decoder of the same operations and parameters with memory of its own, and with a loss and a prior of its own. */
export function copyDecoder(
  decoder: Decoder,
  { loss, prior }: { readonly loss: StandardLoss | undefined; readonly prior: Prior | undefined },
): Decoder {
  return new GraphDecoder({ ...decoderGraphOf(decoder), loss, prior }, decoder.parameters.slice());
}
