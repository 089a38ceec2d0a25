import { median } from "../timing.ts";

/** Something timed: resolves to what it took, in any one unit. */
export interface Timed {
  readonly name: string;
  time(): Promise<number>;
}

/** What was measured, by name: a figure of each round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Something of which one run takes several times. */
export interface TimedRun {
  readonly names: readonly string[];
  /** Resolves to as many. */
  time(): Promise<readonly number[]>;
}

/** Times all in turns, round after round, so that a machine that slows down slows all of them. */
export async function inTurns(cases: readonly Timed[], rounds: number): Promise<Rounds> {
  const runs = cases.map(({ name, time }) => ({ names: [name], time: async () => [await time()] }));
  return runsInTurns(runs, rounds);
}

export async function runsInTurns(runs: readonly TimedRun[], rounds: number): Promise<Rounds> {
  const times = new Map(runs.flatMap(({ names }) => names.map((name) => [name, [] as number[]])));
  for (let round = 0; round < rounds; round++) {
    for (const { names, time } of runs) {
      const taken = await time();
      names.forEach((name, i) => {
        times.get(name)!.push(taken[i]!);
      });
    }
  }
  return times;
}

export function medianOf(times: Rounds, name: string): number {
  return median(times.get(name)!);
}

export function leastOf(times: Rounds, name: string): number {
  return Math.min(...times.get(name)!);
}

/** The median over the rounds of one figure divided by another of the same round. */
export function ratioOf(times: Rounds, above: string, below: string): number {
  const divisors = times.get(below)!;
  return median(times.get(above)!.map((value, round) => value / divisors[round]!));
}
