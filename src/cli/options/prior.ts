import { invalid } from "../../base/refuse.ts";
import type { Decoder, Prior } from "../../index.ts";
import { normalisePrior } from "../../terms/check-prior.ts";
import { fitGaussian, fitGaussianMixture } from "../../terms/fit-priors.ts";
import { gaussian } from "../../terms/priors.ts";
import type { DataLimits } from "../input/open-data.ts";
import { readCodes } from "../input/starts.ts";
import { type PriorFlags, priorChoice } from "./prior-options.ts";

/** The prior of a command's encodings, and where it comes from. */
export interface ChosenPrior {
  /** Prior to use; undefined for none. */
  readonly prior: Prior | undefined;
  /** Source of the prior: the decoder's file, values on the command line, or a fit to codes. */
  readonly from: "decoder" | "flags" | "codes";
  /** True if the decoder has a prior that is not used. */
  readonly leavesOwnOut?: boolean;
  /** Report on the prior's fit to codes; undefined if it was not fitted. */
  readonly fit?: {
    readonly file: string;
    /** Number of codes that the prior was fitted to. */
    readonly codes: number;
    /** Mean log-likelihood of a code in nats; for mixtures only. */
    readonly logLikelihood?: number;
    /** True if the fit converged; for mixtures only. */
    readonly converged?: boolean;
  };
}

/**
 * Makes the prior that the options choose; without such options, returns the decoder's own.
 *
 * @throws LatentflowError if the file of codes cannot be read or fitted, or the latent size differs from the decoder's
 */
export async function readPrior(
  flags: PriorFlags,
  decoder: Decoder,
  limits: DataLimits,
): Promise<ChosenPrior> {
  const choice = priorChoice(flags);
  const { priorFrom: file, priorWeight: weight } = flags;
  if (choice === "none")
    return { prior: undefined, from: "flags", leavesOwnOut: decoder.prior !== undefined };
  if (choice === undefined) {
    const { prior } = decoder;
    if (weight === undefined) return { prior, from: "decoder" };
    if (prior) return { prior: normalisePrior("--prior-weight", { ...prior, weight }), from: "decoder" };
    throw invalid(
      "--prior-weight is given, but the decoder's file has no prior of its own; add --prior gaussian",
    );
  }
  if (file === undefined) return { prior: gaussianOf(flags, decoder), from: "flags" };
  const { latentSize } = decoder;
  const { values, count: codes } = await readCodes("--prior-from", file, latentSize, limits);
  const common = { latentSize, covariance: flags.priorCovariance, weight };
  if (choice === "gaussian") {
    const prior = fitGaussian(values, { ...common, shrinkage: flags.priorShrinkage });
    return { prior, from: "codes", fit: { file, codes } };
  }
  const of = { components: flags.priorComponents!, seed: flags.priorSeed };
  const { prior, logLikelihood, converged } = fitGaussianMixture(values, { ...common, ...of });
  return { prior, from: "codes", fit: { file, codes, logLikelihood, converged } };
}

function gaussianOf({ priorMean, priorStd, priorWeight }: PriorFlags, { latentSize }: Decoder): Prior {
  for (const [flag, values] of [
    ["--prior-mean", priorMean],
    ["--prior-std", priorStd],
  ] as const) {
    if (!Array.isArray(values) || values.length === latentSize) continue;
    throw invalid(
      `${flag} has ${values.length} values, expected 1 or ${latentSize} (the decoder's latent size)`,
    );
  }
  return gaussian({ mean: priorMean, std: priorStd, weight: priorWeight });
}

/**
 * Returns the option `prior` for the library's functions. Without a prior it is `"none"`, since undefined would stand for
 * the decoder's own.
 */
export function priorOption({ prior }: ChosenPrior) {
  return { prior: prior ?? "none" } as const;
}
