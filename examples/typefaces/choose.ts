// What the validation families decide: the ridge of the linear completion, and the prior of the codes with its weight.
import { joinValues } from "../../src/files/array.ts";
import { type Decoder, decode, fitGaussian, fitGaussianMixture, wasm } from "../../src/index.ts";
import type { Prior } from "../../src/terms/priors.ts";
import { type Basis, COEFFICIENTS, COMPONENTS, fieldFrom } from "./basis.ts";
import { cachedJson } from "./cache.ts";
import { findCodes } from "./completion.ts";
import { letterIndex } from "./geometry/cell.ts";
import { letterOrder } from "./letter-orders.ts";
import { type Covariance, covarianceOf, linearCompletion } from "./linear.ts";
import { type PreparedPart, prepareVariations } from "./prepare.ts";
import { meanScore, type Score, scoreOf } from "./score.ts";
import { hashOf, type TrainedTrunk } from "./training.ts";
import { LATENT_SIZE, TRUNK_SIZE } from "./trunk.ts";

/** Seeds of the letters that the validation is given; tests are given others. */
const VALIDATION_ORDERS = [101, 102];

/** Numbers of letters given by which the prior is chosen: one prior serves all. */
const VALIDATION_COUNTS = [1, 5] as const;

const RIDGES = [0.003, 0.01, 0.03, 0.1];

/** Scores completed rows of coefficients. */
export function scoreRows(part: PreparedPart, letters: string, rows: Float32Array, basis: Basis): Score {
  const length = rows.length / part.styles.length;
  return scoreOf(part, letters, (i, letter) =>
    fieldFrom(rows.subarray(i * length, (i + 1) * length), letterIndex(letter), basis),
  );
}

/**
 * Completes rows of coefficients by a trunk.
 *
 * @param rows [count, TRUNK_SIZE]
 */
export async function completeRows(
  trunk: Decoder,
  rows: Float32Array,
  given: string,
  prior: Prior,
): Promise<Float32Array> {
  const weights = new Float32Array(TRUNK_SIZE);
  for (const letter of given) {
    const first = letterIndex(letter) * COMPONENTS;
    weights.fill(1, first, first + COMPONENTS);
  }
  const backend = wasm({ threads: 1 });
  return decode(trunk, await findCodes(trunk, rows, { weights, prior, backend }), { backend });
}

/** Completes a part's rows linearly, [styles, COEFFICIENTS]. */
export function completeLinearly(
  { styles, rows }: PreparedPart,
  { covariance, ridge }: LinearChoice,
  given: string,
): Float32Array {
  const complete = linearCompletion(covariance, given, ridge);
  const completed = new Float32Array(styles.length * COEFFICIENTS);
  for (let i = 0; i < styles.length; i++) {
    completed.set(complete(rows.subarray(i * TRUNK_SIZE, (i + 1) * TRUNK_SIZE)), i * COEFFICIENTS);
  }
  return completed;
}

/** What linear completion depends on beside the letters given. */
export interface LinearChoice {
  readonly covariance: Covariance;
  readonly ridge: number;
}

/** Covariances of which the linear completion takes one: of the training styles alone, and with their variations. */
export async function linearCovariances(training: PreparedPart): Promise<Covariance[]> {
  const all = joinValues([training.rows, await prepareVariations()]);
  return [training.rows, all].map((rows) => covarianceOf(rows, TRUNK_SIZE, COEFFICIENTS));
}

/** Chooses the covariance and the ridge for a number of letters given. */
export function chooseLinear(
  validation: PreparedPart,
  basis: Basis,
  covariances: readonly Covariance[],
  count: number,
): LinearChoice {
  const choices = covariances.flatMap((covariance) => RIDGES.map((ridge) => ({ covariance, ridge })));
  const scores = choices.map((choice) => {
    const scores = VALIDATION_ORDERS.map(letterOrder).map(({ given, others }) =>
      scoreRows(validation, others, completeLinearly(validation, choice, given.slice(0, count)), basis),
    );
    return { choice, score: meanScore(scores) };
  });
  const choice = best(scores);
  const data = choice.covariance === covariances[0] ? "the training styles" : "their variations, too";
  console.log(`linear with ${count} letters given: ridge ${choice.ridge}, of ${data}`);
  return choice;
}

/** A sort of prior: its name, and its fit to codes. */
interface PriorKind {
  readonly name: string;
  fit(codes: Float32Array, weight: number): Prior;
}

/** Sorts of priors that are tried. */
export const PRIOR_KINDS: readonly PriorKind[] = [
  {
    name: "gaussian",
    fit(codes, weight) {
      const options = { latentSize: LATENT_SIZE, covariance: "full", shrinkage: 0.1 } as const;
      return fitGaussian(codes, { ...options, weight });
    },
  },
  {
    name: "mixture-of-4",
    fit(codes, weight) {
      const options = {
        latentSize: LATENT_SIZE,
        components: 4,
        covariance: "full",
        varianceFloor: 0.1,
      } as const;
      return fitGaussianMixture(codes, { ...options, weight }).prior;
    },
  },
];

/** Weights that are tried. */
const PRIOR_WEIGHTS = [0.02, 0.06, 0.2, 0.6];

/** A sort of prior with its weight. */
export interface PriorChoice {
  readonly kind: PriorKind;
  readonly weight: number;
}

/**
 * Chooses the sort of prior and its weight, by one trained trunk: the weight with the first sort, then the sort with this
 * weight.
 */
export async function choosePrior(
  validation: PreparedPart,
  basis: Basis,
  trained: TrainedTrunk,
): Promise<PriorChoice> {
  const scored = async (choice: PriorChoice) => {
    const score = await scorePrior(validation, basis, trained, choice);
    console.log(`${nameOf(choice)}: IoU ${score.iou.toFixed(4)}, RMSE ${score.rmse.toFixed(3)}`);
    return { choice, score };
  };
  const [first, ...others] = PRIOR_KINDS;
  const byWeight: Scored<PriorChoice>[] = [];
  for (const weight of PRIOR_WEIGHTS) byWeight.push(await scored({ kind: first!, weight }));
  const { weight } = best(byWeight);
  const byKind = byWeight.filter(({ choice }) => choice.weight === weight);
  for (const kind of others) byKind.push(await scored({ kind, weight }));
  return best(byKind);
}

/** Scores completions of validation styles with a prior. */
export function scorePrior(
  validation: PreparedPart,
  basis: Basis,
  { trunk, codes }: TrainedTrunk,
  choice: PriorChoice,
): Promise<Score> {
  return cachedJson(`prior-${hashOf(trunk)}-${nameOf(choice)}`, async () => {
    const prior = choice.kind.fit(codes, choice.weight);
    const scores: Score[] = [];
    for (const { given, others } of VALIDATION_ORDERS.map(letterOrder)) {
      for (const count of VALIDATION_COUNTS) {
        const rows = await completeRows(trunk, validation.rows, given.slice(0, count), prior);
        scores.push(scoreRows(validation, others, rows, basis));
      }
    }
    return meanScore(scores);
  });
}

/** Name of a choice, also of files: "gaussian-0.2". */
export function nameOf({ kind, weight }: PriorChoice): string {
  return `${kind.name}-${weight}`;
}

interface Scored<T> {
  readonly choice: T;
  readonly score: Score;
}

/** The choice with the largest intersection over union. */
function best<T>(scores: readonly Scored<T>[]): T {
  return scores.reduce((a, b) => (b.score.iou > a.score.iou ? b : a)).choice;
}
