import type { Loss } from "./losses.ts";
import { lossTraits } from "./losses.ts";

/**
 * The least that each sample's loss can come to: for cross entropy its targets' own entropy,
 * -y log y - (1 - y) log(1 - y) per element, in nats, which is 0 where the targets are black and white and reached
 * where the reconstruction equals them; for most losses 0.
 *
 * @param y [B, sampleSize], such as the loss asks for; anything where its weight is 0
 * @param weights ≥ 0, sampleSize or B × sampleSize of them; without them every element counts alike
 * @returns [B], reduced over the elements as the loss is
 */
export function leastLosses(
  loss: Loss,
  y: Float32Array,
  sampleSize: number,
  weights?: Float32Array,
): Float64Array {
  const least = new Float64Array(y.length / sampleSize);
  const { floor } = lossTraits(loss);
  if (!floor) return least;
  return least.map((_, sample) => {
    let sum = 0;
    let weightSum = 0;
    for (let i = 0; i < sampleSize; i++) {
      const element = sample * sampleSize + i;
      const weight = weights?.[element % weights.length] ?? 1;
      if (weight === 0) continue;
      sum += weight * floor.of(y[element]!);
      weightSum += weight;
    }
    return loss.reduction === "sum" ? sum : sum / weightSum;
  });
}
