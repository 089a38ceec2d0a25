// npm run reproduce [-- --only table1-left,figure2-right] [--quick] [--seeds 3]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { parseCount } from "../src/cli/options/parse.ts";
import { REVECTORIZE } from "../src/cli/vectors.ts";
import { fashionMnist } from "../src/train/index.ts";
import { hasBands, writeChart, writePicture } from "./chart.ts";
import type { Element, Kept, Page, Settings } from "./element.ts";
import { elementNamed, elements, inThePapersOrder, jobsOf } from "./elements.ts";
import { table } from "./page.ts";
import { runJobs } from "./run.ts";
import { Store } from "./store.ts";
import { isOfOldRule } from "./versions.ts";

interface Options {
  readonly only: readonly string[];
  readonly quick?: true;
  readonly seeds: number;
  readonly processes: number;
  readonly pages?: true;
  readonly out?: string;
}

const names = elements.map(({ name }) => name);

function parseNames(text: string): string[] {
  const chosen = text.split(",").flatMap((part) => {
    const found = names.filter((name) => name === part || name.startsWith(`${part}-`));
    if (found.length === 0) throw new InvalidArgumentError(`${part} is none of ${names.join(", ")}`);
    return found;
  });
  return names.filter((name) => chosen.includes(name));
}

const program = new Command("reproduce")
  .description(
    "Computes the paper's tables and figures and writes pages about them to site/paper/. What has been computed is kept " +
      "there: after Ctrl-C or a kill the same command goes on. The repository has results, too, which are not computed " +
      "again: give another --out to compute them anew.",
  )
  .option("--only <names>", `of ${names.join(", ")}; "table1" means both of its sides`, parseNames, names)
  .option("--quick", "next to nothing of the work, into out/reproduce/quick: to see that everything runs")
  .option("--seeds <n>", "of the figures with ±; of the others there is one", parseCount, 3)
  .option("--processes <n>", "jobs at a time, a core each", parseCount, availableParallelism())
  .option("--pages", "compute nothing, write the pages anew")
  .option(
    "--out <folder>",
    "where the pages go, and the results that a sitting goes on from (default: site/paper)",
  );

async function main({ only, quick, seeds, processes, pages, out }: Options): Promise<number> {
  const settings: Settings = { quick: quick ?? false, seeds };
  const folder = out ?? (quick ? join("out", "reproduce", "quick") : join("site", "paper"));
  const scratch = out ? join(out, "scratch") : join("out", "reproduce", quick ? "quick-scratch" : "scratch");
  mkdirSync(folder, { recursive: true });
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort());
  process.once("SIGTERM", () => interrupt.abort());
  // Pages are written of all: a file of results that is damaged is better known now than after hours.
  for (const name of names) new Store(folder, name, settings);
  if (!pages) await haveData(only, settings);
  const failures = pages
    ? []
    : await runJobs(
        only,
        settings,
        { pages: folder, scratch },
        { processes, signal: interrupt.signal, say: console.log },
      );
  writePages(folder, settings);
  for (const failure of failures) console.error(failure);
  if (interrupt.signal.aborted) {
    console.error("interrupted: the same command goes on from here");
    return 130;
  }
  return failures.length > 0 ? 1 : 0;
}

/** Fashion-MNIST does not come with the development tools, as MNIST does. */
async function haveData(only: readonly string[], settings: Settings): Promise<void> {
  const isNeeded = elements.some(
    (element) =>
      only.includes(element.name) && jobsOf(element, settings).some(({ data }) => data === "Fashion-MNIST"),
  );
  if (!isNeeded) return;
  await fashionMnist().catch(() => {
    console.log("fetching Fashion-MNIST");
    execFileSync(process.execPath, ["--import", "tsx", "scripts/fetch-fashion-mnist.ts"], {
      stdio: "inherit",
    });
  });
}

/** Every page of what there is so far, and the table of index.md. */
function writePages(folder: string, settings: Settings): void {
  const stores = new Map(elements.map(({ name }) => [name, new Store(folder, name, settings)]));
  const resultsOf = (name: string) =>
    stores.get(name)!.results(jobsOf(elementNamed(name), settings).map(({ id }) => id));
  const lines: string[][] = [];
  for (const element of inThePapersOrder) {
    const page = element.page(resultsOf(element.name), settings, resultsOf);
    const state = writePage(folder, element, page, stores.get(element.name)!, settings);
    // An element without figures would be an empty row.
    if (resultsOf(element.name).size === 0) continue;
    const { paper, letter, ours, holds } = page.summary;
    const command = `\`reproduce/${element.source}\`, \`--only ${element.name}\``;
    lines.push([`[${element.title}](${element.name}.md)`, paper, letter, ours, holds, command, state]);
  }
  const file = join(folder, "index.md");
  if (!existsSync(file)) return;
  const [begin, end] = ["<!-- what there is -->", "<!-- end -->"];
  const text = readFileSync(file, "utf8");
  const head = [
    "",
    "the paper's",
    "to the letter",
    "as latentflow does it",
    "does it hold?",
    "computed by",
    "state",
  ];
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  writeFileSync(file, `${before}\n${table(head, lines)}\n${text.slice(text.indexOf(end))}`);
}

/** Returns what is done, in words. */
function writePage(
  folder: string,
  { name, title, ...element }: Element,
  page: Page,
  store: Store,
  settings: Settings,
): string {
  const ids = element.jobs(settings).map(({ id }) => id);
  const kept = store.kept(ids);
  const begun = [...kept.values()].flatMap(({ share }) =>
    share === undefined ? [] : `${Math.floor(100 * share)} %`,
  );
  const done = kept.size - begun.length;
  const andBegun = begun.length > 0 ? `, ${begun.length} begun (${begun.join(", ")})` : "";
  const state = done === ids.length ? "done" : `${done} of ${ids.length} runs${andBegun}`;
  // Of nothing there is nothing to draw.
  const charts = Object.entries(page.charts ?? {}).filter(([, { lines }]) =>
    lines.some(({ points }) => points.length > 0),
  );
  for (const [file, chart] of charts) writeChart(join(folder, file), chart);
  const pictures = Object.entries(page.pictures ?? {});
  for (const [file, svg] of pictures) writePicture(join(folder, file), svg);
  const shown = [
    ...charts.flatMap(([file, chart]) => [
      `![${chart.title}](${file}.png)`,
      ...(chart.note ? [chart.note] : []),
    ]),
    ...pictures.map(([file]) => `![${title}](${file}.png)`),
  ];
  const made = [
    kept.size > 0 && describe(kept),
    kept.size > 0 && `Every run, with its seconds, is in \`site/paper/results/${name}.json\`.`,
    charts.some(([, chart]) => hasBands(chart)) &&
      "Lines are means over seeds, bands reach from the lowest seed to the highest.",
    shown.length > 0 && "Pictures are there as SVG, too.",
  ].filter(Boolean);
  const parts = [
    `# ${title}`,
    `\`npm run reproduce -- --only ${name}\`: ${state}.`,
    page.markdown.trim(),
    ...shown,
    ...(page.appendix ? [page.appendix.trim()] : []),
    ...(made.length > 0 ? ["## Made by", made.join("\n")] : []),
  ];
  writeFileSync(join(folder, `${name}.md`), `${parts.join("\n\n")}\n`);
  return state;
}

const showRuns = (count: number) => (count === 1 ? "1 run" : `${count} runs`);

/** How long runs have taken, and by what they were made. */
function describe(kept: ReadonlyMap<string, Kept<unknown>>): string {
  const all = [...kept.values()];
  const hours = all.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const of = (name: string) => [...new Set(all.map(({ versions }) => versions[name]))];
  const engines = of("node");
  const made = `${hours.toFixed(1)} hours of a core, by latentflow ${of("latentflow").join(", ")}, plain SIMD, on Node ${engines.join(", ")}`;
  const joined = all.filter(({ versions }) => versions.node?.includes(REVECTORIZE)).length;
  const parts = [made];
  // Else there is nothing to compare them with.
  if (joined > 0 && joined < all.length) parts.push(`${showRuns(joined)} by ${REVECTORIZE}`);
  const old = all.filter(({ versions }) => versions.commit === undefined).length;
  if (old > 0)
    parts.push(
      `${showRuns(old)} from before commits were noted, their seconds by the clock on the wall of a busy machine`,
    );
  const byOldRule = [...kept].filter(
    ([id, { result, versions }]) =>
      `${id}${JSON.stringify(result)}`.includes("lbfgs") && isOfOldRule(versions.commit),
  ).length;
  if (byOldRule > 0)
    parts.push(
      `${showRuns(byOldRule)} with an \`lbfgs\` from before its first steps were changed, see [Versions](index.md#versions)`,
    );
  const apart = engines.length > 1 ? " Seconds of one engine do not compare with those of another." : "";
  return `${parts.join("; ")}.${apart}`;
}

process.exitCode = await main(program.parse().opts<Options>());
