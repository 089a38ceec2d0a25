import { checkPlain } from "../base/plain-value.ts";
import { refused } from "../base/refuse.ts";
import { isMadeHere, PRIORS, type Prior } from "./priors.ts";

// What comes in as a prior: from a caller, another copy of the package, or a file.

/** Option `prior` of a call: a prior, or `"none"` to leave the decoder's own out. */
export type PriorLike = Prior | "none";

/**
 * Returns the prior that a call uses: the one given, else the decoder's own. Refuses other values, and a prior for latents
 * of another size.
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

/**
 * Returns a prior of this module as it is; remakes, and so checks, one from another copy of the package or from a file.
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
  if (isMadeHere(value)) return value;
  const makers = Object.fromEntries(Object.entries(PRIORS).map(([kind, { remake }]) => [kind, remake]));
  return checkPlain<Prior>(where, name, value, makers as never, ...(orNone ? ['"none"'] : []));
}
