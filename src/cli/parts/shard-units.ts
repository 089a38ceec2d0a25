// Samples are divided into units, and units among shards.

/** Consecutive samples that are encoded, and stored in a part, as a whole. */
export interface Unit {
  /** Index of the unit, from 0. */
  readonly index: number;
  /** Index of the unit's first sample. */
  readonly first: number;
  readonly count: number;
}

/** Share of the work that a process does: shard `index` of `count`, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Division of samples into units. */
export interface Cut {
  /** Number of samples. */
  readonly samples: number;
  /** Number of samples in a unit; the last unit may have fewer. */
  readonly unit: number;
}

/** Sizes that a unit may have without `--unit`, in samples: round numbers. */
const STANDARD_UNITS = [10_000, 5000, 2000, 1000, 500, 200, 100] as const;
/**
 * Multiply-adds of decoding a unit that takes a thread about a minute to encode, the most that an interrupt loses: at 30
 * GFLOP/s, by lbfgs with some 40 passes a sample.
 */
const UNIT_OPERATIONS = 2e10;
/** Most units of a run: folders with more files are slow to list. */
export const MOST_UNITS = 1_000_000;

/** Bounds of `standardUnit`, for help. */
export const STANDARD_UNIT_TEXT = `as many as take about a minute, ${STANDARD_UNITS.at(-1)} to ${STANDARD_UNITS[0]}`;

/**
 * Samples of a unit without `--unit`. Another rule would refuse runs begun before it, unless `--unit` gives the old size.
 *
 * @param operations multiply-adds of decoding a sample
 */
export function standardUnit(operations: number, samples: number): number {
  const most = Math.floor(UNIT_OPERATIONS / operations);
  const unit = STANDARD_UNITS.find((each) => each <= most) ?? STANDARD_UNITS.at(-1)!;
  return Math.max(unit, Math.ceil(samples / MOST_UNITS));
}

/** Number of units. */
export function unitCount({ samples, unit }: Cut): number {
  return Math.ceil(samples / unit);
}

/** Returns the unit of an index. */
export function unitAt(index: number, { samples, unit }: Cut): Unit {
  const first = index * unit;
  return { index, first, count: Math.min(unit, samples - first) };
}

/** Returns the units of a shard, which are consecutive so that files are read in order; all units if no shard is given. */
export function unitsOf(cut: Cut, { index, count }: Shard = { index: 0, count: 1 }): Unit[] {
  const total = unitCount(cut);
  // BigInt: the product may exceed 2^53.
  const bound = (shard: number) => Number((BigInt(shard) * BigInt(total)) / BigInt(count));
  const [from, to] = [bound(index), bound(index + 1)];
  return Array.from({ length: to - from }, (_, i) => unitAt(from + i, cut));
}

/** Returns the index of the shard that has a unit, if there are `count` shards. */
export function shardOf(unit: number, cut: Cut, count: number): number {
  const total = BigInt(unitCount(cut));
  // The largest shard whose first unit does not exceed this one.
  return Number(((BigInt(unit) + 1n) * BigInt(count) - 1n) / total);
}
