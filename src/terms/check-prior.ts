import { callHint, checkOptions, invalid, refused, show } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import { scopeOf } from "../base/message.ts";
import { messageOf } from "../base/realms.ts";
import { isArray } from "./prior-numbers.ts";
import {
  gaussian,
  gaussianMixture,
  isMadeHere,
  type Prior,
  type PriorKind,
  type PriorKinds,
} from "./priors.ts";

// What comes in as a prior: from a caller, another copy of the package, or a file.

/** Option `prior` of a call: a prior, or `"none"` to leave the decoder's own out. */
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
  throw refused(
    where,
    "prior",
    "is",
    `for latents of ${prior.latentSize} values`,
    `${latentSize} (the decoder's latent size)`,
  );
}

/** Numbers that a prior of each kind consists of, and its maker from what JSON has kept of one. */
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
          throw refused(where, name, "has", `${values.length} values`, `a multiple of ${count}`);
        return Array.from({ length: count }, (_, k) =>
          Array.prototype.slice.call(values, k * size, (k + 1) * size),
        );
      };
      return gaussianMixture({
        weights: weights!,
        weight,
        means: split("means", means),
        ...(covariances !== undefined && { covariances: split("covariances", covariances) }),
        ...(stds !== undefined && { stds: split("stds", stds) }),
      });
    },
  },
};

function arrayOf(where: string, name: string, values: unknown): ArrayLike<unknown> {
  if (isArray(values) && values.length > 0) return values;
  throw refused(where, name, "is", isArray(values) ? "empty" : show(values), "an array of numbers");
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
    if (isMadeHere(value)) return value;
    const { name: kind, weight = 1 } = value as Partial<Prior>;
    if (typeof kind === "string" && Object.hasOwn(KINDS, kind)) {
      const { fields, remake } = KINDS[kind];
      try {
        checkOptions(kind, value as object, { name: true, latentSize: true, weight: true, ...fields });
        return remake(value as never, weight);
      } catch (cause) {
        throw invalid(
          `${where}: ${scopeOf(name)}: ${cause instanceof LatentflowError ? markedMessage(cause) : messageOf(cause)}`,
        );
      }
    }
  }
  const none = orNone ? ', or "none"' : "";
  throw refused(
    where,
    name,
    "is",
    `${show(value)}${callHint(value)}`,
    `what gaussian() or gaussianMixture() returns${none}`,
  );
}
