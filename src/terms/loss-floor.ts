import type { Loss } from "./losses.ts";
import { lossTraits } from "./losses.ts";

/**
 * Returns the floor (lower bound) of each sample's loss. For cross entropy it is the entropy of the targets, -y log y - (1 - y)
 * log(1 - y) per element, in nats: 0 for targets of 0 and 1, and reached if the reconstruction equals the targets. For other
 * losses it is 0.
 *
 * @param y targets, [B, sampleSize], in the range of the loss; unused where the weight is 0
 * @param weights weights ≥ 0: sampleSize of them, or [B, sampleSize]. Default: all equal
 * @returns [B], reduced over the elements as the loss is; 0 where all weights are 0
 */
export function lossFloors(
  loss: Loss,
  y: Float32Array,
  sampleSize: number,
  weights?: Float32Array,
): Float64Array {
  const floors = new Float64Array(y.length / sampleSize);
  const { floor } = lossTraits(loss);
  if (!floor) return floors;
  return floors.map((_, sample) => {
    let sum = 0;
    let weightSum = 0;
    for (let i = 0; i < sampleSize; i++) {
      const element = sample * sampleSize + i;
      const weight = weights?.[element % weights.length] ?? 1;
      if (weight === 0) continue;
      sum += weight * floor.of(y[element]!);
      weightSum += weight;
    }
    return loss.reduction === "sum" ? sum : sum / (weightSum || 1);
  });
}
