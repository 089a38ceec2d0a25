import { inTurns } from "../../base/event-loop.ts";
import { invalidFile } from "../../base/refuse.ts";
import { type Candidate, type FitSettings, fitCandidate } from "./candidate.ts";
import { holdOut } from "./hold-out.ts";
import { fillByComponents } from "./iterative-pca.ts";
import { distanceAt, inOwnUnits, momentsOf, type Numbers, standardise } from "./values.ts";
import { areMeansAsGood, type FillErrors } from "./verdict.ts";

/** Result of filling a table. */
export interface Filled {
  /** The table's values, [rows, columns], the missing ones filled. */
  readonly values: Float32Array;
  /** What other methods take all values for, [rows, columns]: the columns' means, and iterative PCA of the chosen rank. */
  readonly others: { readonly mean: Float32Array; readonly pca: Float32Array };
  /** Decoders whose mean filled the values, the best first; none if the columns' means did, being as good. */
  readonly chosen: readonly Candidate[];
  /** Values that were held out, and what they were taken for without being seen, in the columns' units. */
  readonly heldOut: HeldOut;
  /**
   * Root mean square errors of the held-out values, in standard deviations: of each half of the rows by the decoder, or rank, that
   * the other half chooses.
   */
  readonly errors: FillErrors;
}

/** Values that were held out, by their places in [rows, columns], and the values by each method, [rows, columns]. */
export interface HeldOut {
  readonly places: Uint32Array;
  readonly truth: Float32Array;
  readonly fill: Float32Array;
  readonly mean: Float32Array;
  readonly pca: Float32Array;
}

/** Numbers of latents that are tried first. */
const LATENTS = [1, 2, 4, 8, 16];
/** Ranks of iterative PCA that are tried. */
const RANKS = [1, 2, 3, 4, 6, 8, 12, 16];
/** Rounds of a search from the best candidate on, and the factor of its steps. */
const ROUNDS = 3;
const STEP = 2.5;
/** Number of fits at most: of the candidates, and of those that are chosen to all values. */
export const FITS = 28;
/** Number of best candidates whose mean may be taken. */
const BEST = 3;

/**
 * Fills the missing values of a table by decoders that are trained on the table itself. A tenth of the seen values is held out and
 * chooses a decoder, linear or with a hidden layer, and how strongly it is held, or the mean of the best; these are then fitted to all
 * values. Where the columns' means are as good, they fill the values.
 *
 * @throws LatentflowError `invalid_file`, before any work, if no value can be held out
 * @param groups first column of each cell, and the column behind its last
 * @param onFit called with the number of fits that are done, a fraction during one, of FITS, and the least error so far, NaN before
 *   the first
 */
export async function fillValues(
  table: Numbers,
  groups: readonly (readonly [first: number, end: number])[],
  {
    onFit,
    ...settings
  }: Omit<FitSettings, "onShare"> & { readonly onFit: (done: number, error: number) => void },
): Promise<Filled> {
  const { rows, columns } = table;
  const places = holdOut(table, groups, settings.seed);
  if (places.length === 0) {
    const expected =
      "rows with two seen cells, and a column with four, of which one is held out to choose a decoder";
    throw invalidFile(`too little is seen, expected ${expected}`);
  }
  const shown: Numbers = { ...table, values: table.values.slice() };
  for (const at of places) shown.values[at] = Number.NaN;
  const moments = momentsOf(shown);
  const seen = standardise(shown, moments);
  const truth = standardise(table, moments).values;
  const tried: (Tried & { readonly error: number })[] = [];
  let done = 0;
  const fit = async (numbers: Numbers, candidate: Candidate) => {
    const report = (share: number) => onFit(Math.min(FITS, done + share), tried[0]?.error ?? Number.NaN);
    const values = await fitCandidate(numbers, candidate, { ...settings, onShare: report });
    done++;
    return values;
  };

  const tryAll = async (candidates: readonly Candidate[]) => {
    for (const candidate of candidates) {
      const values = await fit(seen, candidate);
      tried.push({ candidate, values, error: distanceAt(values, truth, places) });
      tried.sort((a, b) => a.error - b.error);
    }
  };
  const sizes = LATENTS.filter((size) => size === 1 || size < columns);
  await tryAll(sizes.map((latentSize) => ({ latentSize, weightDecay: 1, priorWeight: 2 })));
  const { latentSize } = tried[0]!.candidate;
  await tryAll([
    { latentSize: Math.min(4, columns), hidden: 16, weightDecay: 1, priorWeight: 4 },
    { latentSize, hidden: 32, weightDecay: 0.5, priorWeight: 2 },
  ]);
  // From the best one on, to all sides, as long as it gets better.
  for (let round = 0; round < ROUNDS; round++) {
    const { candidate } = tried[0]!;
    const { latentSize, weightDecay, priorWeight } = candidate;
    await tryAll(
      [
        { ...candidate, weightDecay: weightDecay / STEP },
        { ...candidate, weightDecay: weightDecay * STEP },
        { ...candidate, priorWeight: priorWeight / STEP },
        { ...candidate, priorWeight: priorWeight * STEP },
        { ...candidate, latentSize: Math.max(1, Math.floor(latentSize / 1.4)) },
        { ...candidate, latentSize: Math.min(columns, Math.ceil(latentSize * 1.4)) },
      ].filter((each) => !tried.some((before) => isSame(before.candidate, each))),
    );
    if (tried[0]!.candidate === candidate) break;
  }

  const chosen = bestOf(tried, truth, places).candidates;
  const ranks = await componentsOfRanks(seen, settings.signal);
  const { rank } = bestRank(ranks, truth, places);
  // What is chosen by the cells of half of the rows is judged by those of the others: an error that had chosen would flatter.
  const [fill, pca] = [new Float32Array(truth.length), new Float32Array(truth.length)];
  const halves = [0, 1].map((half) => places.filter((at) => Math.floor(at / columns) % 2 === half));
  for (const [half, judged] of halves.entries()) {
    const others = halves[1 - half]!;
    const best = bestOf(tried, truth, others).values;
    const components = bestRank(ranks, truth, others).values;
    for (const at of judged) [fill[at], pca[at]] = [best[at]!, components[at]!];
  }
  const mean = new Float32Array(rows * columns);
  const errors = {
    fill: distanceAt(fill, truth, places),
    mean: distanceAt(mean, truth, places),
    pca: distanceAt(pca, truth, places),
  };

  const ofAll = momentsOf(table);
  const whole = standardise(table, ofAll);
  const components = await inTurns(fillByComponents(whole, rank), settings.signal);
  const isOfMeans = areMeansAsGood(errors);
  const fits: Float32Array[] = [];
  if (!isOfMeans) for (const candidate of chosen) fits.push(await fit(whole, candidate));
  onFit(FITS, errors.fill);
  const approximation = inOwnUnits(isOfMeans ? mean : meanOf(fits), ofAll);
  return {
    values: table.values.map((value, i) => (Number.isNaN(value) ? approximation[i]! : value)),
    others: { mean: inOwnUnits(mean, ofAll), pca: inOwnUnits(components, ofAll) },
    chosen: isOfMeans ? [] : chosen,
    heldOut: {
      places,
      truth: table.values,
      fill: inOwnUnits(fill, moments),
      mean: inOwnUnits(mean, moments),
      pca: inOwnUnits(pca, moments),
    },
    errors,
  };
}

function isSame(a: Candidate, b: Candidate): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function meanOf(all: readonly Float32Array[]): Float32Array {
  return all[0]!.map((_, i) => all.reduce((sum, values) => sum + values[i]!, 0) / all.length);
}

/** A candidate, and the table's values by it. */
interface Tried {
  readonly candidate: Candidate;
  readonly values: Float32Array;
}

/** Returns the candidates whose mean is best at the given places, the best one first, and the values by it. */
function bestOf(
  tried: readonly Tried[],
  truth: Float32Array,
  places: Uint32Array,
): { candidates: Candidate[]; values: Float32Array } {
  const errorOf = ({ values }: Pick<Tried, "values">) => distanceAt(values, truth, places);
  const sorted = [...tried].sort((a, b) => errorOf(a) - errorOf(b)).slice(0, BEST);
  const means = sorted.map((_, i) => {
    const those = sorted.slice(0, i + 1);
    return {
      candidates: those.map(({ candidate }) => candidate),
      values: meanOf(those.map(({ values }) => values)),
    };
  });
  return means.reduce((best, each) => (errorOf(each) < errorOf(best) ? each : best));
}

/** Values by iterative PCA of a rank; of rank 0 the columns' means. */
interface Components {
  readonly rank: number;
  readonly values: Float32Array;
}

/** Returns the values by iterative PCA of each rank that is tried. */
async function componentsOfRanks(seen: Numbers, signal: AbortSignal): Promise<Components[]> {
  const all: Components[] = [{ rank: 0, values: new Float32Array(seen.values.length) }];
  for (const rank of RANKS.filter((each) => each < seen.columns)) {
    all.push({ rank, values: await inTurns(fillByComponents(seen, rank), signal) });
  }
  return all;
}

/** Returns the components whose rank is best at the given places. */
function bestRank(all: readonly Components[], truth: Float32Array, places: Uint32Array): Components {
  const errorOf = ({ values }: Components) => distanceAt(values, truth, places);
  return all.reduce((best, each) => (errorOf(each) < errorOf(best) ? each : best));
}
