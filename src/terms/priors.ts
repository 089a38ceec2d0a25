import { callHint, checkNumber, checkOptions, invalid, show } from "../check.ts";
import { checkMatrix, checkRow, isArray, type Numbers, scalarOrRow } from "./prior-numbers.ts";

/**
 * The kinds of prior, and what each is made of: plain numbers, that JSON and messages hold. Every place that has to know
 * the kinds has a table over all of them.
 */
export interface PriorKinds {
  readonly gaussian: {
    /** d values, or one for all. */
    readonly mean: number | readonly number[];
    /** d standard deviations, or one for all; undefined where there is a covariance. */
    readonly std: number | readonly number[] | undefined;
    /** d × d, row-major; undefined where there are standard deviations. */
    readonly covariance: readonly number[] | undefined;
  };
  readonly gaussianMixture: {
    /** K shares that add up to 1. */
    readonly weights: readonly number[];
    /** K × d, one component after the other. */
    readonly means: readonly number[];
    /** K × d; undefined where there are covariances. */
    readonly stds: readonly number[] | undefined;
    /** K × d × d; undefined where there are standard deviations. */
    readonly covariances: readonly number[] | undefined;
  };
}

export type PriorKind = keyof PriorKinds;

interface PriorBase<Kind extends PriorKind> {
  readonly name: Kind;
  /** The size of the latents that it is for; undefined where it is for any. */
  readonly latentSize: number | undefined;
  /** What its value in nats is multiplied by. */
  readonly weight: number;
}

type PriorOf<Kind extends PriorKind> = { readonly [K in Kind]: PriorBase<K> & PriorKinds[K] }[Kind];

/** A Gaussian density of the codes: an immutable value made by `gaussian(…)`. */
export type GaussianPrior = PriorOf<"gaussian">;
/** A mixture of Gaussians: an immutable value made by `gaussianMixture(…)`. */
export type GaussianMixturePrior = PriorOf<"gaussianMixture">;

/**
 * What is known of codes before any sample is seen: a density. The objective that `encode` lowers is then
 * loss + prior(z)/N, prior(z) the negative log-density in nats, and N what the loss was divided by: n for a mean, Σw for
 * a weighted one, 1 for a sum.
 */
export type Prior = PriorOf<PriorKind>;

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** d values, or one for all. Default 0. */
  mean?: number | Numbers;
  /** d standard deviations from 1e-30 to 1e30, or one for all. Default 1. Not together with `covariance`. */
  std?: number | Numbers;
  /** d × d, symmetric and positive definite, variances from 1e-60 to 1e60: d rows, or all numbers row-major. */
  covariance?: Numbers | readonly Numbers[];
  /** What its value in nats is multiplied by, > 0. Default 1. */
  weight?: number;
}

/** Options of `gaussianMixture`, K components. */
export interface GaussianMixtureOptions {
  /** K shares > 0; they are divided by their sum. Default: all alike. */
  weights?: Numbers;
  /** K rows of d values. */
  means: readonly Numbers[];
  /** Of each component d standard deviations, or one; or one for all. Either these or `covariances`. */
  stds?: number | readonly (number | Numbers)[];
  /** K symmetric, positive definite matrices, each d rows or d × d numbers row-major. */
  covariances?: readonly (Numbers | readonly Numbers[])[];
  /** What its value in nats is multiplied by, > 0. Default 1. */
  weight?: number;
}

/** What a standard deviation may be: its square and the inverse of that have to be numbers. */
const STD = { min: 1e-30, max: 1e30 };

/**
 * A Gaussian prior: weight · ½ (z - mean)ᵀ Σ⁻¹ (z - mean), Σ the covariance, or the squared standard deviations on its
 * diagonal. Neither d/2 · ln 2π nor the log determinant is in it, so that it is 0 at its mean. With the default it is
 * ½‖z‖², which a VAE's decoder was trained with.
 *
 * @example await encode(decoder, y, { prior: gaussian() })
 * @throws LatentflowError `invalid_argument` on an unknown option, a value out of range, sizes that do not agree, or a
 *   covariance that is not symmetric or not positive definite
 */
export function gaussian(options: GaussianOptions = {}): GaussianPrior {
  const where = "gaussian";
  checkOptions(where, options, { mean: true, std: true, covariance: true, weight: true });
  const { mean = 0, std, covariance } = options;
  const weight = checkNumber(where, "weight", options.weight ?? 1, { above: 0 });
  if (std !== undefined && covariance !== undefined) {
    throw invalid(`${where}: std and covariance are both given, expected one of them`);
  }
  const ownMean = scalarOrRow(where, "mean", mean, undefined, {});
  const meanSize = typeof ownMean === "number" ? undefined : ownMean.length;
  if (covariance !== undefined) {
    const matrix = checkMatrix(where, "covariance", covariance, meanSize);
    const latentSize = Math.sqrt(matrix.length);
    return make({
      ...{ name: "gaussian", latentSize, weight },
      ...{ mean: ownMean, std: undefined, covariance: matrix },
    });
  }
  const ownStd = scalarOrRow(where, "std", std ?? 1, meanSize, STD);
  const latentSize = meanSize ?? (typeof ownStd === "number" ? undefined : ownStd.length);
  return make({ name: "gaussian", latentSize, weight, mean: ownMean, std: ownStd, covariance: undefined });
}

/**
 * A mixture of Gaussians: -weight · log Σ_k w_k N_k(z), with each component's log determinant, since it says where codes
 * are dense, and without d/2 · ln 2π. A VampPrior is one whose means and standard deviations are a VAE's encoder's at
 * its pseudo-inputs.
 *
 * @example gaussianMixture({ means: [[-1, 0], [1, 0]], stds: 0.5 })
 * @throws LatentflowError `invalid_argument` on an unknown option, a value out of range, sizes that do not agree, or a
 *   covariance that is not symmetric or not positive definite
 */
export function gaussianMixture(options: GaussianMixtureOptions): GaussianMixturePrior {
  const where = "gaussianMixture";
  checkOptions(where, options, { weights: true, means: true, stds: true, covariances: true, weight: true });
  const { means, stds, covariances } = options ?? {};
  const weight = checkNumber(where, "weight", options?.weight ?? 1, { above: 0 });
  if (!isArray(means) || means.length === 0) {
    const came = isArray(means) ? "empty" : show(means);
    throw invalid(`${where}: means is ${came}, expected an array of rows, one for each component`);
  }
  const count = means.length;
  const first = checkRow(where, "means[0]", means[0], undefined, {});
  const latentSize = first.length;
  const rows = Array.from(means, (row, k) => checkRow(where, `means[${k}]`, row, latentSize, {}));
  if ((stds === undefined) === (covariances === undefined)) {
    const which = stds === undefined ? "neither stds nor covariances is" : "stds and covariances are both";
    throw invalid(`${where}: ${which} given, expected one of them`);
  }
  const common = {
    ...({ name: "gaussianMixture", latentSize, weight } as const),
    weights: sharesOf(where, options.weights ?? rows.map(() => 1), count),
    means: freeze(rows.flat()),
  };
  if (covariances !== undefined) {
    const matrices = eachOf(where, "covariances", covariances, count).map((matrix, k) =>
      checkMatrix(where, `covariances[${k}]`, matrix, latentSize),
    );
    return make({ ...common, stds: undefined, covariances: freeze(matrices.flat()) });
  }
  const spread = typeof stds === "number" ? rows.map(() => stds) : eachOf(where, "stds", stds, count);
  const deviations = spread.flatMap((std, k) => {
    const own = scalarOrRow(where, typeof stds === "number" ? "stds" : `stds[${k}]`, std, latentSize, STD);
    return typeof own === "number" ? new Array<number>(latentSize).fill(own) : own;
  });
  return make({ ...common, stds: freeze(deviations), covariances: undefined });
}

/** Numbers in proportion to shares, as shares that add up to 1. */
function sharesOf(where: string, weights: Numbers, count: number): readonly number[] {
  const given = checkRow(where, "weights", weights, count, { above: 0 });
  const sum = given.reduce((total, share) => total + share, 0);
  // What has been divided before stays as it is, to the last bit: a file gives back the prior that it was given.
  if (Math.abs(sum - 1) <= count * Number.EPSILON) return freeze(given);
  // Their sum may be more than float64 holds.
  const largest = given.reduce((most, share) => Math.max(most, share), 0);
  const whole = given.reduce((total, share) => total + share / largest, 0);
  const shares = Number.isFinite(sum)
    ? given.map((share) => share / sum)
    : given.map((share) => share / largest / whole);
  const none = shares.indexOf(0);
  if (none >= 0) {
    throw invalid(
      `${where}: weights[${none}] is ${given[none]} beside ${largest}, expected a share that float64 can show; leave the component out`,
    );
  }
  return freeze(shares);
}

/** What a call may be given as its prior: one, or `"none"` where the decoder has one of its own that is not to be used. */
export type PriorLike = Prior | "none";

/**
 * The prior that a call uses: the one given, else the decoder's own. Refuses what is no prior, and one for latents of
 * another size.
 */
export function checkPrior(
  where: string,
  given: PriorLike | undefined,
  decoder: { readonly prior: Prior | undefined; readonly latentSize: number },
): Prior | undefined {
  if (given === "none") return undefined;
  const prior = given === undefined ? decoder.prior : given;
  if (prior === undefined) return undefined;
  return checkPriorSize(where, normalisePrior(where, prior, { orNone: true }), decoder.latentSize);
}

/** Refuses a prior for latents of another size. */
export function checkPriorSize(where: string, prior: Prior, latentSize: number): Prior {
  if (prior.latentSize === undefined || prior.latentSize === latentSize) return prior;
  throw invalid(
    `${where}: prior is for latents of ${prior.latentSize} values, expected ${latentSize} (the decoder's latent size)`,
  );
}

/** What a prior of each kind is made of, and how it is made anew of what JSON has kept of one. */
const KINDS: {
  readonly [Kind in PriorKind]: {
    readonly fields: { readonly [Field in keyof PriorKinds[Kind]]: true };
    readonly remake: (fields: Partial<PriorKinds[Kind]>, weight: number) => Prior;
  };
} = {
  gaussian: {
    fields: { mean: true, std: true, covariance: true },
    remake: ({ mean, std, covariance }, weight) =>
      gaussian({
        ...(mean !== undefined && { mean }),
        ...(std !== undefined && { std }),
        ...(covariance !== undefined && { covariance }),
        weight,
      }),
  },
  gaussianMixture: {
    fields: { weights: true, means: true, stds: true, covariances: true },
    remake({ weights, means, stds, covariances }, weight) {
      const where = "gaussianMixture";
      // Arrays of its own: of what a file holds anything may say that it has a length.
      const count = arrayOf(where, "weights", weights).length;
      const split = (name: string, given: unknown) => {
        const values = arrayOf(where, name, given);
        const size = values.length / count;
        if (!Number.isInteger(size))
          throw invalid(`${where}: ${name} has ${values.length} values, expected a multiple of ${count}`);
        return Array.from({ length: count }, (_, k) =>
          Array.prototype.slice.call(values, k * size, (k + 1) * size),
        );
      };
      return gaussianMixture({
        ...{ weights: weights!, weight, means: split("means", means) },
        ...(covariances !== undefined && { covariances: split("covariances", covariances) }),
        ...(stds !== undefined && { stds: split("stds", stds) }),
      });
    },
  },
};

function arrayOf(where: string, name: string, values: unknown): ArrayLike<unknown> {
  if (isArray(values) && values.length > 0) return values;
  throw invalid(
    `${where}: ${name} is ${isArray(values) ? "empty" : show(values)}, expected an array of numbers`,
  );
}

const made = new WeakSet<object>();

function make<P extends Prior>(prior: P): P {
  made.add(prior);
  return Object.freeze(prior);
}

/**
 * A prior as it was made; or, of another copy of this module or from a file, made anew of its numbers and so checked.
 *
 * @param options.name what messages call it. Default "prior"
 * @param options.orNone whether "none" would have been right, too. Default false
 * @throws LatentflowError `invalid_argument` when it is none
 */
export function normalisePrior(
  where: string,
  value: unknown,
  { name = "prior", orNone = false }: { readonly name?: string; readonly orNone?: boolean } = {},
): Prior {
  if (typeof value === "object" && value !== null) {
    if (made.has(value)) return value as Prior;
    const { name: kind, weight = 1 } = value as Partial<Prior>;
    if (typeof kind === "string" && Object.hasOwn(KINDS, kind)) {
      const { fields, remake } = KINDS[kind];
      try {
        checkOptions(kind, value as object, { name: true, latentSize: true, weight: true, ...fields });
        return remake(value as never, weight);
      } catch (cause) {
        throw invalid(`${where}: ${name}: ${cause instanceof Error ? cause.message : show(cause)}`);
      }
    }
  }
  const none = orNone ? ', or "none"' : "";
  throw invalid(
    `${where}: ${name} is ${show(value)}${callHint(value)}, expected what gaussian() or gaussianMixture() returns${none}`,
  );
}

function eachOf<T>(
  where: string,
  name: string,
  values: readonly T[] | undefined,
  count: number,
): readonly T[] {
  if (isArray(values) && values.length === count) return Array.from(values as readonly T[]);
  const came = isArray(values) ? `has ${values.length} entries` : `is ${show(values)}`;
  throw invalid(`${where}: ${name} ${came}, expected ${count}, one for each of the means`);
}

function freeze(values: number[]): readonly number[] {
  return Object.freeze(values);
}
