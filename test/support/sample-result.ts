import type { EncodeResult, SolveStatistics } from "../../src/index.ts";

/** One sample of a result, everything that is its own but a trajectory. */
export function sampleOf({ z, loss, initialLoss, gradientNorm, status, stats }: EncodeResult, i: number) {
  const d = z.length / status.length;
  const costs = Object.fromEntries(Object.entries(stats).map(([name, values]) => [name, values[i]]));
  return {
    z: Array.from(z.subarray(i * d, (i + 1) * d)),
    loss: loss[i],
    initialLoss: initialLoss[i],
    gradientNorm: gradientNorm[i],
    status: status[i],
    ...(costs as { readonly [Name in keyof SolveStatistics]: number | undefined }),
  };
}
