import type { Prior } from "../../index.ts";
import type { PriorKind } from "../../terms/priors.ts";
import type { ChosenPrior } from "../options/prior.ts";
import { sourceName } from "./input-figures.ts";
import { countOf, type Figure, figure, formatCount, formatMean } from "./report.ts";

/** Report entries for each kind of prior: its values in the JSON document, and a description in the text report. */
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
      `mixture of ${countOf(weights.length, "Gaussian")}, ${covariances ? "full" : "diagonal"} covariance`,
  },
};

function kindOf(prior: Prior) {
  // The entry of a prior's name accepts priors of that kind.
  return KINDS[prior.name] as { figures(prior: Prior): object; show(prior: Prior): string };
}

function showNumbers(values: number | readonly number[], name: string): string {
  return typeof values === "number" ? `${name} ${values}` : `${values.length} ${name}s`;
}

/** Formats a prior in words: `Gaussian, mean 0, standard deviation 1`. */
export function showPrior(prior: Prior): string {
  return `${kindOf(prior).show(prior)}${prior.weight === 1 ? "" : `, weight ${prior.weight}`}`;
}

/**
 * Makes the report entries on the prior in use. Without one, the JSON field is null, and the text report mentions it only
 * if the decoder's prior is left out.
 */
export function priorFigures(chosen: ChosenPrior | undefined): Figure[] {
  if (!chosen?.prior) {
    const row = ["prior", chosen?.leavesOwnOut ? "none, the decoder's own is left out" : undefined] as const;
    return [{ json: { prior: null }, row }];
  }
  const { prior, from, fit } = chosen;
  const { name, weight } = prior;
  return [
    figure("prior", `${showPrior(prior)}${from === "decoder" ? " (the decoder's own)" : ""}`, {
      prior: { name, weight, ...kindOf(prior).figures(prior), from, ...fit },
    }),
    figure("fitted to", fit && showFit(fit)),
  ];
}

function showFit({ file, codes, logLikelihood, converged }: NonNullable<ChosenPrior["fit"]>): string {
  const likelihood =
    logLikelihood === undefined ? "" : `, log-likelihood ${formatMean(logLikelihood, " nats each")}`;
  return `${formatCount(codes)} codes of ${sourceName(file)}${likelihood}${converged === false ? ", not converged" : ""}`;
}
