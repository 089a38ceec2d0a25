// npm run typefaces [-- credits|train|table|pictures|page]: see README.md beside this file.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, Command } from "commander";
import { joinValues } from "../../src/files/array.ts";
import { loadDecoder, makeProbe } from "../../src/index.ts";
import type { Basis } from "./basis.ts";
import { outFolder } from "./cache.ts";
import { choosePrior, type PriorChoice } from "./choose.ts";
import { creditsPage } from "./credits.ts";
import { joinDecoder } from "./decoders.ts";
import { readFamilies } from "./families.ts";
import { writePageData } from "./page-data.ts";
import { drawHands, drawTestStyles } from "./pictures.ts";
import { loadBasis, preparePart, prepareParts, prepareVariations } from "./prepare.ts";
import { baselineRows, bearingErrors, decoderRow, tablesOf } from "./table.ts";
import { type TrainedTrunk, trainTrunk } from "./training.ts";

/** Seeds of the training. The decoder of the first one is kept. */
const SEEDS = [0, 1, 2];

/** Decoder that `train` writes, in float32; scripts/halve-decoder.mjs makes decoder.safetensors of it. */
const wholeFile = join(outFolder, "decoder.safetensors");

const folder = fileURLToPath(new URL("./", import.meta.url));
const creditsFile = fileURLToPath(new URL("../../site/results/typefaces-families.md", import.meta.url));

/** What the command can be told to do. */
const STAGES = {
  credits() {
    writeFileSync(creditsFile, creditsPage(readFamilies()));
  },

  /** Trains all seeds, or one alone; then chooses the prior and writes the decoder. */
  async train(seed: string | undefined) {
    const trunks = await train(seed === undefined ? SEEDS : [Number(seed)]);
    if (seed !== undefined) return;
    const basis = await loadBasis();
    await writeDecoder(
      trunks[0]!,
      basis,
      await choosePrior(await preparePart("validation"), basis, trunks[0]!),
    );
  },

  async table() {
    const [basis, parts] = [await loadBasis(), await prepareParts()];
    const baselines = await baselineRows(parts, basis);
    const trunks = await train(SEEDS);
    const choice = await choosePrior(parts.validation, basis, trunks[0]!);
    await writeDecoder(trunks[0]!, basis, choice);
    const tables = tablesOf([...baselines, await decoderRow(parts.test, basis, trunks, choice)]);
    writeFileSync(join(outFolder, "tables.md"), tables);
    const bearings = await bearingErrors(parts, trunks[0]!, choice);
    console.log(`advances and side bearings are off by ${JSON.stringify(bearings)} pixels`);
    console.log(tables);
  },

  /** Computes what the site's page has beside the decoder in this folder. */
  async page() {
    await writePageData(await loadFinished());
  },

  /** Draws by the decoder in this folder. */
  async pictures() {
    const decoder = await loadFinished();
    await drawHands(decoder, folder);
    await drawTestStyles(decoder, await prepareParts(), await loadBasis(), folder);
  },
};

/** The decoder in this folder. */
const loadFinished = () => loadDecoder(readFileSync(join(folder, "decoder.safetensors")));

async function train(seeds: readonly number[]): Promise<TrainedTrunk[]> {
  const training = await preparePart("training");
  const all = joinValues([training.rows, await prepareVariations()]);
  const trunks: TrainedTrunk[] = [];
  for (const seed of seeds) trunks.push(await trainTrunk(training.rows, all, seed));
  return trunks;
}

/** Joins a trunk with the components and the chosen prior, and writes the decoder. */
async function writeDecoder(
  { trunk, codes }: TrainedTrunk,
  basis: Basis,
  choice: PriorChoice,
): Promise<void> {
  const decoder = joinDecoder(trunk, basis, choice.kind.fit(codes, choice.weight));
  writeFileSync(wholeFile, decoder.toSafetensors({ probe: await makeProbe(decoder) }));
  console.log(`${wholeFile}: ${decoder.parameterCount} parameters`);
}

mkdirSync(outFolder, { recursive: true });
const names = Object.keys(STAGES) as (keyof typeof STAGES)[];
await new Command("typefaces")
  .description("Trains a decoder of alphabets, and completes typefaces of which a few letters are given.")
  .addArgument(new Argument("[stage]", "what to do").choices(names).default("table"))
  .option("--seed <n>", "of train: this seed alone; runs of several seeds may go side by side")
  .action((stage: keyof typeof STAGES, { seed }: { readonly seed?: string }) => STAGES[stage](seed))
  .parseAsync();
