import { checkPlain } from "../base/plain-value.ts";
import { refused } from "../base/refuse.ts";
import { isMadeHere, PRIORS, type Prior } from "./priors.ts";

// Checks of priors that come from a caller, another copy of the package, or a file.

/** Option `prior` of a call: a prior, or `"none"` to ignore the prior stored in the decoder. */
export type PriorLike = Prior | "none";

/**
 * Returns the prior that a call uses: the option `prior`, else the prior stored in the decoder; undefined if there is
 * neither, or for "none".
 *
 * @throws LatentflowError `invalid_argument` if it is not a prior, or is for latents of another size
 */
export function checkPrior(
  given: PriorLike | undefined,
  decoder: { readonly prior: Prior | undefined; readonly latentSize: number },
): Prior | undefined {
  if (given === "none") return undefined;
  const prior = given === undefined ? decoder.prior : given;
  if (prior === undefined) return undefined;
  return checkPriorSize(normalisePrior(prior, { orNone: true }), decoder.latentSize);
}

/** Returns `prior` if it is for latents of `latentSize` values or of any size; throws `invalid_argument` otherwise. */
export function checkPriorSize(prior: Prior, latentSize: number): Prior {
  if (prior.latentSize === undefined || prior.latentSize === latentSize) return prior;
  throw refused(
    "prior",
    "is",
    `for latents of ${prior.latentSize} values`,
    `${latentSize} (the decoder's latent size)`,
  );
}

/**
 * Returns a prior of this module unchanged; rebuilds, and so checks, a prior from another copy of the package or from a
 * file.
 *
 * @param options.name name of the prior in messages. Default "prior"
 * @param options.orNone true if messages are to name "none" as allowed too. Default false
 * @throws LatentflowError `invalid_argument` when `value` is not a valid prior
 */
export function normalisePrior(
  value: unknown,
  { name = "prior", orNone = false }: { readonly name?: string; readonly orNone?: boolean } = {},
): Prior {
  if (isMadeHere(value)) return value;
  const makers = Object.fromEntries(Object.entries(PRIORS).map(([kind, { remake }]) => [kind, remake]));
  return checkPlain<Prior>(name, value, makers as never, ...(orNone ? ['"none"'] : []));
}
