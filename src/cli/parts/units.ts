// The samples are cut into units, and the units dealt out to shards.

/** Some samples that follow each other: what is computed, and written, as a whole. */
export interface Unit {
  /** Which of the units it is, from 0. */
  readonly index: number;
  /** Its first sample. */
  readonly first: number;
  readonly count: number;
}

/** Which part of the work a process does: `index` of `count`, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** How the samples are cut. */
export interface Cut {
  /** How many there are. */
  readonly samples: number;
  /** How many a unit has; the last one may have fewer. */
  readonly unit: number;
}

/** The samples of a unit, where no `--unit` says how many: round numbers. */
const STANDARD_UNITS = [10_000, 5000, 2000, 1000, 500, 200, 100] as const;
/**
 * What is stopped within a unit is lost. By lbfgs, which takes some 40 passes a sample, a thread at 30 GFLOP/s encodes in about
 * a minute what takes so many multiply-adds to decode.
 */
const UNIT_OPERATIONS = 2e10;
/** A folder with more files is slow to list on any file system. */
export const MOST_UNITS = 1_000_000;

/** The bounds of `standardUnit`, for help. */
export const STANDARD_UNIT_TEXT = `as many as take about a minute, ${STANDARD_UNITS.at(-1)} to ${STANDARD_UNITS[0]}`;

/**
 * How many samples a unit has where no `--unit` says it. Once it is another number, a run begun before without `--unit` is
 * refused: its parts are of units of the old size, and only `--unit` with that goes on from them.
 *
 * @param operations the multiply-adds that it takes to decode a sample
 */
export function standardUnit(operations: number, samples: number): number {
  const most = Math.floor(UNIT_OPERATIONS / operations);
  const unit = STANDARD_UNITS.find((each) => each <= most) ?? STANDARD_UNITS.at(-1)!;
  return Math.max(unit, Math.ceil(samples / MOST_UNITS));
}

/** How many units there are. */
export function unitCount({ samples, unit }: Cut): number {
  return Math.ceil(samples / unit);
}

/** One of them. */
export function unitAt(index: number, { samples, unit }: Cut): Unit {
  const first = index * unit;
  return { index, first, count: Math.min(unit, samples - first) };
}

/** All units; of a shard those that are its own: they follow each other, so that a file is read in one go. */
export function unitsOf(cut: Cut, { index, count }: Shard = { index: 0, count: 1 }): Unit[] {
  const total = unitCount(cut);
  // Exact: the product may be beyond 2^53.
  const bound = (shard: number) => Number((BigInt(shard) * BigInt(total)) / BigInt(count));
  const [from, to] = [bound(index), bound(index + 1)];
  return Array.from({ length: to - from }, (_, i) => unitAt(from + i, cut));
}

/** The shard that a unit is of, where there are so many. */
export function shardOf(unit: number, cut: Cut, count: number): number {
  const total = BigInt(unitCount(cut));
  // The largest shard whose first unit is not behind this one.
  return Number(((BigInt(unit) + 1n) * BigInt(count) - 1n) / total);
}
