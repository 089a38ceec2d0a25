// run: first
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { init } from "echarts";
import type { Browser, Page } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "vite";
import { chartOption } from "../../bench/page/chart.ts";
import { CONTENDER_NAMES } from "../../bench/page/contenders.ts";
import { findCrossings } from "../../bench/page/crossing.ts";
import type { DecoderName } from "../../bench/page/decoders.ts";
import type { Report, Row } from "../../bench/page/report.ts";
import { defaultSettings, readSettings } from "../../bench/page/settings.ts";
import { widen } from "../../bench/page/widen.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, createDecoder, decode } from "../../src/index.ts";
import { launchChromium, launchChromiumWithWebgpu, newPage, textOf } from "../support/browsers.ts";
import { ISOLATING, serve } from "../support/serve.ts";

/** Tiny, since a software adapter takes its time. Of several solvers WASM alone is measured, below. */
const SETTINGS = "sizes=1,2&decoders=mlp&solvers=lbfgs&steps=3&rounds=1";
const SOLVERS = ["lbfgs"];
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Where the picture for the docs goes, when it is asked for. */
const screenshot = process.env.BENCH_PAGE_SCREENSHOT;

const downloads = mkdtempSync(join(tmpdir(), "latentflow-downloads-"));
const outDir = mkdtempSync(join(tmpdir(), "latentflow-bench-page-"));
await build({ configFile: "bench/page/vite.config.ts", logLevel: "silent", build: { outDir } });
const PAPER = readFileSync("demo/decoder.safetensors");
const TINY = createDecoder({ layers: [2, 5, 784], seed: 1, loss: binaryCrossEntropy() }).toSafetensors();
replaceDecoder(TINY);
const server = await serve(outDir, "script-src 'self' 'wasm-unsafe-eval'", ISOLATING);
const chromium = await launchChromiumWithWebgpu();
test.after(async () => {
  await chromium.close();
  server.close();
  for (const folder of [outDir, downloads]) rmSync(folder, { recursive: true });
});

/** Gives the page another decoder than the paper's: a software adapter takes long over that one. */
function replaceDecoder(bytes: Uint8Array): void {
  const assets = join(outDir, "assets");
  const [file, ...others] = readdirSync(assets).filter((name) => name.endsWith(".safetensors"));
  assert.equal(others, []);
  writeFileSync(join(assets, file!), bytes);
}

async function openPage(
  browser: Browser,
  search: string,
  size = DESKTOP,
): Promise<{ page: Page; uncaught: string[] }> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  await page.setViewport(size);
  await page.goto(`${server.address}/?${search}`);
  return { page, uncaught };
}

async function waitForEnd(page: Page, text: string): Promise<void> {
  await page.waitForSelector(`#state::-p-text(${text})`, screenshot ? { timeout: 600_000 } : {});
}

/** Clicks on what has this role and this name. (A locator would wait by `eval`, which the page's policy forbids.) */
async function click(page: Page, role: string, name: string): Promise<void> {
  const element = await page.waitForSelector(`::-p-aria([name="${name}"][role="${role}"])`, {
    visible: true,
  });
  await element!.click();
}

/** What a link of the page offers. */
async function download(page: Page, name: string): Promise<string> {
  const session = await page.browser().target().createCDPSession();
  try {
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allowAndName",
      downloadPath: downloads,
      eventsEnabled: true,
    });
    const ended = new Promise<string>((resolve, reject) => {
      session.on("Browser.downloadProgress", ({ guid, state }) => {
        if (state === "completed") resolve(guid);
        if (state === "canceled") reject(new Error(`the download of ${name} was cancelled`));
      });
    });
    const [guid] = await Promise.all([ended, click(page, "link", `Download ${name}`)]);
    return readFileSync(join(downloads, guid), "utf8");
  } finally {
    await session.detach();
  }
}

/** Waits until the chart is drawn in the width of its place. (`waitForFunction` would wait by `eval`, too.) */
function chartFits(page: Page): Promise<void> {
  return page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const place = document.getElementById("chart")!;
        const look = () => {
          if (place.querySelector("svg")!.clientWidth === place.clientWidth) resolve();
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
  );
}

async function checkIsWithin(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content! <= window!, `the page is ${content} pixels wide, the window ${window}`);
}

test("on a phone's screen it measures both backends and offers the results, which fit a desktop's, too", async () => {
  const { page, uncaught } = await openPage(chromium, SETTINGS, PHONE);
  await page.waitForSelector("#start:not([disabled])");
  assert.match(await textOf(page, "#adapter"), /software \(.*swiftshader/i);
  await click(page, "button", "Measure");
  await waitForEnd(page, "Done.");
  await checkIsWithin(page);
  assert.equal(uncaught, []);

  const report: Report = JSON.parse(await download(page, "JSON"));
  assert.is(report.complete, true);
  assert.match(report.environment.adapter ?? "", /swiftshader/i);
  assert.is(report.environment.adapterIsSoftware, true);
  assert.equal(report.absences, []);
  assert.equal(
    report.starts.map(({ solver, contender, decoder }) => [solver, contender, decoder]),
    SOLVERS.flatMap((solver) => CONTENDER_NAMES.map((contender) => [solver, contender, "mlp"])),
  );
  assert.equal(
    report.rows.map(({ solver, contender, size }) => [solver, contender, size]),
    SOLVERS.flatMap((solver) =>
      [1, 2].flatMap((size) => CONTENDER_NAMES.map((contender) => [solver, contender, size])),
    ),
  );
  for (const row of report.rows) {
    // Three steps: the losses of both backends are one to what float32 rounds.
    const other = report.rows.find(
      ({ solver, size, contender }) => solver === row.solver && size === row.size && contender === "wasm",
    )!;
    assert.ok(Math.abs(row.meanLoss - other.meanLoss) < 1e-5 * other.meanLoss, JSON.stringify(report.rows));
    assert.ok(row.seconds > 0 && row.firstSeconds > 0);
    // At z0 and after three steps, unless steps were taken back.
    const gradients = (row.seconds * 1e6) / row.microsecondsPerGradient / row.size;
    assert.ok(gradients > 3.49 && gradients < 10, `${gradients}`);
  }
  assert.equal(
    report.crossings.map(({ solver, contender, other }) => [solver, contender, other]),
    SOLVERS.flatMap((solver) => [
      [solver, "webgpu", "wasm"],
      [solver, "webgpu", "wasmThreads"],
    ]),
  );

  const markdown = await download(page, "Markdown");
  assert.match(markdown, /^# latentflow: WASM against WebGPU$/m);
  assert.match(markdown, /is software, a program on the CPU/);
  const cells = await page.$$eval("tbody td", (all) => all.map(({ textContent }) => textContent));
  assert.is(cells.length, 3 * 5 + 6 * 9);
  for (const cell of cells) assert.ok(markdown.includes(` ${cell} |`), cell);
  assert.ok((await page.$$("#chart svg path")).length > 4);

  await chartFits(page);
  await page.setViewport(DESKTOP);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  await chartFits(page);
  await checkIsWithin(page);
  assert.ok((await page.$$("#chart svg path")).length > 4);
  assert.equal(uncaught, []);
  await page.close();
});

test("it can be cancelled, and shows what there is", async () => {
  const { page } = await openPage(chromium, "sizes=4096&decoders=mlp&solvers=amd&limit=1000&run");
  await page.waitForSelector("#tables td");
  await click(page, "button", "Cancel");
  await waitForEnd(page, "Cancelled");
  assert.match(await textOf(page, "#findings"), "Cancelled before its end.");
  const { complete, starts }: Report = JSON.parse(await download(page, "JSON"));
  assert.is(complete, false);
  assert.is(starts[0]?.contender, "wasm");
  // It can be measured again.
  await page.waitForSelector("#start:not([disabled])");
  await page.close();
});

test("without WebGPU it says so and measures WASM alone, on one core and on all", async () => {
  const browser = await launchChromium();
  replaceDecoder(PAPER);
  try {
    // Enough work to be worth sharing.
    const { page, uncaught } = await openPage(
      browser,
      "sizes=1,256&decoders=mlp&solvers=lbfgs,amd&steps=10&rounds=1&run",
    );
    await waitForEnd(page, "Done.");
    await checkIsWithin(page);
    assert.match(
      await textOf(page, "#adapter"),
      /^WebGPU cannot be used here \(.*WASM will be measured alone/,
    );
    const { environment, rows, absences, crossings }: Report = JSON.parse(await download(page, "JSON"));
    assert.equal(
      rows.map(({ solver, contender, size, threads }) => [solver, contender, size, threads]),
      ["lbfgs", "amd"].flatMap((solver) => [
        [solver, "wasm", 1, 1],
        [solver, "wasmThreads", 1, 1],
        [solver, "wasm", 256, 1],
        [solver, "wasmThreads", 256, environment.cores],
      ]),
    );
    for (const few of [0, 4]) assert.is(rows[few + 2]!.meanLoss, rows[few + 3]!.meanLoss);
    assert.equal(
      absences.map(({ contender }) => contender),
      ["webgpu", "webgpu"],
    );
    assert.equal(crossings, []);
    assert.equal(uncaught, []);
  } finally {
    await browser.close();
    replaceDecoder(TINY);
  }
});

/** Rows of both, by the digits a second of each at 1, 4, 16, … */
function rowsOf(speeds: { wasm: number[]; webgpu: number[] }, decoder: DecoderName = "mlp"): Row[] {
  return (["wasm", "webgpu"] as const).flatMap((contender) =>
    speeds[contender].map((samplesPerSecond, i): Row => {
      const size = 4 ** i;
      const seconds = size / samplesPerSecond;
      const times = { firstSeconds: seconds, seconds, samplesPerSecond, microsecondsPerGradient: 1 };
      return { solver: "lbfgs", contender, decoder, size, calls: 1, meanLoss: 0.1, build: "", ...times };
    }),
  );
}

test("the crossing is where the lines meet, and marked there", () => {
  // On logarithmic scales the lines are straight and meet half-way between 4 and 16.
  const rows = rowsOf({ wasm: [100, 100, 100], webgpu: [12.5, 50, 200] });
  const crossings = findCrossings(rows);
  assert.is(crossings.length, 1);
  const { size, samplesPerSecond } = crossings[0]!;
  assert.ok(Math.abs(Number(size) - 8) < 1e-9, `${size}`);
  assert.ok(Math.abs(samplesPerSecond! - 100) < 1e-9);
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 800, height: 500 });
  const countOfEights = (marked: typeof crossings) => {
    chart.setOption(chartOption({ rows, crossings: marked }, false), { notMerge: true });
    return chart.renderToSVGString().split(">8<").length - 1;
  };
  // The axis may have one of its own.
  assert.is(countOfEights(crossings), countOfEights([]) + 1);
  chart.dispose();
});

test("no crossing where one is faster throughout, or falls back", () => {
  const sizes = (wasm: number[], webgpu: number[]) =>
    findCrossings([...rowsOf({ wasm, webgpu }), ...rowsOf({ wasm: [1], webgpu: [2] }, "dcgan")]).map(
      ({ decoder, size }) => [decoder, size],
    );
  assert.equal(sizes([10, 10], [1, 2]), [
    ["mlp", "never"],
    ["dcgan", "always"],
  ]);
  assert.is(sizes([10, 10, 10], [11, 12, 13])[0]![1], "always");
  assert.is(sizes([10, 10, 10], [11, 12, 9])[0]![1], "never");
  assert.equal(findCrossings(rowsOf({ wasm: [1, 2], webgpu: [] })), []);
});

test("a widened decoder is a larger one of the same function", async () => {
  const decoder = createDecoder({ layers: [3, 5, 7, 6], seed: 2, outputActivation: "sigmoid" });
  const z = Float32Array.from({ length: 6 }, (_, i) => Math.sin(i));
  const expected = await decode(decoder, z);
  const wide = widen(decoder, 4);
  assert.equal(
    layersOf(wide).map(({ inputSize, outputSize }) => [inputSize, outputSize]),
    [
      [3, 20],
      [20, 28],
      [28, 6],
    ],
  );
  (await decode(wide, z)).forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${value}, expected ${expected[i]}`);
  });
});

test("settings: lists are sorted and without doubles, what is no whole number in range is refused", () => {
  const defaults = defaultSettings(false);
  assert.equal(readSettings({}, defaults), defaults);
  assert.equal(readSettings({ sizes: "16,1,16" }, defaults).sizes, [1, 16]);
  assert.equal(Math.max(...defaults.sizes), 4096);
  assert.equal(defaultSettings(true).decoders, ["mlp"]);
  assert.equal(readSettings({ solvers: "amd,lbfgs" }, defaults).solvers, ["lbfgs", "amd"]);
  assert.throws(
    () => readSettings({ solvers: "rk4" }, defaults),
    /^solvers is "rk4", expected some of lbfgs, amd/,
  );
  assert.equal(readSettings({ decoders: "dcgan,mlp" }, defaults).decoders, ["mlp", "dcgan"]);
  assert.throws(
    () => readSettings({ decoders: "vae" }, defaults),
    /^decoders is "vae", expected some of mlp, /,
  );
  const wrong = { sizes: "1,,2", rounds: "0", steps: "1.5", limit: "soon" };
  for (const [name, text] of Object.entries(wrong)) {
    assert.throws(
      () => readSettings({ [name]: text }, defaults),
      new RegExp(`^${name} is ".*", expected whole numbers`),
    );
  }
});

if (screenshot) {
  test("the picture for the docs", async () => {
    replaceDecoder(PAPER);
    const settings = "sizes=1,4,16&decoders=mlp&solvers=lbfgs&steps=20&rounds=1&limit=1000&run";
    const { page } = await openPage(chromium, settings, { width: 1000, height: 900 });
    await waitForEnd(page, "Done.");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.screenshot({ path: screenshot, fullPage: true });
    await page.close();
  });
}

test.run();
