import { invalid } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import type { Limits } from "../../files/source.ts";
import type { Decoder, Prior } from "../../index.ts";
import { normalisePrior } from "../../terms/check-prior.ts";
import { fitGaussian, fitGaussianMixture } from "../../terms/fit-priors.ts";
import { gaussian } from "../../terms/priors.ts";
import { showFile } from "../input/files.ts";
import { readCodes } from "../input/samples.ts";
import { type PriorFlags, priorChoice } from "./prior-options.ts";

/** The prior that a command's calls use. */
export interface ChosenPrior {
  /** Undefined where there is none. */
  readonly prior: Prior | undefined;
  /** Where it comes from. */
  readonly from: "decoder" | "flags" | "codes";
  /** Of one that was fitted. */
  readonly fit?: {
    readonly file: string;
    /** How many there were. */
    readonly codes: number;
    /** Of a mixture: their mean log density in nats, and whether its search has come to its end. */
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
  try {
    return {
      from: "codes",
      ...fitOf(choice, values, flags, { file, codes: count, latentSize: decoder.latentSize }),
    };
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    // What flags say has been checked: it is about the codes.
    const ofCodes = error.message
      .replace(/^\w+: /, "")
      .replace(/^codes (has|is) /, "it has ")
      .replace(/^codes\[/, "its value [");
    const message = `${showFile("--prior-from", file)}: ${ofCodes}`;
    throw new LatentflowError(error.code, message, { cause: error });
  }
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
    ...{ ...common, components: priorComponents! },
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
  try {
    return gaussian({
      ...(priorMean !== undefined && { mean: priorMean }),
      ...(priorStd !== undefined && { std: priorStd }),
      ...(priorWeight !== undefined && { weight: priorWeight }),
    });
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw invalid(error.message.replace("gaussian: ", "--prior-"));
  }
}

/** As a call's option: none has to be said, since a decoder may have one of its own. */
export function priorOption({ prior }: ChosenPrior) {
  return { prior: prior ?? "none" } as const;
}
