import { isFloat32Array, isUint8Array } from "../base/realms.ts";
import type { Weights } from "../base/weights.ts";
import type { Decoder } from "../decoder/decoder.ts";

/**
 * Returns weights of one channel of a picture, height × width values, repeated for all channels of the decoder's output; any
 * others unchanged.
 */
export function pixelWeights<Given extends Weights>(weights: Given, decoder: Decoder): Given;
export function pixelWeights(weights: Weights, decoder: Decoder): Weights {
  const { outputShape, outputLayout, outputSize: n } = decoder;
  const [first, , last] = outputShape;
  const channels = n / weights.length;
  const isLast = last === channels && !(outputLayout === "channelsFirst" && first === channels);
  const isPicture = outputShape.length === 3 && (isLast || first === channels);
  if (!isPicture || ![3, 4].includes(channels)) return weights;
  const at = (i: number) => weights[isLast ? Math.floor(i / channels) : i % weights.length]!;
  const length = { length: n };
  if (isFloat32Array(weights)) return Float32Array.from(length, (_, i) => Number(at(i)));
  if (isUint8Array(weights)) return Uint8Array.from(length, (_, i) => Number(at(i)));
  return Array.isArray(weights) ? Array.from(length, (_, i) => Boolean(at(i))) : weights;
}

/** Returns the options of a call with `pixelWeights` as weights. */
export function spreadWeights<Options extends { weights?: Weights | undefined }>(
  options: Options,
  decoder: Decoder,
): Options {
  return { ...options, weights: options.weights && pixelWeights(options.weights, decoder) };
}
