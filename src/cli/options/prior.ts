import { invalid } from "../../base/check.ts";
import type { Limits } from "../../files/source.ts";
import type { Decoder, EncodeResult, Prior } from "../../index.ts";
import { meanOfFinite } from "../../solver/result.ts";
import { normalisePrior } from "../../terms/check-prior.ts";
import { fitGaussian, fitGaussianMixture } from "../../terms/fit-priors.ts";
import { gaussian, type PriorKind } from "../../terms/priors.ts";
import { sourceName } from "../input/data-source.ts";
import { readCodes } from "../input/samples.ts";
import { formatCount, formatMean } from "../output/table.ts";
import { type PriorFlags, priorChoice } from "./prior-options.ts";

/** The prior that a command's calls use. */
export interface ChosenPrior {
  /** Undefined where there is none. */
  readonly prior: Prior | undefined;
  /** Origin of the prior. */
  readonly from: "decoder" | "flags" | "codes";
  /** Fit of a prior to codes; undefined for others. */
  readonly fit?: {
    readonly file: string;
    /** Number of codes. */
    readonly codes: number;
    /** Mean log density of the codes in nats, and true if the search has converged; for a mixture. */
    readonly logLikelihood?: number;
    readonly converged?: boolean;
  };
}

/**
 * The prior that the options choose: else the decoder's own.
 *
 * @throws LatentflowError where the file of codes cannot be read or fitted, or something is for latents of another size
 */
export async function readPrior(flags: PriorFlags, decoder: Decoder, limits: Limits): Promise<ChosenPrior> {
  const choice = priorChoice(flags);
  const { priorFrom: file, priorWeight: weight } = flags;
  if (choice === "none") return { prior: undefined, from: "flags" };
  if (choice === undefined) {
    const { prior } = decoder;
    if (weight === undefined) return { prior, from: "decoder" };
    if (prior) return { prior: normalisePrior("--prior-weight", { ...prior, weight }), from: "decoder" };
    throw invalid(
      "--prior-weight is given, but the decoder's file has no prior of its own; add --prior gaussian",
    );
  }
  if (file === undefined) return { prior: gaussianOf(flags, decoder), from: "flags" };
  const { values, count } = await readCodes("--prior-from", file, decoder.latentSize, limits);
  return {
    from: "codes",
    ...fitOf(choice, values, flags, { file, codes: count, latentSize: decoder.latentSize }),
  };
}

function fitOf(
  choice: "gaussian" | "mixture",
  values: Float32Array,
  { priorCovariance, priorShrinkage, priorWeight, priorComponents, priorSeed }: PriorFlags,
  { latentSize, ...codes }: { readonly file: string; readonly codes: number; readonly latentSize: number },
): Pick<ChosenPrior, "prior" | "fit"> {
  const common = {
    latentSize,
    ...(priorCovariance && { covariance: priorCovariance }),
    ...(priorWeight !== undefined && { weight: priorWeight }),
  };
  if (choice === "gaussian") {
    const shrinkage = priorShrinkage !== undefined && { shrinkage: priorShrinkage };
    return { prior: fitGaussian(values, { ...common, ...shrinkage }), fit: codes };
  }
  const { prior, logLikelihood, converged } = fitGaussianMixture(values, {
    ...common,
    components: priorComponents!,
    ...(priorSeed !== undefined && { seed: priorSeed }),
  });
  return { prior, fit: { ...codes, logLikelihood, converged } };
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

/** Option `prior` of a call; "none" is said, since a decoder may have a prior of its own. */
export function priorOption({ prior }: ChosenPrior) {
  return { prior: prior ?? "none" } as const;
}

/** What documents and people are told of each kind. */
const KINDS: {
  readonly [Kind in PriorKind]: {
    readonly figures: (prior: Extract<Prior, { name: Kind }>) => object;
    readonly show: (prior: Extract<Prior, { name: Kind }>) => string;
  };
} = {
  gaussian: {
    figures: ({ mean, std, covariance }) =>
      covariance ? { covariance: "full", mean } : { covariance: "diagonal", mean, std },
    show: ({ mean, std, covariance }) =>
      covariance
        ? "Gaussian, full covariance"
        : `Gaussian, ${showNumbers(mean, "mean")}, ${showNumbers(std!, "standard deviation")}`,
  },
  gaussianMixture: {
    figures: ({ weights, covariances }) => ({
      components: weights.length,
      covariance: covariances ? "full" : "diagonal",
    }),
    show: ({ weights, covariances }) =>
      `mixture of ${formatCount(weights.length)} Gaussian${weights.length === 1 ? "" : "s"}, ` +
      `${covariances ? "full" : "diagonal"} covariance`,
  },
};

function kindOf(prior: Prior) {
  // The table has for each name what takes a prior of this name.
  return KINDS[prior.name] as { figures(prior: Prior): object; show(prior: Prior): string };
}

function showNumbers(values: number | readonly number[], name: string): string {
  return typeof values === "number" ? `${name} ${values}` : `${values.length} ${name}s`;
}

/** A prior as people read it: `Gaussian, mean 0, standard deviation 1`. */
export function showPrior(prior: Prior): string {
  return `${kindOf(prior).show(prior)}${prior.weight === 1 ? "" : `, weight ${prior.weight}`}`;
}

/** What a document says of it; null where there is none. */
export function priorFigures({ prior, from, fit }: ChosenPrior) {
  if (!prior) return { prior: null };
  const { name, weight } = prior;
  return { prior: { name, weight, ...kindOf(prior).figures(prior), from, ...fit } };
}

/** The row of a table for it, where there is one. */
export function priorRows({ prior, from, fit }: ChosenPrior): [string, string][] {
  if (!prior) return [];
  const origin = from === "decoder" ? " (the decoder's own)" : "";
  const rows: [string, string][] = [["prior", `${showPrior(prior)}${origin}`]];
  if (fit) {
    const { file, codes, logLikelihood, converged } = fit;
    const likelihood =
      logLikelihood === undefined ? "" : `, log-likelihood ${formatMean(logLikelihood, " nats each")}`;
    const end = converged === false ? ", not converged" : "";
    rows.push(["fitted to", `${formatCount(codes)} codes of ${sourceName(file)}${likelihood}${end}`]);
  }
  return rows;
}

/** The means of a result that has a prior: null without one. */
export function objectiveFigures({ prior, objective }: Pick<EncodeResult, "prior" | "objective">) {
  return {
    meanPrior: prior ? meanOfFinite(prior) : null,
    meanObjective: meanOfFinite(objective),
  };
}

/** The same as rows of a table, where there is a prior, whose value has its weight in it. */
export function objectiveRows(
  unit: string,
  { meanPrior, meanObjective }: ReturnType<typeof objectiveFigures>,
): [string, string][] {
  if (meanPrior === null) return [];
  return [
    ["mean weighted prior", formatMean(meanPrior, " nats")],
    ["mean objective", formatMean(meanObjective, unit)],
  ];
}
