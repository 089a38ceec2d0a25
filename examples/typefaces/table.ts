// The table: letters that are never given, of test families, completed in five ways.
import { table } from "../../reproduce/page.ts";
import { type Basis, COEFFICIENTS } from "./basis.ts";
import { cachedJson } from "./cache.ts";
import {
  chooseLinear,
  completeLinearly,
  completeRows,
  linearCovariances,
  nameOf,
  type PriorChoice,
  scoreRows,
} from "./choose.ts";
import type { Samples } from "./dataset.ts";
import { FIELD_SIZE, fieldOf, letterIndex, RANGE, SAMPLE_SIZE } from "./geometry/cell.ts";
import { COUNTS, letterOrder } from "./letter-orders.ts";
import type { Parts, PreparedPart } from "./prepare.ts";
import { nearestStyles, type Overlaps, overlapsWith } from "./retrieval.ts";
import { meanScore, type Score, scoreOf } from "./score.ts";
import { hashOf, type TrainedTrunk } from "./training.ts";
import { TRUNK_SIZE } from "./trunk.ts";

/** Seeds of the letters that are given. */
const ORDERS = [1, 2, 3];

/** Scores by the number of letters given, in the order of COUNTS; means over the orders of letters. */
type Scores = readonly Score[];

/** A way of completing, with its scores. */
export interface TableRow {
  readonly name: string;
  readonly scores: Scores;
  /** Scores of each training seed, of ways that are trained from a seed. */
  readonly seeds?: readonly Scores[];
}

/** Computes the rows of completions without a decoder. */
export async function baselineRows({ training, validation, test }: Parts, basis: Basis): Promise<TableRow[]> {
  let overlaps: Overlaps | undefined;
  const lookUp = (letters: string, others: string, neighbours: number) => {
    overlaps ??= overlapsWith(training, test);
    const all = overlaps;
    const found = test.styles.map((_, i) => nearestStyles(all, i, letters, neighbours));
    return scoreOf(test, others, (i, letter) => meanField(training, found[i]!, letter));
  };
  const lookedUp = (neighbours: number) => scoresOf((given, others) => lookUp(given, others, neighbours));
  const linear = async () => {
    const covariances = await linearCovariances(training);
    const choices = COUNTS.map((count) => chooseLinear(validation, basis, covariances, count));
    return scoresOf((given, others, i) =>
      scoreRows(test, others, completeLinearly(test, choices[i]!, given), basis),
    );
  };
  return [
    { name: "nearest training style", scores: await cachedJson("scores-nearest", () => lookedUp(1)) },
    { name: "mean of the three nearest", scores: await cachedJson("scores-three", () => lookedUp(3)) },
    {
      name: "best training style, chosen by the answer",
      scores: await cachedJson("scores-seeing", () => sameScores((others) => lookUp(others, others, 1))),
    },
    { name: "linear", scores: await cachedJson("scores-linear", linear) },
    {
      name: "the components, all letters given",
      scores: await cachedJson("scores-components", () =>
        sameScores((others) => scoreRows(test, others, test.rows, basis)),
      ),
    },
  ];
}

/** Computes the row of the decoders of several training seeds. */
export async function decoderRow(
  test: PreparedPart,
  basis: Basis,
  trunks: readonly TrainedTrunk[],
  choice: PriorChoice,
): Promise<TableRow> {
  const seeds: Scores[] = [];
  for (const trained of trunks) seeds.push(await decoderScores(test, basis, trained, choice));
  const scores = COUNTS.map((_, i) => meanScore(seeds.map((own) => own[i]!)));
  return { name: "decoder", scores, seeds };
}

/** Scores of one training seed's decoder. */
export function decoderScores(
  test: PreparedPart,
  basis: Basis,
  { trunk, codes }: TrainedTrunk,
  choice: PriorChoice,
): Promise<Scores> {
  const prior = choice.kind.fit(codes, choice.weight);
  return cachedJson(`scores-decoder-${hashOf(trunk)}-${nameOf(choice)}`, () =>
    scoresOf(async (given, others) =>
      scoreRows(test, others, await completeRows(trunk, test.rows, given, prior), basis),
    ),
  );
}

/** Scores by the number of letters given. */
async function scoresOf(
  score: (given: string, others: string, index: number) => Score | Promise<Score>,
): Promise<Scores> {
  const scores: Score[] = [];
  for (const [index, count] of COUNTS.entries()) {
    const own: Score[] = [];
    for (const { given, others } of ORDERS.map(letterOrder)) {
      own.push(await score(given.slice(0, count), others, index));
    }
    scores.push(meanScore(own));
  }
  return scores;
}

/** Scores that do not depend on the letters given. */
function sameScores(score: (others: string) => Score): Scores {
  const mean = meanScore(ORDERS.map(letterOrder).map(({ others }) => score(others)));
  return COUNTS.map(() => mean);
}

/** Mean absolute errors of the advances and side bearings of letters never given, in pixels. */
export interface BearingErrors {
  readonly decoder: number;
  /** Errors of the nearest training style's. */
  readonly nearest: number;
}

/** Letters given, of the first order, when bearings are scored. */
const BEARINGS_GIVEN = 5;

/** Scores advances and left side bearings, which are never given: those of one training seed's decoder. */
export function bearingErrors(
  { training, test }: Parts,
  { trunk, codes }: TrainedTrunk,
  choice: PriorChoice,
): Promise<BearingErrors> {
  return cachedJson(`bearings-${hashOf(trunk)}-${nameOf(choice)}`, async () => {
    const order = letterOrder(ORDERS[0]!);
    const given = order.given.slice(0, BEARINGS_GIVEN);
    const prior = choice.kind.fit(codes, choice.weight);
    const completed = await completeRows(trunk, test.rows, given, prior);
    const overlaps = overlapsWith(training, test);
    const found = test.styles.map((_, i) => nearestStyles(overlaps, i, given, 1)[0]!);
    const meanError = (guess: (style: number, at: number) => number) => {
      const errors = test.styles.flatMap((_, i) =>
        [...order.others].flatMap((letter) =>
          [0, 1].map((which) => {
            const at = COEFFICIENTS + 2 * letterIndex(letter) + which;
            return RANGE * Math.abs(guess(i, at) - test.rows[i * TRUNK_SIZE + at]!);
          }),
        ),
      );
      return errors.reduce((sum, error) => sum + error, 0) / errors.length;
    };
    return {
      decoder: meanError((i, at) => completed[i * TRUNK_SIZE + at]!),
      nearest: meanError((i, at) => training.rows[found[i]! * TRUNK_SIZE + at]!),
    };
  });
}

/** The mean field of a letter over some styles. */
export function meanField({ values }: Samples, styles: readonly number[], letter: string): Float32Array {
  const mean = new Float32Array(FIELD_SIZE);
  for (const style of styles) {
    const field = fieldOf(values.subarray(style * SAMPLE_SIZE, (style + 1) * SAMPLE_SIZE), letter);
    for (let p = 0; p < FIELD_SIZE; p++) mean[p]! += field[p]! / styles.length;
  }
  return mean;
}

/** Measures of a score, each a table of its own. */
const MEASURES = [
  { title: "Intersection over union of the ink", key: "iou", digits: 3 },
  { title: "Root mean squared error of distances, in pixels", key: "rmse", digits: 3 },
  { title: "Share of letters with as many connected parts as the font's", key: "whole", digits: 3 },
] as const;

/** The rows as tables of Markdown, with the spread over training seeds. */
export function tablesOf(rows: readonly TableRow[]): string {
  const head = ["letters given", ...COUNTS.map(String)];
  const orders = ORDERS.map(letterOrder).map(({ given }) => [...given].join(" "));
  const tables = MEASURES.map(({ title, key, digits }) => {
    const lines = rows.map(({ name, scores, seeds }) => {
      const cells = COUNTS.map((_, i) => {
        const mean = scores[i]![key].toFixed(digits);
        const own = seeds?.map((seed) => seed[i]![key]) ?? [];
        return own.length > 1 ? `${mean} ± ${deviationOf(own).toFixed(digits)}` : mean;
      });
      return [name, ...cells];
    });
    return `${title}:\n\n${table(head, lines)}\n`;
  });
  return `Letters given, in this order: ${orders.join("; ")}.\n\n${tables.join("\n")}`;
}

/** The standard deviation of a sample. */
function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
