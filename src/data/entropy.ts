import type { Reduction } from "../loss.ts";

/**
 * The least cross entropy that each sample can come to: its targets' own entropy,
 * -y log y - (1 - y) log(1 - y) per element, in nats. It is 0 where the targets are black and white and
 * reached where the reconstruction equals them.
 *
 * @param y [B, sampleSize], in [0, 1]; anything where its weight is 0
 * @param weights ≥ 0, sampleSize or B × sampleSize of them; without them every element counts alike
 * @returns [B], reduced over the elements as the loss is
 */
export function targetEntropy(
  y: Float32Array,
  sampleSize: number,
  reduction: Reduction,
  weights?: Float32Array,
): Float64Array {
  return Float64Array.from({ length: y.length / sampleSize }, (_, sample) => {
    let entropySum = 0;
    let weightSum = 0;
    for (let i = 0; i < sampleSize; i++) {
      const element = sample * sampleSize + i;
      const weight = weights?.[element % weights.length] ?? 1;
      if (weight === 0) continue;
      entropySum += weight * binaryEntropy(y[element]!);
      weightSum += weight;
    }
    return reduction === "sum" ? entropySum : entropySum / weightSum;
  });
}

function binaryEntropy(y: number): number {
  return entropyTerm(y) + entropyTerm(1 - y);
}

/** -p log p, whose limit at 0 is 0. */
function entropyTerm(p: number): number {
  return p === 0 ? 0 : -p * Math.log(p);
}
