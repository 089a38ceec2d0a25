import { type Decoder, type DecoderGraph, decoderGraphOf, GraphDecoder } from "./decoder.ts";

/**
 * Copies a decoder, with memory of its own for the parameters.
 *
 * @param changes what it has in the place of the decoder's own
 */
export function copyDecoder(
  decoder: Decoder,
  changes: Partial<Pick<DecoderGraph, "loss" | "prior" | "start">>,
): Decoder {
  return new GraphDecoder({ ...decoderGraphOf(decoder), ...changes }, decoder.parameters.slice());
}
