// npm run site:measure: how the site's first page and its page of typefaces feel, in Chromium, on the site that npm run site has
// built. Each figure is the median of several visits with an empty cache; close everything else first. With --check it fails
// where a bound is missed.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { launchChromium } from "../../test/support/browsers.ts";
import { median } from "../timing.ts";
import { buildEmptySite } from "./empty-site.ts";
import { loadingTask, type Visit, visit } from "./measure.ts";
import { type LettersVisit, visitLetters } from "./measure-letters.ts";
import { startStaticHost } from "./static-host.ts";

const VISITS = 5;
/** Bounds of what visitors notice: of an answer that seems at once, of a page that seems to stand still. */
const BOUNDS = { firstMotion: 1000, firstAlphabet: 2000, bytes: 1_000_000, stroke: 100, task: 50 };

const site = fileURLToPath(new URL("../../build/site/", import.meta.url));
if (!existsSync(site)) {
  console.error("site:measure: build/site/ is missing, expected the built site; run npm run site before");
  process.exit(2);
}

const host = await startStaticHost(site);
const empty = buildEmptySite();
const emptyHost = await startStaticHost(empty.folder);
const visits: Visit[] = [];
const lettersVisits: LettersVisit[] = [];
/** Longest tasks of VitePress's own while it loads, visit by visit, measured beside the page's. */
const floors: number[] = [];
for (let i = 0; i < VISITS; i++) {
  // A browser of its own: the next visit would find its files in a cache.
  const browser = await launchChromium();
  try {
    floors.push(await loadingTask(browser, `${emptyHost.address}/`));
    visits.push(await visit(browser, host));
    lettersVisits.push(await visitLetters(browser, host));
  } finally {
    await browser.close();
  }
}
host.close();
emptyHost.close();
empty.remove();

const strokes = visits.flatMap((each) => each.strokes).sort((a, b) => a - b);
const letterStrokes = lettersVisits.flatMap((each) => each.strokes).sort((a, b) => a - b);
const rows = [
  row(
    "document to first motion",
    median(visits.map(({ firstMotion }) => firstMotion)),
    BOUNDS.firstMotion,
    "ms",
  ),
  row(
    "sent before a visitor does anything",
    Math.max(...visits.map(({ bytes }) => bytes)),
    BOUNDS.bytes,
    "bytes",
  ),
  row("stroke to picture, median", median(strokes), BOUNDS.stroke, "ms"),
  row("stroke to picture, 95 %", strokes[Math.floor(0.95 * strokes.length)]!, BOUNDS.stroke, "ms"),
  ...(["loading", "drawing", "rooms"] as const).map((phase) =>
    row(
      `longest task, ${phase}`,
      median(visits.map(({ longestTasks }) => longestTasks[phase])),
      BOUNDS.task,
      "ms",
    ),
  ),
  row(
    "typefaces: document to alphabet",
    median(lettersVisits.map(({ firstAlphabet }) => firstAlphabet)),
    BOUNDS.firstAlphabet,
    "ms",
  ),
  row("typefaces: stroke to alphabet, median", median(letterStrokes), BOUNDS.stroke, "ms"),
  row(
    "typefaces: stroke to alphabet, 95 %",
    letterStrokes[Math.floor(0.95 * letterStrokes.length)]!,
    BOUNDS.stroke,
    "ms",
  ),
];
const table = new Table({ head: ["", "measured", "bound", ""], style: { head: [], border: [] } });
for (const { name, measured, bound, unit } of rows) {
  table.push([name, shown(measured, unit), `${shown(bound, unit)}`, measured <= bound ? "" : "missed"]);
}
console.log(`${VISITS} visits, ${strokes.length} strokes\n${table}`);
console.log(`longest task, loading an empty page of VitePress: ${median(floors).toFixed(0)} ms`);
if (process.argv.includes("--check") && rows.some(({ measured, bound }) => measured > bound))
  process.exitCode = 1;

function row(name: string, measured: number, bound: number, unit: "ms" | "bytes") {
  return { name, measured, bound, unit };
}

function shown(value: number, unit: "ms" | "bytes"): string {
  return unit === "ms" ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(0)} kB`;
}
