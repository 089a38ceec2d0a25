import type { Command } from "commander";
import { about } from "../../base/calling.ts";
import { invalid } from "../../base/refuse.ts";
import type { Decoder, Prior } from "../../index.ts";
import { normalisePrior } from "../../terms/check-prior.ts";
import {
  FIT_GAUSSIAN_FIELDS,
  FIT_MIXTURE_FIELDS,
  fitGaussian,
  fitGaussianMixture,
} from "../../terms/fit-priors.ts";
import { gaussian } from "../../terms/priors.ts";
import type { DataLimits } from "../input/open-data.ts";
import { readCodes } from "../input/starts.ts";
import { addFlags, flag, type OptionsOf } from "./flag-table.ts";
import { settingFlag, textOf } from "./library-flags.ts";
import { parseNumbers, parsePositives } from "./parse.ts";
import { refuseGiven, wrongUsage } from "./running.ts";

/** Returns the paths of an option of the library's functions that make or fit a prior, for messages. */
const ofPrior = (name: string) =>
  ["prior", "gaussian", "fitGaussian", "fitGaussianMixture"].map((call) => `${call}.${name}`);

const PRIOR_FLAGS = {
  prior: flag(
    "<name>",
    "prior that is added to the loss; none: not even the decoder's own (gaussian where only its options are given)",
    { choices: ["gaussian", "mixture", "none"] },
  ),
  priorMean: flag(
    "<numbers>",
    "gaussian: mean, one number or one for each of a code's values: 0,0.5 (default: 0)",
    { parse: parseNumbers, gives: ofPrior("mean") },
  ),
  priorStd: flag(
    "<numbers>",
    "gaussian: standard deviation, > 0, one number or one for each of a code's values (default: 1)",
    {
      parse: parsePositives,
      gives: ofPrior("std"),
    },
  ),
  priorWeight: settingFlag(
    FIT_GAUSSIAN_FIELDS.weight,
    `${textOf("fitGaussian", "weight")}; without --prior it replaces the weight of the decoder's prior`,
    ofPrior("weight"),
  ),
  priorFrom: flag(
    "<file>",
    "file of codes to fit the prior to, of training samples say, [codes, latent size]: latents.npy or results.parquet#latent",
    { gives: ["codes"] },
  ),
  priorCovariance: settingFlag(
    FIT_GAUSSIAN_FIELDS.covariance,
    `with --prior-from: ${textOf("fitGaussian", "covariance")}`,
    ofPrior("covariance"),
  ),
  priorShrinkage: settingFlag(
    FIT_GAUSSIAN_FIELDS.shrinkage,
    `gaussian, with --prior-covariance full: ${textOf("fitGaussian", "shrinkage")}`,
    ofPrior("shrinkage"),
  ),
  priorComponents: settingFlag(
    FIT_MIXTURE_FIELDS.components,
    `mixture: ${textOf("fitGaussianMixture", "components")}`,
    ofPrior("components"),
  ),
  priorSeed: settingFlag(
    FIT_MIXTURE_FIELDS.seed,
    `mixture: ${textOf("fitGaussianMixture", "seed")}`,
    ofPrior("seed"),
  ),
};

/** Parsed options of the prior on codes. */
export type PriorFlags = OptionsOf<typeof PRIOR_FLAGS>;

type PriorChoice = NonNullable<PriorFlags["prior"]>;

/** Names of the options that set details of a prior. */
type PriorDetail = Exclude<keyof PriorFlags, "prior">;

/** Names of all options of the prior. */
export const priorOptionNames = Object.keys(PRIOR_FLAGS) as readonly (keyof PriorFlags)[];

/** Options that cannot be combined with each kind of prior, with the reason. */
const REFUSED: { readonly [Choice in PriorChoice]: { readonly [Name in PriorDetail]?: string } } = {
  gaussian: {
    priorComponents: "which is one Gaussian; give --prior mixture for several",
    priorSeed: "which is fitted without random numbers; leave it out",
  },
  mixture: {
    priorMean: "whose means are found by --prior-from; leave it out",
    priorStd: "whose standard deviations are found by --prior-from; leave it out",
    priorShrinkage: "which is fitted without; leave it out",
  },
  none: Object.fromEntries(
    priorOptionNames
      .filter((name) => name !== "prior")
      .map((name) => [name, "which is no prior at all; leave one of them out"]),
  ),
};

/** Adds the options of the prior to a command, as a help group. */
export function addPriorOptions(command: Command): Command {
  const heading = "Prior on the codes (default: the decoder's own, if its file has one):";
  return addFlags(command, PRIOR_FLAGS, heading);
}

/**
 * Returns the kind of prior chosen by the options; a mean, a standard deviation or codes alone choose a Gaussian.
 * Undefined if no prior is chosen.
 */
function priorChoice({ prior, priorMean, priorStd, priorFrom }: PriorFlags): PriorChoice | undefined {
  const isGaussian = [priorMean, priorStd, priorFrom].some((given) => given !== undefined);
  return prior ?? (isGaussian ? "gaussian" : undefined);
}

/** Exits with an error of usage if options of the prior contradict each other. */
export function checkPriorOptions(command: Command): void {
  const given = command.opts<PriorFlags>();
  const choice = priorChoice(given);
  const refuse = (names: readonly string[], problem: string) => refuseGiven(command, names, problem);
  if (given.prior === undefined) {
    const advice = "give --prior mixture, and codes by --prior-from <file>";
    refuse(["priorComponents", "priorSeed"], `is for a mixture; ${advice}`);
  }
  for (const [name, reason] of Object.entries(choice ? REFUSED[choice] : {}))
    refuse([name], `does not go with --prior ${choice}, ${reason}`);
  if (choice === "mixture") {
    const missing = [
      ...(given.priorFrom === undefined ? ["--prior-from <file>, codes that it is fitted to"] : []),
      ...(given.priorComponents === undefined ? ["--prior-components <n>, how many Gaussians it has"] : []),
    ];
    if (missing.length > 0) wrongUsage(command, `--prior mixture needs ${missing.join(", and ")}`);
  }
  if (given.priorFrom === undefined) {
    const why = "says how codes are fitted; give them by --prior-from <file>";
    refuse(["priorCovariance", "priorShrinkage"], why);
  } else {
    refuse(["priorMean", "priorStd"], "does not go with --prior-from, which finds it; leave one of them out");
    const why = "does not go with a diagonal covariance, which has nothing to shrink";
    const cure = "give --prior-covariance full, or leave it out";
    if (given.priorCovariance !== "full") refuse(["priorShrinkage"], `${why}; ${cure}`);
  }
}

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
    if (prior)
      return { prior: about("--prior-weight", () => normalisePrior({ ...prior, weight })), from: "decoder" };
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
