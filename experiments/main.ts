// npm run experiment -- NAME [--seed N] [--out FOLDER], and options of its own: npm run experiment -- NAME --help
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { parseSeed } from "../src/cli/options/parse.ts";
import { compareWithBaseline, recordBaseline } from "./baseline.ts";
import { mapConverged } from "./converged/converged.ts";
import { addConvergedOptions } from "./converged/options.ts";
import { compareConvolutions } from "./convolutions.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { computeFloors } from "./floors.ts";
import { compareCodeRates } from "./kept-codes.ts";
import { addRunsOptions, compareRuns, recordRuns } from "./run-hashes.ts";
import { compareSolvers } from "./solvers.ts";
import { compareStarts } from "./starts.ts";
import { compareFillings } from "./tables.ts";
import { compareTrainingSolvers } from "./training-solver.ts";
import { measureUsefulness } from "./usefulness/usefulness.ts";
import { compareWarmStarts } from "./warm-starts.ts";

const EXPERIMENTS: Record<
  string,
  readonly [
    run: (settings: ExperimentSettings, command: Command) => Promise<void>,
    what: string,
    addOptions?: (command: Command) => Command,
  ]
> = {
  baseline: [
    (settings) => compareWithBaseline(settings),
    "what the solvers do now beside what they did at the baseline",
  ],
  "record-baseline": [recordBaseline, "keeps what the solvers do now as the baseline"],
  converged: [
    (settings, command) => mapConverged(settings, command.opts()),
    "which ends that a solver calls converged are not, over many decoders and starts",
    addConvergedOptions,
  ],
  convolutions: [
    compareConvolutions,
    "few images by a decoder of convolutions and by the paper's, at equal passes",
  ],
  floors: [computeFloors, "the targets' own entropy, which the losses of site/paper are held above"],
  "kept-codes": [compareCodeRates, "learning rates of kept codes, compared by the loss of validation digits"],
  runs: [
    (_, command) => compareRuns({ isWide: command.opts().wide }),
    "which of the plain build's runs have other bits than those kept",
    addRunsOptions,
  ],
  "record-runs": [recordRuns, "keeps the hashes of the plain build's runs"],
  solvers: [compareSolvers, "amd against lbfgs on two data sets, both losses and several decoders"],
  starts: [compareStarts, "flows from 0 beside flows from elsewhere: whether they end in other minima"],
  tables: [compareFillings, "tables with holes, filled by `latentflow fill` and by imputers of scikit-learn"],
  "training-solver": [compareTrainingSolvers, "few digits trained by amd and by lbfgs, three seeds"],
  usefulness: [
    measureUsefulness,
    "what codes are good for: neighbours, missing pixels, noise; a VAE's and an autoencoder's",
  ],
  "warm-starts": [compareWarmStarts, "the same digits several times over, from 0 and from where they were"],
};

const program = new Command("experiment").description(
  "Experiments of our own, computed here and now; the paper's are `npm run reproduce`.",
);
for (const [name, [run, what, addOptions]] of Object.entries(EXPERIMENTS)) {
  const command = program.command(name);
  addOptions?.(command);
  command
    .description(what)
    .option("--seed <n>", "of the decoder and the choice of digits", parseSeed, 0)
    .option("--out <folder>", "where CSV and charts go", join("out", "experiments"))
    .action(async ({ seed, out }: { seed: number; out: string }) => {
      mkdirSync(out, { recursive: true });
      await run({ seed, out }, command);
    });
}
await program.parseAsync();
