// run: alone
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { HTTPRequest, Page } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import { toNpy } from "../../src/files/npy.ts";
import { loadDecoder } from "../../src/index.ts";
import { toOnnx } from "../../src/onnx/index.ts";
import { launchChromium, newPage } from "../support/browsers.ts";
import { demoDigits } from "../support/demo-digits.ts";
import { packPackage } from "../support/installed-package.ts";
import { PATIENCE } from "../support/patience.ts";
import { serve } from "../support/serve.ts";

// The pages of site/start/ as a stranger follows them: from an empty folder, block after block, with the packed package in
// place of npm's and of the CDN's. The Python of site/start/pytorch.md is run by test/python-export/test_guide.py.

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-start-")));
const tarball = packPackage(join(folder, "packed"));
const installed = join(folder, "installed/latentflow");
mkdirSync(installed, { recursive: true });
execFileSync("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);

// Not in a hook: uvu keeps the error of a hook to itself.
const browser = await launchChromium();
test.after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

interface Block {
  readonly language: string;
  readonly code: string;
}

/** Text of a page of site/start/. */
function pageText(page: string): string {
  return readFileSync(join(root, "site/start", `${page}.md`), "utf8");
}

/** The fenced blocks of a page of site/start/, in their order. */
function blocksOf(page: string): Block[] {
  return [...pageText(page).matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }));
}

/** The name of the file that a block is saved as, by the comment in its first two lines; undefined without one. */
function fileNameOf({ code }: Block): string | undefined {
  return /^(?:<!doctype html>\n)?(?:\/\/|#|<!--) (\w+\.\w+)(?: -->)?\n/.exec(code)?.[1];
}

/** An empty project. */
function makeProject(name: string): string {
  const project = join(folder, name);
  mkdirSync(project);
  return project;
}

/** Saves the blocks that name a file and runs the commands of the others; returns what each command printed. */
function follow(project: string, blocks: readonly Block[]): string[] {
  return blocks.flatMap((block) => {
    const name = fileNameOf(block);
    if (name !== undefined) writeFileSync(join(project, name), block.code);
    if (block.language !== "sh") return [];
    return block.code
      .trim()
      .split("\n")
      .map((command) => runCommand(project, command));
  });
}

/** Runs a command in a project; `npm install` copies what is packed, or links to what is installed here. */
function runCommand(project: string, command: string): string {
  const [, names] = /^npm install (?:--save-dev )?(.*)$/.exec(command) ?? [];
  // A failure's error has what the command wrote to stderr.
  if (names === undefined)
    return execFileSync("sh", ["-c", command], { cwd: project, encoding: "utf8", stdio: "pipe" });
  const modules = join(project, "node_modules");
  if (!existsSync(modules)) {
    mkdirSync(modules);
    // For npx.
    symlinkSync(join(root, "node_modules/.bin"), join(modules, ".bin"));
  }
  for (const name of names.split(" ")) {
    if (name === "latentflow") cpSync(installed, join(modules, name), { recursive: true });
    else symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  return "";
}

/** Where the pages have the package from: this version. */
const CDN = `https://cdn.jsdelivr.net/npm/latentflow@${packageJson.version}/`;

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript" };

/** Answers a request to the CDN with the packed file, and lets no other leave this machine. */
function answer(request: HTTPRequest): void {
  const url = request.url();
  if (!/^https?:/.test(url) || new URL(url).hostname === "127.0.0.1") {
    request.continue();
    return;
  }
  const file = join(installed, url.slice(CDN.length));
  if (!url.startsWith(CDN) || !existsSync(file)) {
    request.abort();
    return;
  }
  request.respond({
    headers: { "Access-Control-Allow-Origin": "*" },
    contentType: TYPES[extname(file)] ?? "application/octet-stream",
    body: readFileSync(file),
  });
}

/** Pixels of a canvas. */
interface Canvas {
  /** Red, 0 to 255: the brightness of a grey pixel. */
  readonly levels: number[];
  /** Share of pixels that are not grey: those of missing values, which are hatched in blue. */
  readonly hatched: number;
}

/**
 * Opens a page and waits until its state says that it is done.
 *
 * @param act what a reader does once the page says "0 pixels are hidden"
 * @returns what it says, and its canvases by their ids
 */
async function open(
  address: string,
  done: RegExp,
  act?: (page: Page) => Promise<void>,
): Promise<{ state: string; canvases: Record<string, Canvas> }> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  page.on("request", answer);
  await page.setRequestInterception(true);
  try {
    await page.goto(address);
    const stateOf = () => page.$eval("#state", ({ textContent }) => textContent ?? "");
    const waitFor = async (state: RegExp) => {
      const deadline = Date.now() + PATIENCE;
      while (!state.test(await stateOf()) && uncaught.length === 0 && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.equal(uncaught, []);
      assert.match(await stateOf(), state);
    };
    if (act) {
      await waitFor(/^0 pixels are hidden$/);
      await act(page);
    }
    await waitFor(done);
    const canvases = await page.$$eval("canvas", (elements) =>
      Object.fromEntries(
        elements.map((canvas) => {
          const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
          const levels = Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]!);
          const hatched = levels.filter((red, i) => red !== data[4 * i + 2]).length / levels.length;
          return [canvas.id, { levels, hatched }];
        }),
      ),
    );
    return { state: await stateOf(), canvases };
  } finally {
    await page.close();
  }
}

/** Mean difference of two canvases, of pixels from 0 to 1. */
function meanError({ levels }: Canvas, original: Canvas): number {
  const differences = levels.map((level, i) => Math.abs(level - original.levels[i]!) / 255);
  return differences.reduce((total, difference) => total + difference, 0) / levels.length;
}

/** Half of the first picture's pixels are hatched, and none of the others'. */
function checkHatching(given: Canvas, ...others: Canvas[]): void {
  assert.ok(given.hatched > 0.45 && given.hatched < 0.55, `${given.hatched} of the pixels are missing`);
  assert.equal(
    others.map(({ hatched }) => hatched),
    [0, 0],
  );
}

test("In the browser: the page from a CDN fills half of the pixels, opened as a file", async () => {
  const project = makeProject("cdn");
  follow(project, blocksOf("browser").slice(0, 1));
  const { canvases } = await open(pathToFileURL(join(project, "index.html")).href, /^Encoded in/);
  const { given, filled, original } = canvases;
  checkHatching(given!, filled!, original!);
  const error = meanError(filled!, original!);
  assert.ok(error > 0 && error < 0.04, `mean error ${error}`);
});

test("In the browser: the page says so where the CDN, or a file of it, does not answer", async () => {
  const address = pathToFileURL(join(folder, "cdn/index.html")).href;
  for (const [missing, state] of [
    [/index\.js$/, /^The CDN does not answer/],
    [/convolutional\.safetensors$/, /loadDecoder\(".+"\): cannot be read/],
  ] as const) {
    const page = await newPage(browser);
    try {
      page.on("request", (request) => (missing.test(request.url()) ? request.abort() : answer(request)));
      await page.setRequestInterception(true);
      await page.goto(address);
      const said = await page.waitForFunction(() => {
        const { textContent } = document.getElementById("state")!;
        return textContent !== "Loading …" && textContent;
      });
      assert.match(String(await said.jsonValue()), state);
    } finally {
      await page.close();
    }
  }
});

test("In the browser: Vite builds a page in which a digit that is painted over is completed", async () => {
  const project = makeProject("vite");
  const printed = follow(project, blocksOf("browser").slice(1)).join("");
  const sizes = [...printed.matchAll(/\.js\s+[\d.]+ kB\s.*gzip:\s+([\d.]+) kB/g)];
  const size = sizes.reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0);
  const [, said] = /(\d+) kB of JavaScript, gzipped/.exec(pageText("browser")) ?? [];
  assert.ok(Math.abs(size - Number(said)) < 2, `the page says ${said} kB, Vite ${size} kB`);
  const server = await serve(join(project, "dist"), undefined);
  try {
    const { state, canvases } = await open(
      `${server.address}/`,
      /^[1-9]\d+ pixels are hidden$/,
      async (page) => {
        const { x, y } = (await (await page.$("#given"))!.boundingBox())!;
        const until = (state: string) =>
          page.waitForFunction(
            (pattern) => new RegExp(pattern).test(document.getElementById("state")!.textContent!),
            { timeout: PATIENCE },
            state,
          );
        // A click hides a dot 30 points wide: a circle of some 7 pixels.
        await page.mouse.click(x + 20, y + 20);
        await until("^([4-9]|1[0-2]) pixels are hidden$");
        await page.click("#clear");
        await until("^0 pixels are hidden$");
        await page.mouse.move(x + 40, y + 145);
        await page.mouse.down();
        await page.mouse.move(x + 240, y + 145, { steps: 10 });
        await page.mouse.up();
        // Each move starts a call, and ends the one before: the last has ended once the state counts what is hatched.
        await page.waitForFunction(
          () => {
            const canvas = document.querySelector<HTMLCanvasElement>("#given")!;
            const { data } = canvas.getContext("2d")!.getImageData(0, 0, 280, 280);
            const hatched = new Set<number>();
            for (let i = 0; i < 280 ** 2; i++) {
              if (data[4 * i] !== data[4 * i + 2]) {
                hatched.add(28 * Math.floor(i / 2800) + Math.floor((i % 280) / 10));
              }
            }
            return document.getElementById("state")!.textContent === `${hatched.size} pixels are hidden`;
          },
          { timeout: PATIENCE },
        );
      },
    );
    const { given, completed } = canvases;
    const hidden = Number(/^\d+/.exec(state)![0]) / 784;
    // A stroke of 230 × 30 of 280 × 280 points.
    assert.ok(hidden > 0.06 && hidden < 0.12, state);
    assert.ok(Math.abs(given!.hatched - hidden) < 0.01, `${given!.hatched} of the given picture is hatched`);
    assert.is(completed!.hatched, 0);
    const digit = await demoDigits(1);
    const levels = Array.from(
      { length: 280 ** 2 },
      (_, i) => 255 * digit[28 * Math.floor(i / 2800) + Math.floor((i % 280) / 10)]!,
    );
    const error = meanError(completed!, { levels, hatched: 0 });
    assert.ok(error > 0 && error < 0.03, `mean error ${error}`);
  } finally {
    server.close();
  }
});

test("In Node: the first block prints a digit with missing pixels, and the whole digit", () => {
  const printed = follow(makeProject("node"), blocksOf("node")).join("");
  const rows = printed.split("\n").slice(0, 28);
  assert.is(printed.split("\n").length, 29);
  const [given, filled] = [0, 29].map((first) => rows.map((row) => row.slice(first, first + 28)).join(""));
  const missing = given!.split("?").length - 1;
  assert.ok(missing > 300 && missing < 484, `${missing} of 784 pixels are missing`);
  assert.is(filled!.length, 784);
  // A seven: some tenth of its pixels are ink.
  assert.match(filled!, /^[ .:+#]+$/);
  assert.ok(filled!.split("#").length > 20);
});

test("From PyTorch: the page loads a decoder that PyTorch has exported, and fills pictures with it", async () => {
  const project = makeProject("pytorch");
  const [page] = blocksOf("pytorch").filter(({ language }) => language === "html");
  follow(project, [page!]);
  // The decoder of another page: test_guide.py exports the one of this page.
  const decoder = await loadDecoder(join(root, "demo/convolutional.safetensors"));
  writeFileSync(join(project, "decoder.onnx"), await toOnnx(decoder));
  writeFileSync(join(project, "data.npy"), toNpy(await demoDigits(20), [20, 1, 28, 28]));
  const server = await serve(project, undefined);
  try {
    const { canvases } = await open(`${server.address}/`, /verified/);
    const { given, filled, original } = canvases;
    checkHatching(given!, filled!, original!);
    const error = meanError(filled!, original!);
    assert.ok(error > 0 && error < 0.06, `mean error ${error}`);
  } finally {
    server.close();
  }
});

test.run();
