// run: alone
// Tests site/page/rooms/ (Codes, Train, OwnDecoder) and site/page/element/ in Chromium and Firefox, and the whole page by axe.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, ElementHandle, Page } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startStaticHost } from "../../bench/site/static-host.ts";
import { readNpy, toNpy } from "../../src/files/npy.ts";
import { createDecoder, decode } from "../../src/index.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import { launchChromium, launchFirefox, newPage, textOf } from "../support/browsers.ts";
import { buildHomePage } from "../support/home-page.ts";
import { axeProblems, savedBytes } from "../support/page-checks.ts";
import { serve } from "../support/serve.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = join(root, "examples/pytorch-to-browser");
const home = buildHomePage();
const files = mkdtempSync(join(tmpdir(), "latentflow-visitor-"));
// No worker and no script of the page may ask another server. The example's picture is a data: URL.
const server = await serve(home, "connect-src 'self' data:");
const browsers: Record<string, Browser> = {
  Chromium: await launchChromium(),
  Firefox: await launchFirefox(),
};
test.after(async () => {
  await Promise.all(Object.values(browsers).map((browser) => browser.close()));
  server.close();
  for (const folder of [home, files]) rmSync(folder, { recursive: true });
});

/** Each room, and what it has once it is loaded. */
const CONTENTS: Readonly<Record<string, string>> = {
  answers: ".answers",
  flow: ".race",
  codes: ".codes",
  train: ".train",
  decoder: ".own",
};
const ROOMS = Object.keys(CONTENTS);
const WIDTHS = { desktop: 1280, phone: 360 };

/** Opens a room, for `use` to work with. What the page throws, or reports as an error, fails the test. */
async function withRoom(
  browser: Browser,
  room: string,
  use: (page: Page) => Promise<void>,
  { width = WIDTHS.desktop, isDark = false } = {},
): Promise<void> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  // Vue reports what its components throw here, and goes on.
  page.on("console", (message) => message.type() === "error" && uncaught.push(message.text()));
  try {
    await page.setViewport({ width, height: 900 });
    await page.evaluateOnNewDocument(
      (theme) => {
        localStorage.setItem("vitepress-theme-appearance", theme);
      },
      isDark ? "dark" : "light",
    );
    await page.goto(`${server.address}/#v=1&room=${room}`);
    await page.waitForSelector(`#room-${room} > *`, { visible: true });
    await use(page);
    assert.equal(uncaught, []);
  } finally {
    await page.close();
  }
}

async function click(page: Page, name: string): Promise<void> {
  const button = await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, { visible: true });
  await page.waitForFunction((element) => !(element as HTMLButtonElement).disabled, {}, button!);
  await (button as ElementHandle<HTMLElement>).evaluate((element) => element.click());
}

/** Waits until a selector's text matches. */
async function waitForText(page: Page, selector: string, pattern: RegExp): Promise<RegExpExecArray> {
  await page
    .waitForFunction(
      (selector, source) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""),
      {},
      selector,
      pattern.source,
    )
    .catch(async (error) => {
      const found = await page.$$eval(selector, (all) => all.map(({ textContent }) => textContent));
      throw new Error(`${selector} has ${JSON.stringify(found)}, expected ${pattern}: ${error}`);
    });
  return pattern.exec(await textOf(page, selector))!;
}

/** Writes a file of the visitor's, and chooses it in the room. */
async function choose(
  page: Page,
  what: "decoder" | "samples",
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = join(files, name);
  writeFileSync(path, bytes);
  const inputs = (await page.$$(".drop input")) as ElementHandle<HTMLInputElement>[];
  await inputs[what === "decoder" ? 0 : 1]!.uploadFile(path);
}

/** Bytes that the page saves once a button has been clicked. */
const saved = (page: Page, button: string) => savedBytes(page, () => click(page, button));

/** Levels of a canvas: red, green, blue and opacity of each pixel. */
const pixelsOf = (page: Page, selector: string) =>
  page.$eval(selector, (element) => {
    const canvas = element as HTMLCanvasElement;
    return [...canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data];
  });

const PICTURE = readFileSync(join(example, "pictures/landscape-1.png"));
const ONNX = readFileSync(join(example, "decoder.onnx"));
/** A decoder of sixteen numbers that are no picture, and a sample of it. */
const plain = createDecoder({ layers: [2, 12, 16], loss: "mse", seed: 3 });
const sample = await decode(plain, Float32Array.of(0.5, -1));

for (const [name, browser] of Object.entries(browsers)) {
  test(`${name}: training lowers the loss, pauses, goes on, and gives its decoder to the page`, async () => {
    await withRoom(browser, "train", async (page) => {
      await waitForText(page, ".state", /Untrained/);
      await click(page, "Train");
      // Of random weights the loss is that of a coin, ln 2 = 0.69 nats a pixel, and more.
      const [, round, loss] = await waitForText(page, ".state", /Round ([2-9]) of .* loss of ([\d.]+)\./);
      assert.ok(Number(loss) < 0.3, loss);
      await click(page, "Pause");
      await waitForText(page, ".state", /Paused/);
      await click(page, "Go on");
      const [, later] = await waitForText(
        page,
        ".state",
        new RegExp(`Round (${Number(round) + 1}|[1-9]\\d) of`),
      );
      assert.ok(Number(later) > Number(round));
      const decoder = await loadOnnx(await saved(page, "Save as ONNX"));
      assert.is(decoder.verified, true);
      assert.is(decoder.prior?.name, "gaussian");
      await click(page, "Play with it");
      await waitForText(page, ".guest", /the decoder that was trained here/);
      assert.is(await page.$(".failure"), null);
      await click(page, "Reset");
      await waitForText(page, ".state", /Untrained/);
      await click(page, "Use the page's own decoder again");
      await page.waitForFunction(() => !document.querySelector(".guest"));
    });
  });

  test(`${name}: the decoder draws as a point moves among the codes`, async () => {
    await withRoom(browser, "codes", async (page) => {
      const plane = await page.waitForSelector(".plane");
      await waitForText(page, ".codes figcaption", /Codes nearby: *\d/);
      const drawn = () => pixelsOf(page, ".codes figure canvas");
      const waitForOther = (than: number[]) =>
        page.waitForFunction(
          (levels) => {
            const canvas = document.querySelector<HTMLCanvasElement>(".codes figure canvas")!;
            const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
            return data.some((value, i) => value !== levels[i]);
          },
          {},
          than,
        );
      const first = await drawn();
      await plane!.focus();
      await page.keyboard.down("Shift");
      for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
      await page.keyboard.up("Shift");
      await waitForOther(first);
      // To the left lie the ones: see the plane in the room.
      await waitForText(page, ".codes [role=status]", /Nearby are codes of 1/);
      const second = await drawn();
      await plane!.scrollIntoView();
      const { x, y, width, height } = (await plane!.boundingBox())!;
      await page.mouse.move(x + width / 2, y + height / 2);
      await page.mouse.down();
      await page.mouse.move(x + 0.8 * width, y + 0.4 * height, { steps: 3 });
      await page.mouse.up();
      await waitForOther(second);
      await click(page, "4");
      assert.is(await page.$eval(".legend [aria-pressed=true]", ({ textContent }) => textContent), "4");
    });
  });

  test(`${name}: rooms follow each other in any order; a training and a visitor's files are there again`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      await choose(page, "decoder", "numbers.safetensors", plain.toSafetensors());
      await waitForText(page, ".results", /2 numbers in/);
      const enter = async (room: string) => {
        await page.$eval(`#tab-${room}`, (tab) => (tab as HTMLElement).click());
        await page.waitForSelector(`#room-${room} ${CONTENTS[room]}`, { visible: true });
        const visible = await page.$$eval(".room", (all) =>
          all.filter((one) => one.checkVisibility()).map(({ id }) => id),
        );
        assert.equal(visible, [`room-${room}`]);
      };
      for (const first of ROOMS) {
        for (const second of ROOMS.filter((other) => other !== first)) {
          for (const room of [first, second, first]) await enter(room);
        }
      }
      assert.match(await textOf(page, ".results"), /2 numbers in/);
      assert.is((await page.$$(".train")).length, 1);
    });
  });

  test(`${name}: a visitor's decoder encodes a picture, and nothing leaves the page`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      await choose(page, "decoder", "decoder.onnx", ONNX);
      await waitForText(page, ".results", /10 numbers in, 3 × 32 × 32 out.*Verified/);
      // The last that the page asks for by itself.
      await page.waitForSelector(".contours path");
      const before = server.requested.length;
      await choose(page, "samples", "picture.png", PICTURE);
      await page.waitForSelector(".pair canvas");
      await click(page, "Encode");
      await waitForText(page, ".results", /loss [\d.e-]+, \w+/);
      const [given, decoded] = [await pixelsOf(page, ".pair canvas"), await pixelsOf(page, "canvas.decoded")];
      const difference =
        given.reduce((sum, value, i) => sum + Math.abs(value - decoded[i]!), 0) / given.length;
      assert.ok(difference < 6, `${difference} of 255`);
      const { data, shape } = readNpy(await saved(page, "Save codes (.npy)"));
      assert.equal(shape, [1, 10]);
      const x = await decode(await loadOnnx(ONNX), data as Float32Array);
      for (let i = 0; i < 1024; i++) assert.ok(Math.abs(255 * x[i]! - decoded[4 * i]!) < 1, `${i}`);
      const png = await saved(page, "Save reconstruction (PNG)");
      assert.equal([...png.subarray(1, 4)], [...Buffer.from("PNG")]);
      assert.equal(server.requested.slice(before), []);
      const rows = await page.$$eval(".results tbody tr", (all) => all.length);
      assert.ok(rows >= 10, `${rows} operations`);
    });
  });

  test(`${name}: what is no picture is shown as numbers and lines`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      await choose(page, "decoder", "numbers.safetensors", plain.toSafetensors());
      await waitForText(page, ".results", /2 numbers in, 16 out.*Not verified: there was no probe/);
      await choose(page, "samples", "sample.npy", toNpy(sample, [1, 16]));
      await page.waitForSelector(".results .chart");
      await click(page, "Encode");
      await waitForText(page, ".results", /One sample encoded/);
      const cells = await page.$$eval(".results td:nth-child(2), .results td:nth-child(3)", (all) =>
        all.slice(0, 32).map(({ textContent }) => Number(textContent)),
      );
      for (let i = 0; i < 16; i++) assert.ok(Math.abs(cells[2 * i]! - cells[2 * i + 1]!) < 0.02, `${cells}`);
      await choose(page, "samples", "picture.png", PICTURE);
      await waitForText(page, ".problem", /outputShape is \[16\], expected/);
      await choose(page, "samples", "empty.npy", toNpy(new Float32Array(0), [0, 16]));
      await waitForText(page, ".problem", /empty\.npy has 0 × 16 values/);
      await choose(page, "samples", "sample.npy", toNpy(sample, [1, 16]));
      await page.waitForSelector(".results .chart");
    });
  });

  test(`${name}: a sample of 200,000 numbers is charted`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      const wide = createDecoder({ layers: [2, 200_000], loss: "mse", seed: 1 });
      await choose(page, "decoder", "wide.safetensors", wide.toSafetensors());
      await waitForText(page, ".results", /2 numbers in, 200000 out/);
      await choose(page, "samples", "wide.npy", toNpy(new Float32Array(200_000).fill(0.5), [1, 200_000]));
      await page.waitForSelector(".results .chart polyline");
    });
  });

  test(`${name}: files dropped beside the boxes are opened, and the page stays`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      const dropped = Object.entries({
        "a.npy": toNpy(sample, [1, 16]),
        "numbers.safetensors": plain.toSafetensors(),
        "b.npy": toNpy(sample, [1, 16]),
      }).map(([file, bytes]) => [file, [...bytes]] as const);
      const isTaken = await page.$eval(
        "h1",
        (heading, dropped) => {
          const dataTransfer = new DataTransfer();
          for (const [file, bytes] of dropped)
            dataTransfer.items.add(new File([new Uint8Array(bytes)], file));
          const options = { bubbles: true, cancelable: true, dataTransfer };
          return ["dragover", "drop"].map((type) => !heading.dispatchEvent(new DragEvent(type, options)));
        },
        dropped,
      );
      assert.equal(isTaken, [true, true]);
      await page.waitForSelector(".results .chart");
      await waitForText(page, ".problem", /Ignored: b\.npy\./);
    });
  });

  test(`${name}: files that cannot be read are told, with the way to convert them`, async () => {
    await withRoom(browser, "decoder", async (page) => {
      const told: readonly (readonly [string, Uint8Array, RegExp])[] = [
        ["torn.onnx", ONNX.subarray(0, ONNX.length / 2), /loadOnnx: .*(cut short|truncated|damaged|ends)/],
        [
          "decoder.pt",
          Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex"),
          /it is a PyTorch file, expected an ONNX file/,
        ],
        ["empty.onnx", new Uint8Array(), /it is an empty file/],
      ];
      for (const [file, bytes, message] of told) {
        await choose(page, "decoder", file, bytes);
        await waitForText(page, ".problem", message);
        assert.is(await page.$(".problem pre"), null);
      }
      const batchNorm = readFileSync(join(root, "test/fixtures/safetensors/batch-norm.safetensors"));
      await choose(page, "decoder", "batch-norm.safetensors", batchNorm);
      await page.waitForSelector(".problem pre");
      assert.is(
        await textOf(page, ".problem pre"),
        'from latentflow_export import export\nexport(decoder, "decoder.onnx", latent=3)',
      );
      await choose(page, "decoder", "decoder.onnx", ONNX);
      await waitForText(page, ".results", /Verified/);
      await choose(page, "samples", "wrong.npy", toNpy(new Float32Array(10), [2, 5]));
      await waitForText(page, ".problem", /wrong\.npy has 2 × 5 values, expected a multiple of 3072/);
      await choose(page, "samples", "torn.png", PICTURE.subarray(0, 40));
      await waitForText(page, ".problem", /torn\.png cannot be read as a picture/);
    });
  });

  test(`${name}: the element works in a page of another server`, async () => {
    const [code = ""] = /(?<=```html\n)[\s\S]+?(?=```)/.exec(
      readFileSync(join(root, "site/guides/embed.md"), "utf8"),
    )!;
    const assets = mkdtempSync(join(files, "assets-"));
    copyFileSync(join(home, "latent-flow.js"), join(assets, "latent-flow.js"));
    writeFileSync(join(assets, "decoder.onnx"), ONNX);
    writeFileSync(join(assets, "picture.png"), PICTURE);
    const far = await serve(assets, undefined, { "Access-Control-Allow-Origin": "*" });
    const closed = await serve(assets, undefined);
    const folder = mkdtempSync(join(files, "foreign-"));
    const elsewhere = code.replace(/"(latent-flow\.js|decoder\.onnx|picture\.png)"/g, `"${far.address}/$1"`);
    const listens = `<script>
      globalThis.changes = []; globalThis.errors = [];
      document.addEventListener("change", ({ detail }) => changes.push([...detail.z].concat(detail.x.length)));
      document.querySelector("latent-flow").addEventListener("error", ({ message }) => errors.push(message));
    </script>`;
    writeFileSync(join(folder, "index.html"), elsewhere + listens);
    writeFileSync(
      join(folder, "refused.html"),
      elsewhere.replace(/(?<=decoder=")[^"]+(?=\/)/, closed.address) + listens,
    );
    const csp = `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' ${far.address}; worker-src blob:; style-src 'self'`;
    const near = await serve(folder, csp);
    const page = await newPage(browser);
    try {
      type Window = { changes: number[][]; errors: string[] };
      const latest = async () =>
        (await page.evaluate(() => (globalThis as unknown as Window).changes)).at(-1);
      await page.goto(`${near.address}/`);
      await page.waitForFunction(() => (globalThis as unknown as Window).changes.length > 0);
      const first = await latest();
      assert.is(first!.length, 11);
      assert.is(first![10], 3 * 32 * 32);
      // The keyboard hides more: another code is found.
      await page.evaluate(() => {
        const { shadowRoot } = document.querySelector("latent-flow")!;
        shadowRoot!.getElementById("given")!.focus();
      });
      for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowUp");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => (globalThis as unknown as Window).changes.length > 1);
      assert.not.equal(await latest(), first);
      await page.evaluate(() => document.querySelector("latent-flow")!.setAttribute("solver", "newton"));
      await page.waitForFunction(() => (globalThis as unknown as Window).errors.length > 0);
      const message = await page.evaluate(() => (globalThis as unknown as Window).errors[0]);
      assert.match(message!, /solver is "newton", expected lbfgs, amd/);
      const shown = await page.evaluate(
        () => document.querySelector("latent-flow")!.shadowRoot!.getElementById("state")!.textContent,
      );
      assert.is(shown, message);

      await page.goto(`${near.address}/refused.html`);
      await page.waitForFunction(() => (globalThis as unknown as Window).errors.length > 0);
      const refusal = await page.evaluate(() => (globalThis as unknown as Window).errors[0]);
      assert.match(refusal!, /decoder\.onnx cannot be read: .*Access-Control-Allow-Origin/);
    } finally {
      await page.close();
      for (const each of [far, closed, near]) each.close();
    }
  });
}

test("the page computes in a worker, and is sent less than a megabyte before a visitor does anything", async () => {
  const host = await startStaticHost(home);
  const page = await newPage(browsers.Chromium!);
  try {
    await page.goto(`${host.address}/`);
    // The last that comes by itself.
    await page.waitForSelector(".contours path");
    assert.ok(host.bytes() > 300_000 && host.bytes() < 1_000_000, `${host.bytes()} bytes`);
    assert.is(page.workers().length, 1);
    const fetched = await page.evaluate(() =>
      performance.getEntriesByType("resource").filter(({ name }) => /\.(safetensors|idx|gz|npy)$/.test(name)),
    );
    assert.equal(fetched, [], "files of the worker that the page has fetched itself");
  } finally {
    await page.close();
    host.close();
  }
});

test("a room that cannot be loaded says so, and is there once the page is loaded again", async () => {
  const page = await newPage(browsers.Chromium!);
  let isBroken = true;
  try {
    await page.setRequestInterception(true);
    page.on("request", (request) =>
      isBroken && /\/Flow\.[^/]+\.js$/.test(request.url()) ? request.abort() : request.continue(),
    );
    await page.goto(`${server.address}/#v=1&room=flow`);
    await waitForText(page, "#room-flow [role=alert]", /could not be loaded: .*Flow.* Load the page again/);
    isBroken = false;
    await click(page, "Load the page again");
    await page.waitForSelector("#room-flow .race", { visible: true });
  } finally {
    await page.close();
  }
});

test("the element is as large as the guide says", () => {
  const [, kilobytes] = /(\d+) kB gzipped/.exec(readFileSync(join(root, "site/guides/embed.md"), "utf8"))!;
  const file = join(home, "latent-flow.js");
  const size = gzipSync(readFileSync(file), { level: 9 }).length / 1000;
  assert.ok(Math.abs(size - Number(kilobytes)) < 10, `${size} kB of ${statSync(file).size} bytes`);
});

for (const [device, width] of Object.entries(WIDTHS)) {
  for (const isDark of [false, true]) {
    test(`axe finds nothing on a ${device}, ${isDark ? "dark" : "light"}, in any room; nothing is wider than the window`, async () => {
      for (const room of ROOMS) {
        await withRoom(
          browsers.Chromium!,
          room,
          async (page) => {
            await waitForText(page, ".answer .detail", /step \d/);
            if (room === "codes") await page.waitForSelector(".plane");
            if (room === "train") await waitForText(page, ".state", /Untrained/);
            if (room === "decoder") {
              await click(page, "Try the example");
              await waitForText(page, ".results", /One sample encoded/);
              await page.$eval(".results details:last-of-type summary", (summary) =>
                (summary as HTMLElement).click(),
              );
            }
            // Beside .page there is VitePress's theme, whose colours of code have little contrast.
            assert.is(await axeProblems(page, ".page"), "", room);
            const [content, window] = await page.evaluate(() => [
              document.documentElement.scrollWidth,
              innerWidth,
            ]);
            assert.ok(content! <= window!, `${room} is ${content} pixels wide, the window ${window}`);
          },
          { width, isDark },
        );
      }
    });
  }
}

/** A decoder of digits with a latent space far larger than those of the page's own. */
const wide = createDecoder({ layers: [512, 784], loss: "mse", seed: 1 });

test("codes of 512 numbers are laid out while the page answers", async () => {
  await withRoom(browsers.Chromium!, "decoder", async (page) => {
    await choose(page, "decoder", "wide.safetensors", wide.toSafetensors());
    await click(page, "Play with it in all rooms");
    await waitForText(page, ".guest", /wide\.safetensors/);
    await page.evaluate(() => {
      const longest = { duration: 0 };
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest.duration = Math.max(longest.duration, duration);
      }).observe({ type: "longtask" });
      Object.assign(globalThis, { longest });
      document.getElementById("tab-codes")!.click();
    });
    await page.waitForSelector(".plane");
    const { duration } = await page.evaluate(
      () => (globalThis as unknown as { longest: { duration: number } }).longest,
    );
    assert.ok(duration < 1000, `the page did not answer for ${duration} ms`);
  });
});

test("rooms that are left leave nothing behind", async () => {
  await withRoom(browsers.Chromium!, "answers", async (page) => {
    await waitForText(page, ".answer .detail", /step (\d+) of \1$/);
    const session = await page.createCDPSession();
    const counts = async () => {
      await session.send("HeapProfiler.collectGarbage");
      const { Nodes = 0, JSEventListeners = 0 } = await page.metrics();
      return { Nodes, JSEventListeners };
    };
    const visit = async (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        for (const room of ["flow", "codes", "answers"]) {
          await page.evaluate((name) => document.getElementById(`tab-${name}`)!.click(), room);
          // Not waitForSelector, whose handle keeps its element.
          await page.waitForFunction(
            (selector) => document.querySelector(selector) !== null,
            {},
            { flow: ".race .uplot", codes: ".plane", answers: ".answers" }[room]!,
          );
        }
      }
      return counts();
    };
    const before = await visit(2);
    let after = await visit(10);
    // A room that stays has 350 nodes and 40 listeners. The last ones go once the worker has answered their calls.
    const isKept = () =>
      after.Nodes > before.Nodes + 500 || after.JSEventListeners > before.JSEventListeners + 100;
    for (let i = 0; i < 20 && isKept(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      after = await counts();
    }
    assert.not.ok(isKept(), `${JSON.stringify(before)}, then ${JSON.stringify(after)}`);
  });
});

test("the element lets go of the pen and of its workers when it is moved", async () => {
  const page = await newPage(browsers.Chromium!);
  try {
    const folder = await openElement(page);
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    const { x, y, width } = await page.evaluate(() => {
      const given = document.querySelector("latent-flow")!.shadowRoot!.getElementById("given")!;
      return given.getBoundingClientRect().toJSON() as DOMRect;
    });
    await page.mouse.move(x + 0.2 * width, y + 0.2 * width);
    await page.mouse.down();
    await page.evaluate(() => {
      const element = document.querySelector("latent-flow")!;
      element.remove();
      Object.assign(globalThis, { element, changes: 0 });
    });
    await page.mouse.up();
    await page.evaluate(async () => {
      const { element } = globalThis as unknown as { element: Element };
      for (let i = 0; i < 60; i++) {
        document.body.append(element);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    const given = () =>
      page.evaluate(() => {
        const { shadowRoot } = document.querySelector("latent-flow")!;
        return (shadowRoot!.getElementById("given") as HTMLCanvasElement).toDataURL();
      });
    const before = await given();
    await page.mouse.move(x + 0.8 * width, y + 0.8 * width, { steps: 4 });
    assert.is(await given(), before);
    assert.is(page.workers().length, 1);
    folder.close();
  } finally {
    await page.close();
  }
});

test("the element works where trusted types are required, and says what a stricter page has to allow", async () => {
  const page = await newPage(browsers.Chromium!);
  const state = () =>
    document.querySelector("latent-flow")!.shadowRoot!.getElementById("state")!.textContent ?? "";
  try {
    const trusted = await openElement(page, "require-trusted-types-for 'script'");
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    trusted.close();
    for (const policy of ["worker-src 'none'", "require-trusted-types-for 'script'; trusted-types other"]) {
      const refused = await openElement(page, policy);
      await page.waitForFunction(() => (globalThis as unknown as { errors: number }).errors > 0);
      assert.match(await page.evaluate(state), /has to allow worker-src blob: .*trusted-types latent-flow/);
      refused.close();
    }
  } finally {
    await page.close();
  }
});

/** Opens a page with the element and the example's files, whose changes and errors it counts. */
async function openElement(page: Page, policy?: string): Promise<{ close(): void }> {
  const folder = mkdtempSync(join(files, "element-"));
  copyFileSync(join(home, "latent-flow.js"), join(folder, "latent-flow.js"));
  writeFileSync(join(folder, "decoder.onnx"), ONNX);
  writeFileSync(join(folder, "picture.png"), PICTURE);
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html>
    <script>
      globalThis.changes = globalThis.errors = 0;
      addEventListener("change", () => changes++);
      addEventListener("error", () => errors++, true);
    </script>
    <script src="latent-flow.js"></script>
    <latent-flow decoder="decoder.onnx" picture="picture.png"></latent-flow>`,
  );
  const near = await serve(folder, policy);
  await page.goto(`${near.address}/`);
  return near;
}

test.run();
