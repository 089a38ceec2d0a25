import { type Decoder, type DecoderGraph, decoderGraphOf, GraphDecoder } from "./decoder.ts";

/**
 * Copies a decoder, including its parameters.
 *
 * @param changes loss, prior or starts to use in place of the decoder's own
 */
export function copyDecoder(
  decoder: Decoder,
  changes: Partial<Pick<DecoderGraph, "loss" | "prior" | "start" | "starts">>,
): Decoder {
  return new GraphDecoder({ ...decoderGraphOf(decoder), ...changes }, decoder.parameters.slice());
}
