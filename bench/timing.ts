/** One thing to be timed: `run` does `units` units of work. */
export interface Case {
  readonly name: string;
  readonly units: number;
  run(): void;
}

/**
 * Times cases in turns, so that a machine that slows down slows all of them, and returns the milliseconds a
 * unit of each case in each round: [round][case]. (Benchmark libraries time one case after the other.)
 */
export function interleave(cases: readonly Case[], rounds: number): number[][] {
  for (const { run } of cases) for (let i = 0; i < 3; i++) run();
  return Array.from({ length: rounds }, () =>
    cases.map(({ run, units }) => {
      const start = performance.now();
      run();
      return (performance.now() - start) / units;
    }),
  );
}

/**
 * Seconds that this process has computed since it began. Of work on one thread, on a machine that is shared, it is what that
 * would have taken alone, which a clock on the wall is not.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The middle one of some values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Σ values */
export function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Σ values / their number. */
export function mean(values: ArrayLike<number>): number {
  return total(values) / values.length;
}
