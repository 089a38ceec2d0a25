// run: first
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode as decodePng } from "fast-png";
import type { ElementHandle, Page } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import { loadDecoder } from "../../src/index.ts";
import type { Context } from "../everywhere/environment.ts";
import { freePort, runCommand, withServer } from "../everywhere/project.ts";
import { launchChromium, newPage, textOf } from "../support/browsers.ts";
import { packPackage } from "../support/installed-package.ts";
import { serve } from "../support/serve.ts";

// Each project of examples/ as its users have it: a copy with the packed package, run by the commands of its README. What
// is no project, cluster/, has cluster-examples.test.ts.

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
const names = readdirSync(examples, { withFileTypes: true })
  .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  .filter((name) => existsSync(join(examples, name, "package.json")))
  .sort();
const folder = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-examples-")));
const tarball = packPackage(join(folder, "packed"));
test.after(() => rmSync(folder, { recursive: true }));

/** What there is to see of each, once it is installed. */
const checks: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  async conditional(context) {
    const printed = await checkStart(context, "digits.png");
    const [right, wrong] = ["the right label", "wrong labels"].map((label) =>
      Number(new RegExp(`${label} +([\\d.]+)`).exec(printed)![1]),
    );
    assert.ok(right! < 0.9 * wrong!, `${right}, ${wrong}`);
    await checkTraining(context, "20");
  },
  async "missing-pixels"(context) {
    const rows = tableRows(await checkStart(context, "filled.png"));
    assert.is(rows.length, 3);
    for (const [plain, , , withPrior, mean] of rows) {
      assert.ok(Math.max(withPrior!, mean!) < 0.6 * plain!, `${withPrior}, ${mean}, ${plain}`);
    }
    const files = ["plain-decoder", "plain-encoder", "masked-decoder", "masked-encoder"];
    await checkTraining(context, "1", files);
  },
  async "pytorch-to-browser"(context) {
    await checkPage(context);
  },
  async "shape-from-points"(context) {
    const rows = tableRows(await checkStart(context, "shapes.png"));
    assert.is(rows.length, 3);
    for (const [completed, ...others] of rows) {
      for (const other of others) assert.ok(completed! < 0.5 * other, `${completed}, ${other}`);
    }
    await checkTraining(context, "1");
  },
};

test("every project of examples/ has its check", () => {
  assert.equal(names, Object.keys(checks));
});

for (const [name, check] of Object.entries(checks)) {
  test(`${name} runs`, async () => {
    const context: Context = {
      folder: join(folder, name),
      tarball,
      node: process.execPath,
      log: () => {},
      signal: AbortSignal.timeout(1_500_000),
    };
    const isSource = (path: string) => !/\/(node_modules|dist|package-lock\.json)$/.test(path);
    cpSync(join(examples, name), context.folder, { recursive: true, filter: isSource });
    const { dependencies } = JSON.parse(readFileSync(join(context.folder, "package.json"), "utf8"));
    assert.is(dependencies.latentflow, `^${packageJson.version}`);
    const options = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    await runCommand(context, "npm", ["install", ...options, tarball]);
    assert.not(
      existsSync(join(context.folder, "node_modules/latentflow/examples/missing-pixels/main.js")),
      "of examples the pictures that README shows are published",
    );
    await check(context);
  });
}

/**
 * `npm start` prints what the README has and writes the picture that it shows, up to what the kernels of another
 * processor round.
 *
 * @returns what it printed
 */
async function checkStart(context: Context, picture: string): Promise<string> {
  const file = join(context.folder, picture);
  const expected = decodePng(readFileSync(file));
  rmSync(file);
  const printed = await runCommand(context, "npm", ["start", "--silent"]);
  const readme = readFileSync(join(context.folder, "README.md"), "utf8");
  const shown = /```text\n(.*?)```/s.exec(readme)![1]!;
  assert.is(words(printed), words(shown));
  const [numbers, shownNumbers] = [numbersOf(printed), numbersOf(shown)];
  numbers.forEach((number, i) => {
    assert.ok(
      Math.abs(number - shownNumbers[i]!) <= 0.1 * shownNumbers[i]!,
      `${number}, in the README ${shownNumbers[i]}`,
    );
  });
  assert.match(readme, `](${picture})`);
  const drawn = decodePng(readFileSync(file));
  assert.equal(
    [drawn.width, drawn.height, drawn.channels],
    [expected.width, expected.height, expected.channels],
  );
  const difference = Array.from(drawn.data).reduce(
    (sum, level, i) => sum + Math.abs(level - expected.data[i]!),
    0,
  );
  assert.ok(
    difference < 2 * drawn.data.length,
    `the picture is off by ${difference / drawn.data.length} levels`,
  );
  return printed;
}

/** `npm run train` with next to no work writes a decoder that is another one than before. */
async function checkTraining(context: Context, amount: string, names = ["decoder"]): Promise<void> {
  const files = names.map((name) => join(context.folder, `${name}.safetensors`));
  const load = () => Promise.all(files.map((file) => loadDecoder(file)));
  const before = await load();
  await runCommand(context, "npm", ["run", "train", "--", amount]);
  const after = await load();
  assert.equal(
    after.map(({ definition }) => definition),
    before.map(({ definition }) => definition),
  );
  for (const [i, decoder] of after.entries()) assert.not.equal(decoder.parameters, before[i]!.parameters);
  for (const decoder of [...before, ...after]) assert.is(decoder.verified, true);
}

const numbersOf = (text: string) => Array.from(text.matchAll(/\d+(\.\d+)?/g), ([number]) => Number(number));

/** A text without its numbers, and without what their lengths change. */
function words(text: string): string {
  return text
    .replace(/\d+(\.\d+)?/g, "#")
    .replace(/[\s─]+/g, " ")
    .trim();
}

/** The numbers of the rows of what console.table prints, without its heading. */
function tableRows(printed: string): number[][] {
  const lines = printed
    .split("\n")
    .filter((line) => line.startsWith("│"))
    .slice(1);
  return lines.map((line) => numbersOf(line.split("│").slice(2).join(" ")));
}

/** Where the picture for the README goes, when it is asked for. */
const screenshot = process.env.EXAMPLE_SCREENSHOT;

async function checkPage(context: Context): Promise<void> {
  const browser = await launchChromium();
  try {
    // As it is published, with a policy as strict as can be.
    await runCommand(context, "npm", ["run", "build"]);
    const policy =
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src data:";
    const server = await serve(join(context.folder, "dist"), policy);
    const page = await newPage(browser);
    const uncaught: string[] = [];
    page.on("pageerror", (error) => uncaught.push(String(error)));
    await page.goto(server.address);
    await checkEncoding(context, page);
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    await checkCancel(context, page);
    await checkRefusal(context, page);
    assert.equal(uncaught, []);
    server.close();

    const port = await freePort();
    const command = [
      "npm",
      "start",
      "--",
      "--host",
      "127.0.0.1",
      "--port",
      `${port}`,
      "--strictPort",
    ] as const;
    const address = `http://127.0.0.1:${port}/`;
    await withServer(context, { command, address }, async () => {
      const page = await newPage(browser);
      await page.goto(address);
      await checkEncoding(context, page);
    });
  } finally {
    await browser.close();
  }
}

const picturesOf = ({ folder }: Context) =>
  readdirSync(join(folder, "pictures")).map((name) => join(folder, "pictures", name));

/** The decoder is said to be verified, and each picture is shown, pixel by pixel, beside one that is close to it. */
async function checkEncoding(context: Context, page: Page): Promise<void> {
  await choose(page, "#decoder", [join(context.folder, "decoder.onnx")]);
  assert.match(await textOf(page, "#proof:not(:empty)"), /^Verified/);
  assert.match(await textOf(page, "#description"), /convTranspose.*3 × 32 × 32.*\ntotal/s);
  const files = picturesOf(context);
  await choose(page, "#pictures", files);
  await click(page, "#encode");
  await page.waitForSelector(`#state::-p-text(${files.length} pictures encoded in)`);
  const shown = await page.$$eval("figure", (figures) =>
    figures.map((figure) => ({
      caption: figure.textContent ?? "",
      pictures: Array.from(figure.querySelectorAll("canvas"), (canvas) =>
        Array.from(canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data).filter(
          (_, i) => i % 4 < 3,
        ),
      ),
    })),
  );
  assert.is(shown.length, files.length);
  for (const [i, { caption, pictures }] of shown.entries()) {
    const [original, reconstruction] = pictures as [number[], number[]];
    assert.equal(original, [...decodePng(readFileSync(files[i]!)).data]);
    const [, loss] = /^landscape-\d\.png: loss ([\d.e-]+), converged$/.exec(caption)!;
    const squares = original.map((level, k) => ((level - reconstruction[k]!) / 255) ** 2);
    const error = squares.reduce((sum, square) => sum + square, 0) / squares.length;
    // Levels are whole numbers, off by half a one at most.
    assert.ok(Math.abs(Math.sqrt(error) - Math.sqrt(Number(loss))) < 0.5 / 255, `${error}, ${caption}`);
    assert.ok(error < 0.005, `${error}`);
  }
}

/** Many pictures, cancelled once the first ones are encoded. */
async function checkCancel(context: Context, page: Page): Promise<void> {
  const files = picturesOf(context);
  await choose(
    page,
    "#pictures",
    Array.from({ length: 400 }, (_, i) => files[i % files.length]!),
  );
  const progress = page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const state = document.querySelector("#state")!;
        new MutationObserver((_, observer) => {
          if (!/ of 400 pictures encoded/.test(state.textContent ?? "")) return;
          observer.disconnect();
          document.querySelector<HTMLElement>("#cancel")!.click();
          resolve(state.textContent ?? "");
        }).observe(state, { childList: true });
      }),
  );
  await click(page, "#encode");
  assert.not.match(await progress, /^400 /);
  await page.waitForSelector("#state::-p-text(Cancelled.)");
  assert.is(await page.$("figure"), null);
}

/** What is no decoder is refused by what it is. */
async function checkRefusal(context: Context, page: Page): Promise<void> {
  await choose(page, "#decoder", picturesOf(context).slice(0, 1));
  await page.waitForSelector("#state::-p-text(expected an ONNX file)");
  assert.ok(await page.$("#encode:disabled"));
}

async function choose(page: Page, selector: string, files: readonly string[]): Promise<void> {
  const input = await page.waitForSelector(selector);
  await (input as ElementHandle<HTMLInputElement>).uploadFile(...files);
}

async function click(page: Page, selector: string): Promise<void> {
  const element = await page.waitForSelector(`${selector}:not([disabled])`);
  await element!.click();
}

test.run();
