import type { EncodeResult } from "../src/index.ts";

/**
 * Passes that each sample has taken: a row once through the decoder, forwards, backwards or along a tangent. A curvature
 * matrix of the sample's own takes a tangent for each latent.
 */
export function passesOf({ stats }: Pick<EncodeResult, "stats">, latentSize: number): Float64Array {
  const { valueEvaluations, gradientEvaluations, matrixEvaluations } = stats;
  return Float64Array.from(
    valueEvaluations,
    (values, i) => values + gradientEvaluations[i]! + latentSize * matrixEvaluations[i]!,
  );
}
