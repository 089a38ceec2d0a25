// Divides samples into units, which are saved one per file, and units among shards, which are computed by one process
// each.

/** Consecutive samples that are encoded and saved together, as one part. */
export interface Unit {
  /** Index of the unit, from 0. */
  readonly index: number;
  /** Index, in the whole data, of the first sample of the unit. */
  readonly first: number;
  readonly count: number;
}

/** One process's share of a run: shard `index`, counted from 0, of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Division of samples into units, which are encoded and saved together. */
export interface Cut {
  /** Total number of samples. */
  readonly samples: number;
  /** Number of samples per unit; the last unit may have fewer. */
  readonly unit: number;
}

/**
 * Choices for the default number of samples per unit (samples saved together in one file): `standardUnit` returns the largest
 * that takes at most UNIT_OPERATIONS, else the smallest.
 */
const STANDARD_UNITS = [10_000, 5000, 2000, 1000, 500, 200, 100] as const;
/**
 * Maximum number of multiply-adds for decoding the samples of a unit once. One thread encodes such a unit in about a minute, at
 * 30 GFLOP/s and with the 40 passes or so of L-BFGS for each sample, which bounds the work lost to an interrupt.
 */
const UNIT_OPERATIONS = 2e10;
/** Maximum number of units (samples saved together in one file) in a run; larger folders are slow to list. */
export const MOST_UNITS = 1_000_000;

/** Help text on the default number of samples per unit (samples saved together in one file), which `standardUnit` returns. */
export const STANDARD_UNIT_TEXT = `as many as take about a minute, ${STANDARD_UNITS.at(-1)} to ${STANDARD_UNITS[0]}`;

/**
 * Returns the number of samples per unit (samples saved together in one file) if `--unit` is not given. Changing this rule
 * would make runs in progress be refused unless `--unit` gives the old size.
 *
 * @param operations multiply-adds for decoding a sample
 * @param samples total number of samples
 */
export function standardUnit(operations: number, samples: number): number {
  const most = Math.floor(UNIT_OPERATIONS / operations);
  const unit = STANDARD_UNITS.find((each) => each <= most) ?? STANDARD_UNITS.at(-1)!;
  return Math.max(unit, Math.ceil(samples / MOST_UNITS));
}

/** Returns the number of units into which the samples are divided. */
export function unitCount({ samples, unit }: Cut): number {
  return Math.ceil(samples / unit);
}

/** Returns the unit (samples saved together) with the given index, from 0. */
export function unitAt(index: number, { samples, unit }: Cut): Unit {
  const first = index * unit;
  return { index, first, count: Math.min(unit, samples - first) };
}

/**
 * Returns the units (samples saved together in one file) of a shard, one process's share of the run; all units if no shard is
 * given. They are consecutive, so that files are read in order.
 */
export function unitsOf(cut: Cut, { index, count }: Shard = { index: 0, count: 1 }): Unit[] {
  const total = unitCount(cut);
  // In BigInt, since the product may exceed 2^53.
  const bound = (shard: number) => Number((BigInt(shard) * BigInt(total)) / BigInt(count));
  const [from, to] = [bound(index), bound(index + 1)];
  return Array.from({ length: to - from }, (_, i) => unitAt(from + i, cut));
}

/** Returns the index of the shard, of `count`, that has the unit (samples saved together) with the index `unit`. */
export function shardOf(unit: number, cut: Cut, count: number): number {
  const total = BigInt(unitCount(cut));
  // The largest shard whose first unit does not exceed this one.
  return Number(((BigInt(unit) + 1n) * BigInt(count) - 1n) / total);
}
