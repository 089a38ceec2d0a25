import { calling } from "../base/calling.ts";
import { orDefault } from "../base/check.ts";
import { logarithm } from "../base/elementary-functions.ts";
import { completeOptions, type FieldsOf, later, number } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import {
  checkArray,
  checkMatrix,
  checkRow,
  isArray,
  type Numbers,
  type PriorComponents,
  precisionsOf,
  scalarOrRow,
  spread,
} from "./prior-numbers.ts";

/**
 * Kinds of prior and their parameters: plain numbers, which JSON and messages can carry. Every table over the kinds is typed
 * by this interface, so that the compiler reports a kind that a table lacks.
 */
export interface PriorKinds {
  readonly gaussian: {
    /** Mean of the latents: d values, or one for all latents. */
    readonly mean: number | readonly number[];
    /** Standard deviations: d values, or one for all latents; undefined if `covariance` is given. */
    readonly std: number | readonly number[] | undefined;
    /** Covariance, d × d numbers, row-major; undefined if `std` is given. */
    readonly covariance: readonly number[] | undefined;
  };
  readonly gaussianMixture: {
    /** Mixture weights of the K components, > 0, which add up to 1. */
    readonly weights: readonly number[];
    /** Means of the K components, [K, d] for d latents. */
    readonly means: readonly number[];
    /** Standard deviations of the K components, [K, d] for d latents; undefined if `covariances` are given. */
    readonly stds: readonly number[] | undefined;
    /** Covariances of the K components, [K, d, d] for d latents; undefined if `stds` are given. */
    readonly covariances: readonly number[] | undefined;
  };
}

/** Name of a kind of prior, such as `"gaussian"`: the field `name` of the prior's value. */
export type PriorKind = keyof PriorKinds;

interface PriorBase<Kind extends PriorKind> {
  readonly name: Kind;
  /** Number of values d in the latents that the prior is for; undefined if it is for any number. */
  readonly latentSize: number | undefined;
  /** Factor by which the negative log-density, in nats, is multiplied to give the prior's value. */
  readonly weight: number;
}

type PriorOf<Kind extends PriorKind> = { readonly [K in Kind]: PriorBase<K> & PriorKinds[K] }[Kind];

/** Gaussian density of the codes: an immutable value made by `gaussian(…)`. */
export type GaussianPrior = PriorOf<"gaussian">;
/** Mixture of Gaussians as the density of the codes: an immutable value made by `gaussianMixture(…)`. */
export type GaussianMixturePrior = PriorOf<"gaussianMixture">;

/**
 * Prior density of the codes. The objective that `encode` minimises is then loss + prior(z)/N, with prior(z) the negative
 * log-density in nats up to a constant, times the prior's weight, and N the number that the loss was divided by: n for a
 * mean, Σw for a weighted mean, 1 for a sum.
 */
export type Prior = PriorOf<PriorKind>;

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** Mean of the latents: d values from -3e38 to 3e38, or one for all latents. Default 0. */
  mean?: number | Numbers | undefined;
  /** Standard deviations: d values from 1e-30 to 1e30, or one for all latents. Default 1. Not together with `covariance`. */
  std?: number | Numbers | undefined;
  /** Covariance: d rows, or d × d numbers row-major; symmetric and positive definite, with variances from 1e-60 to 1e60. */
  covariance?: Numbers | readonly Numbers[] | undefined;
  /** Factor > 0 by which the prior's value, in nats, is multiplied. Default 1. */
  weight?: number | undefined;
}

/** Options of `gaussianMixture`, K components. */
export interface GaussianMixtureOptions {
  /** K mixture weights > 0, which are divided by their sum. Default: all equal. */
  weights?: Numbers | undefined;
  /** Means of the components: K rows of d values from -3e38 to 3e38. */
  means: readonly Numbers[];
  /**
   * Standard deviations from 1e-30 to 1e30: d for each component, one for each component, or one for all. Either these or
   * `covariances` are required.
   */
  stds?: number | readonly (number | Numbers)[] | undefined;
  /** Covariances of the components: K symmetric, positive definite matrices, each d rows or d × d numbers row-major. */
  covariances?: readonly (Numbers | readonly Numbers[])[] | undefined;
  /** Factor > 0 by which the prior's value, in nats, is multiplied. Default 1. */
  weight?: number | undefined;
}

const WEIGHT = number({ above: 0 }, 1);

/** Checks and defaults of the options of `gaussian`; its arrays are checked later, since their sizes must agree. */
const GAUSSIAN_FIELDS = {
  mean: later<GaussianOptions["mean"]>(),
  std: later<GaussianOptions["std"]>(),
  covariance: later<GaussianOptions["covariance"]>(),
  weight: WEIGHT,
} satisfies FieldsOf<GaussianOptions>;

/** Checks and defaults of the options of `gaussianMixture`; its arrays are checked later, since their sizes must agree. */
const MIXTURE_FIELDS = {
  weights: later<GaussianMixtureOptions["weights"]>(),
  means: later<GaussianMixtureOptions["means"]>(),
  stds: later<GaussianMixtureOptions["stds"]>(),
  covariances: later<GaussianMixtureOptions["covariances"]>(),
  weight: WEIGHT,
} satisfies FieldsOf<GaussianMixtureOptions>;

/** Bounds of a standard deviation: its square and the inverse of the square must be finite. */
const STD = { min: 1e-30, max: 1e30 };
/** Bounds of a mean, those of float32, in which codes are returned. */
const MEAN = { min: -3e38, max: 3e38 };

/**
 * Makes a Gaussian prior. Its value is weight · ½ (z - mean)ᵀ Σ⁻¹ (z - mean), with Σ the covariance, or the diagonal matrix
 * of the squared standard deviations. The constants d/2 · ln 2π and ½ log det Σ are omitted, so that the value is 0 at the
 * mean. The default is ½‖z‖², the prior of a standard VAE.
 *
 * @example await encode(decoder, y, { prior: gaussian() })
 * @throws LatentflowError `invalid_argument` on an unknown option, a value out of range, sizes that do not agree, or a
 *   covariance that is not symmetric or not positive definite
 */
export function gaussian(options: GaussianOptions = {}): GaussianPrior {
  return calling("gaussian", () => {
    const { mean = 0, std, covariance, weight } = completeOptions(options, GAUSSIAN_FIELDS);
    if (std !== undefined && covariance !== undefined) {
      throw refused("std", "and covariance are", "both given", "one of them");
    }
    const ownMean = scalarOrRow("mean", mean, undefined, MEAN);
    const meanSize = typeof ownMean === "number" ? undefined : ownMean.length;
    if (covariance !== undefined) {
      const matrix = checkMatrix("covariance", covariance, meanSize);
      const given = { mean: ownMean, std: undefined, covariance: matrix };
      return make({ name: "gaussian", latentSize: Math.sqrt(matrix.length), weight, ...given });
    }
    const ownStd = scalarOrRow("std", orDefault(std, 1), meanSize, STD);
    const latentSize = meanSize ?? (typeof ownStd === "number" ? undefined : ownStd.length);
    return make({ name: "gaussian", latentSize, weight, mean: ownMean, std: ownStd, covariance: undefined });
  });
}

/**
 * Makes a mixture of Gaussians as prior. Its value is -weight · log Σ_k w_k N_k(z), which includes each component's log
 * determinant, since components differ in it, but not the constant d/2 · ln 2π. A VampPrior is a mixture whose means and
 * standard deviations are those that a VAE's encoder returns for its pseudo-inputs.
 *
 * @example gaussianMixture({ means: [[-1, 0], [1, 0]], stds: 0.5 })
 * @throws LatentflowError `invalid_argument` on an unknown option, a value out of range, sizes that do not agree, or a
 *   covariance that is not symmetric or not positive definite
 */
export function gaussianMixture(options: GaussianMixtureOptions): GaussianMixturePrior {
  return calling("gaussianMixture", () => {
    const { weights, means, stds, covariances, weight } = completeOptions(options, MIXTURE_FIELDS);
    checkArray("means", means, "an array of rows, one for each component");
    const count = means.length;
    const first = checkRow("means[0]", means[0], undefined, MEAN);
    const latentSize = first.length;
    const rows = Array.from(means, (row, k) => checkRow(`means[${k}]`, row, latentSize, MEAN));
    if (stds === undefined && covariances === undefined) {
      throw refused("stds", "is", "undefined", "stds or covariances");
    }
    if (stds !== undefined && covariances !== undefined) {
      throw refused("stds", "and covariances are", "both given", "one of them");
    }
    const equal = rows.map(() => 1);
    const common = {
      ...({ name: "gaussianMixture", latentSize, weight } as const),
      weights: sharesOf(orDefault(weights, equal), count),
      means: freeze(rows.flat()),
    };
    if (covariances !== undefined) {
      const matrices = eachOf("covariances", covariances, count).map((matrix, k) =>
        checkMatrix(`covariances[${k}]`, matrix, latentSize),
      );
      return make({ ...common, stds: undefined, covariances: freeze(matrices.flat()) });
    }
    const spread = typeof stds === "number" ? rows.map(() => stds) : eachOf("stds", stds, count);
    const deviations = spread.flatMap((std, k) => {
      const own = scalarOrRow(typeof stds === "number" ? "stds" : `stds[${k}]`, std, latentSize, STD);
      return typeof own === "number" ? new Array<number>(latentSize).fill(own) : own;
    });
    return make({ ...common, stds: freeze(deviations), covariances: undefined });
  });
}

/** Returns mixture weights: `count` positive numbers, checked, divided by their sum and frozen. */
function sharesOf(weights: Numbers, count: number): readonly number[] {
  const given = checkRow("weights", weights, count, { above: 0 });
  const sum = given.reduce((total, share) => total + share, 0);
  // Weights that already add up to 1 stay unchanged to the last bit, so that a prior survives a file exactly.
  if (Math.abs(sum - 1) <= count * Number.EPSILON) return freeze(given);
  // The sum of the weights may overflow float64.
  const largest = given.reduce((most, share) => Math.max(most, share), 0);
  const whole = given.reduce((total, share) => total + share / largest, 0);
  const shares = Number.isFinite(sum)
    ? given.map((share) => share / sum)
    : given.map((share) => share / largest / whole);
  const none = shares.indexOf(0);
  if (none >= 0) {
    throw refused(
      `weights[${none}]`,
      "is",
      `${given[none]} beside ${largest}`,
      "a share that float64 can show",
      "; leave the component out",
    );
  }
  return freeze(shares);
}

const made = new WeakSet<object>();

/** True for a prior that this module has made, whose numbers need no further check. */
export function isMadeHere(value: unknown): value is Prior {
  return made.has(value as Prior);
}

function make<P extends Prior>(prior: P): P {
  made.add(prior);
  return Object.freeze(prior);
}

function eachOf<T>(name: string, values: readonly T[] | undefined, count: number): readonly T[] {
  if (isArray(values) && values.length === count) return Array.from(values as readonly T[]);
  const [verb, got] = isArray(values) ? ["has", `${values.length} entries`] : ["is", show(values)];
  throw refused(name, verb!, got!, `${count}, one for each of the means`);
}

function freeze(values: number[]): readonly number[] {
  return Object.freeze(values);
}

/**
 * Axes of one of a prior's parameters: components (K), latents (d), and pairs of latents (dd), as in the rows of a
 * covariance.
 */
type Axes = "K" | "d" | "dd" | "Kd" | "Kdd";

/** Functions of one kind of prior, and the axes of its parameters. */
interface KindOfPrior<Kind extends PriorKind> {
  /** Numeric parameters of the prior, with their axes. */
  readonly axes: { readonly [Field in keyof PriorKinds[Kind]]: Axes };
  /** Rebuilds, and so checks, a prior from the fields of one that was restored from JSON. */
  readonly remake: (kept: Partial<Omit<PriorOf<Kind>, "name">>) => Prior;
  /** Returns the prior in the form that the kernels use, for latents of d values. */
  readonly components: (prior: PriorKinds[Kind], d: number) => Omit<PriorComponents, "weight" | "latentSize">;
}

/** Functions and parameter axes of each kind of prior, by its name. */
export const PRIORS: { readonly [Kind in PriorKind]: KindOfPrior<Kind> } = {
  gaussian: {
    axes: { mean: "d", std: "d", covariance: "dd" },
    remake: ({ latentSize: _, ...options }) => gaussian(options),
    components({ mean, std, covariance }, d) {
      const { precisions } = precisionsOf(covariance, std === undefined ? undefined : spread(std, d), 1, d);
      return {
        count: 1,
        curvature: "constant",
        isFull: covariance !== undefined,
        precisions,
        means: spread(mean, d),
        constants: new Float64Array(1),
      };
    },
  },
  gaussianMixture: {
    axes: { weights: "K", means: "Kd", stds: "Kd", covariances: "Kdd" },
    remake({ latentSize: _, weights, means, stds, covariances, ...others }) {
      return calling("gaussianMixture", () => {
        // Copied with Array.prototype.slice: values from a file may be any objects with a length.
        const count = checkArray("weights", weights, "an array of numbers").length;
        const split = (name: string, given: unknown) => {
          const values = checkArray(name, given, "an array of numbers");
          const size = values.length / count;
          if (!Number.isInteger(size))
            throw refused(name, "has", `${values.length} values`, `a multiple of ${count}`);
          return Array.from({ length: count }, (_, k) =>
            Array.prototype.slice.call(values, k * size, (k + 1) * size),
          );
        };
        return gaussianMixture({
          ...others,
          weights,
          means: split("means", means),
          ...(covariances !== undefined && { covariances: split("covariances", covariances) }),
          ...(stds !== undefined && { stds: split("stds", stds) }),
        });
      });
    },
    components({ weights, means, stds, covariances }, d) {
      const count = weights.length;
      const { precisions, logDeterminants } = precisionsOf(covariances, stds, count, d);
      return {
        count,
        curvature: "latent",
        isFull: covariances !== undefined,
        precisions,
        means: Float64Array.from(means),
        constants: Float64Array.from(weights, (weight, k) => logarithm(weight) - logDeterminants[k]! / 2),
      };
    },
  },
};

/** Returns the functions of a prior's kind. */
export function kindOf(name: PriorKind): KindOfPrior<PriorKind> {
  return PRIORS[name] as KindOfPrior<PriorKind>;
}
