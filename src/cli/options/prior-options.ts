import { type Command, Option } from "commander";
import { gives, refuseOptions, wrongUsage } from "./options.ts";
import {
  kebabCase,
  parseCount,
  parseNumbers,
  parsePositive,
  parsePositives,
  parseSeed,
  parseShare,
} from "./parse.ts";

/** Options on the prior on codes, as commander hands them over. */
export interface PriorFlags {
  readonly prior?: PriorChoice;
  readonly priorMean?: number | readonly number[];
  readonly priorStd?: number | readonly number[];
  readonly priorWeight?: number;
  /** A file of codes. */
  readonly priorFrom?: string;
  readonly priorCovariance?: "diagonal" | "full";
  readonly priorShrinkage?: number;
  readonly priorComponents?: number;
  readonly priorSeed?: number;
}

type PriorChoice = "gaussian" | "mixture" | "none";

/** Names of the options that give details of a prior. */
type PriorDetail = Exclude<keyof PriorFlags, "prior">;

/** Table over all PriorDetail names; its values are unused. */
const DETAILS: { readonly [Name in PriorDetail]: true } = {
  priorMean: true,
  priorStd: true,
  priorWeight: true,
  priorFrom: true,
  priorCovariance: true,
  priorShrinkage: true,
  priorComponents: true,
  priorSeed: true,
};

const detailNames = Object.keys(DETAILS) as readonly PriorDetail[];

/** The names of all options for the prior. */
export const priorOptionNames: readonly string[] = ["prior", ...detailNames];

/** Options that a kind of prior does not take, with the reason. */
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
    detailNames.map((name) => [name, "which is no prior at all; leave one of them out"]),
  ),
};

/** Options for fitting a prior to codes. */
const FITTING: readonly PriorDetail[] = ["priorCovariance", "priorShrinkage"];

/** Adds the options for the prior: a group of a command's help. */
export function addPriorOptions(command: Command): Command {
  return command
    .optionsGroup("Prior on the codes (default: the decoder's own, if its file has one):")
    .addOption(
      new Option(
        "--prior <name>",
        "what codes are likely: the loss plus the prior's share is made small; none leaves the decoder's own out",
      ).choices(["gaussian", "mixture", "none"]),
    )
    .addOption(
      priorOption(
        "mean",
        "numbers",
        "gaussian: its mean, one number for all or one for each latent: 0,0.5 (default: 0)",
      ).argParser(parseNumbers),
    )
    .addOption(
      priorOption(
        "std",
        "numbers",
        "gaussian: its standard deviations, in the same way (default: 1)",
      ).argParser(parsePositives),
    )
    .addOption(
      priorOption(
        "weight",
        "factor",
        "what the prior's nats are multiplied by; without --prior those of the decoder's own (default: 1)",
      ).argParser(parsePositive),
    )
    .addOption(
      gives(
        new Option(
          "--prior-from <file>",
          "fit it to codes, of training samples say: .npy, codes × latent size, as encode and train write them",
        ),
        "codes",
      ),
    )
    .addOption(
      priorOption(
        "covariance",
        "kind",
        "of a fit: a standard deviation for each latent, or a covariance (default: diagonal)",
      ).choices(["diagonal", "full"]),
    )
    .addOption(
      priorOption(
        "shrinkage",
        "share",
        "of a gaussian's full covariance: what is taken from its correlations, 0 to 1, where codes are few (default: 0)",
      ).argParser(parseShare),
    )
    .addOption(priorOption("components", "n", "mixture: how many Gaussians it has").argParser(parseCount))
    .addOption(
      priorOption("seed", "n", "mixture: of the fit's random start (default: 0)").argParser(parseSeed),
    );
}

/** Makes the option `--prior-NAME`, a parameter of a prior or of its fit. */
function priorOption(name: string, value: string, text: string): Option {
  const calls = ["prior", "gaussian", "fitGaussian", "fitGaussianMixture"];
  return gives(new Option(`--prior-${name} <${value}>`, text), ...calls.map((call) => `${call}.${name}`));
}

/**
 * Returns the kind of prior chosen; options for numbers or codes alone choose a Gaussian. Undefined if no prior is chosen.
 */
export function priorChoice({ prior, priorMean, priorStd, priorFrom }: PriorFlags): PriorChoice | undefined {
  const isGaussian = [priorMean, priorStd, priorFrom].some((given) => given !== undefined);
  return prior ?? (isGaussian ? "gaussian" : undefined);
}

/** Refuses, as wrong usage, options for the prior that contradict each other. */
export function checkPriorOptions(command: Command): void {
  const given = command.opts<PriorFlags>();
  const choice = priorChoice(given);
  const isGiven = (name: PriorDetail) => given[name] !== undefined;
  const flag = (name: PriorDetail) => `--${kebabCase(name)}`;
  if (given.prior === undefined) {
    const ofMixture = (["priorComponents", "priorSeed"] as const).find(isGiven);
    if (ofMixture) {
      wrongUsage(
        command,
        `${flag(ofMixture)} is for a mixture; give --prior mixture, and codes by --prior-from <file>`,
      );
    }
  }
  if (choice) {
    for (const [name, reason] of Object.entries(REFUSED[choice])) {
      refuseOptions(command, [name], `--prior ${choice}, ${reason}`);
    }
  }
  if (choice === "mixture") {
    const missing = [
      ...(isGiven("priorFrom") ? [] : ["--prior-from <file>, codes that it is fitted to"]),
      ...(isGiven("priorComponents") ? [] : ["--prior-components <n>, how many Gaussians it has"]),
    ];
    if (missing.length > 0) wrongUsage(command, `--prior mixture needs ${missing.join(", and ")}`);
  }
  if (isGiven("priorFrom")) {
    refuseOptions(command, ["priorMean", "priorStd"], "--prior-from, which finds it; leave one of them out");
    if (given.priorCovariance !== "full") {
      refuseOptions(
        command,
        ["priorShrinkage"],
        "a diagonal covariance, which has nothing to shrink; give --prior-covariance full, or leave it out",
      );
    }
    return;
  }
  const ofFit = FITTING.find(isGiven);
  if (ofFit)
    wrongUsage(command, `${flag(ofFit)} says how codes are fitted; give them by --prior-from <file>`);
}
