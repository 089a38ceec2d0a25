import { median } from "../measure.ts";

/** Something timed: resolves to what it took, in any one unit. */
export interface Timed {
  readonly name: string;
  time(): Promise<number>;
}

/** What was measured, by name: a figure of each round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Times all in turns, round after round, so that a machine that slows down slows all of them. */
export async function inTurns(cases: readonly Timed[], rounds: number): Promise<Rounds> {
  const times = new Map(cases.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, time } of cases) times.get(name)!.push(await time());
  }
  return times;
}

export function medianOf(times: Rounds, name: string): number {
  return median(times.get(name)!);
}

/** The median over the rounds of one figure divided by another of the same round. */
export function ratioOf(times: Rounds, above: string, below: string): number {
  const divisors = times.get(below)!;
  return median(times.get(above)!.map((value, round) => value / divisors[round]!));
}
