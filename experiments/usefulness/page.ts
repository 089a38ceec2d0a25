import type { Machine } from "../../bench/peers/machine.ts";
import { table } from "../../reproduce/page.ts";
import { DAMAGE_NAMES, type Estimate, type Figures } from "./measure.ts";

/** Everything measured in one run; the JSON file is this. */
export interface Results {
  readonly machine: Machine;
  readonly seed: number;
  readonly references: number;
  readonly queries: number;
  readonly neighbours: number;
  /** How many training digits principal components and priors were made of. */
  readonly fittedOn: number;
  /** Without a network. */
  readonly plain: readonly Figures[];
  readonly networks: readonly {
    readonly name: string;
    /** Of the decoder's and the encoder's parameters. */
    readonly sha256: readonly string[];
    readonly figures: readonly Figures[];
  }[];
}

/** The results as a page of Markdown. */
export function toMarkdown(results: Results, picture: string): string {
  const { machine, plain, networks, neighbours } = results;
  const numbers = (count: number) => count.toLocaleString("en");
  const all = [...plain, ...networks.flatMap(({ figures }) => figures)];
  const errors = all.flatMap((figures) => DAMAGE_NAMES.map((name) => figures.errors[name]));
  const uncertain = Math.max(
    ...errors.map(({ mean, standardError }) => (standardError === 0 ? 0 : standardError / mean)),
  );
  const flows = all.filter(({ converged }) => converged !== undefined);
  const converged = Math.min(...flows.map((figures) => figures.converged!));
  const parts = [
    "# What codes are good for",
    "Codes that `encode` finds, beside those of the encoder that the decoder was trained with: do " +
      "neighbours share a class, and how well are missing pixels filled and noise removed? " +
      "[Experiments](experiments.md#usefulness) says what follows from the tables.",
    "There are two decoders, of a VAE and of an autoencoder, trained with their encoders in PyTorch by " +
      "`experiments/usefulness/train.py`: 20 → 150 → 300 → 600 → 784, ELU, cross entropy, 50,000 MNIST " +
      "digits, 15 epochs. `encode` is given the decoder alone, and finds codes by `lbfgs()` from 0, or from " +
      "the encoder's code of the same pixels.",
    "`npm run build && npm run experiment -- usefulness --out site/results` writes this page, " +
      "usefulness.json and the picture. Figures are kept in `out/experiments/usefulness/` as they come: a " +
      "run that is interrupted goes on.",
    `${machine.processor}, ${machine.cores} cores; Node ${machine.node}; ${machine.date}; plain SIMD, seed ${results.seed}.`,
    `- **‖z‖**: the mean norm of the codes of ${numbers(results.queries)} intact test digits.\n` +
      `- **${neighbours}-NN**: the share of these whose class is that of most of the ${neighbours} nearest, by Euclidean ` +
      `distance, of ${numbers(results.references)} training digits' codes, found in the same way. Its standard error is at ` +
      `most ${(0.5 / Math.sqrt(results.queries)).toFixed(3)}.\n` +
      "- **gradients**: of an intact test digit, the mean.\n" +
      `- **intact**: the mean squared error of the image that the code makes, of the same test digits.\n` +
      "- **missing**: the same of the pixels that were missing and had weight 0: 50 % or 90 % at random, of each digit others; " +
      "the upper 14 rows. Cross entropy of the seen ones.\n" +
      "- **noise**: the same of all pixels, against the digit without the noise: Gaussian, of that standard deviation σ, not " +
      "cut. Squared error with weights 1/(2σ²), with which loss and prior are both in nats.\n" +
      `- Standard errors of the errors are up to ${(100 * uncertain).toFixed(0)} % of them; methods see the same damage. ` +
      "usefulness.json has each.\n" +
      "- Encoders were trained on intact digits alone: they were never shown a mask or noise. One that was trained on masked " +
      "digits is not among them; [missing data](../guides/missing-data.md#missing-and-noisy-data) has one.\n" +
      `- Encoders, and the pixels themselves, are given noisy digits cut to 0 … 1. PCA, its prior and the mean digit are of ` +
      `${numbers(results.fittedOn)} training digits, priors of the encoder's codes of the same.\n` +
      (converged === 1
        ? "- Every sample of every flow converged."
        : `- Of every flow, at least ${(100 * converged).toFixed(1)} % of the samples converged.`),
    "## Without a network",
    figuresTable(plain, neighbours),
    ...networks.flatMap(({ name, figures }) => [`## With ${name}`, figuresTable(figures, neighbours)]),
    "## As pictures",
    `![Digits found again](${picture})`,
    "Test digits, four with 90 % of the pixels missing, four without the upper half, four with noise of standard deviation 1, by the VAE's decoder.",
  ];
  return `${parts.join("\n\n")}\n`;
}

function figuresTable(rows: readonly Figures[], neighbours: number): string {
  return table(
    ["", "‖z‖", `${neighbours}-NN`, "gradients", ...DAMAGE_NAMES],
    rows.map(({ method, norm, accuracy, gradients, errors }) => [
      ...[method, norm.mean.toFixed(1), accuracy.toFixed(3), gradients?.toFixed(0) ?? ""],
      ...DAMAGE_NAMES.map((name) => digitsOf(errors[name])),
    ]),
  );
}

function digitsOf({ mean }: Estimate): string {
  return mean.toFixed(4);
}
