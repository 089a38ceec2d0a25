import { mean } from "../../timing.ts";

/** How near to the best loss counts as there, as a share of it. */
const WITHIN = 1e-3;

/** What has to be there: the mean of all losses to that of the best ones, or so many of the samples each to its own. */
export const CRITERIA = ["mean", "half", "most"] as const;
export type Criterion = (typeof CRITERIA)[number];

const SHARES = { half: 0.5, most: 0.95 } as const;

/** The share of samples that are there. */
export function shareThere(losses: ArrayLike<number>, best: readonly number[]): number {
  return best.filter((loss, i) => losses[i]! <= loss * (1 + WITHIN)).length / best.length;
}

export function isThere(criterion: Criterion, losses: ArrayLike<number>, best: readonly number[]): boolean {
  if (criterion === "mean") return mean(Array.from(losses)) <= mean(best) * (1 + WITHIN);
  return shareThere(losses, best) >= SHARES[criterion];
}

/** The first evaluation at which a criterion holds; -1 where it never does. */
export function firstThere(
  criterion: Criterion,
  history: readonly (readonly number[])[],
  best: readonly number[],
): number {
  return history.findIndex((losses) => isThere(criterion, losses, best));
}

/** The least loss of each sample, of all that were seen. */
export function leastLosses(histories: Iterable<readonly ArrayLike<number>[]>, samples: number): number[] {
  const least = new Array<number>(samples).fill(Number.POSITIVE_INFINITY);
  for (const history of histories) {
    for (const losses of history) {
      for (let i = 0; i < samples; i++) if (losses[i]! < least[i]!) least[i] = losses[i]!;
    }
  }
  return least;
}
