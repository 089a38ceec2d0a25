// run: alone
// Tests site/page/: the home page as VitePress builds it, in Chromium and Firefox.
import { rmSync } from "node:fs";
import type { Browser, Page } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstState, readAddress, writeAddress } from "../../site/page/address.ts";
import { BLANK, drawStroke, hideRows, hideShare, SIDE, shareOf } from "../../site/page/picture.ts";
import { launchChromium, launchFirefox, newPage } from "../support/browsers.ts";
import { buildHomePage } from "../support/home-page.ts";
import { serve } from "../support/serve.ts";

const folder = buildHomePage();
const server = await serve(folder, undefined);
const browsers: Record<string, Browser> = {
  Chromium: await launchChromium(),
  Firefox: await launchFirefox(),
};
test.after(async () => {
  await Promise.all(Object.values(browsers).map((browser) => browser.close()));
  server.close();
  rmSync(folder, { recursive: true });
});

/** Where the picture for README goes, when it is asked for. */
const screenshot = process.env.SITE_PAGE_SCREENSHOT;

const GIVEN = ".given canvas";
const ANSWER = ".answer canvas";
const ENCODERS = ".encoders canvas";

/** Opens the page, at an address if one is given; `use` then works with it. What the page throws, or reports as an error, fails the test. */
async function withPage(
  browser: Browser,
  hash: string,
  use: (page: Page) => Promise<void>,
  size = { width: 1280, height: 900 },
): Promise<void> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  // Vue reports what its components throw here, and goes on.
  page.on("console", (message) => message.type() === "error" && uncaught.push(message.text()));
  try {
    await page.setViewport(size);
    await page.goto(`${server.address}/${hash && `#${hash}`}`);
    await use(page);
    assert.equal(uncaught, []);
    assert.is(await page.$(".failure"), null, "the page reports no failure");
  } finally {
    await page.close();
  }
}

/** Levels that a canvas shows, from 0 for paper to 1 for ink, at the middle of each pixel. */
function levelsOf(page: Page, selector: string): Promise<number[]> {
  return page.$eval(
    selector,
    (element, side) => {
      const canvas = element as HTMLCanvasElement;
      const { color, backgroundColor } = getComputedStyle(canvas);
      // Red of "rgb(32, 33, 40)". No function has a name in here: tsx would have the page know its own.
      const [ink, paper] = [color, backgroundColor].map((text) =>
        Number.parseInt(text.slice("rgb(".length), 10),
      );
      const cell = canvas.width / side;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return Array.from({ length: side * side }, (_, i) => {
        const [x, y] = [((i % side) + 0.5) * cell, (Math.floor(i / side) + 0.5) * cell];
        return (data[4 * (Math.floor(y) * canvas.width + Math.floor(x))]! - paper!) / (ink! - paper!);
      });
    },
    SIDE,
  );
}

/** Waits until what `measure` finds passes; fails with the last finding. */
async function waitUntil<T>(
  measure: () => Promise<T>,
  passes: (found: T) => boolean,
  what: string,
): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    const found = await measure();
    if (passes(found)) return found;
    if (performance.now() > end) assert.unreachable(`${what}: ${JSON.stringify(found).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const squaredError = (x: ArrayLike<number>, y: ArrayLike<number>) =>
  Array.from(x).reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / x.length;

/** True once the settled picture's path has been found. */
const hasSettled = (page: Page) =>
  waitUntil(
    () => page.$eval(".answer .detail", ({ textContent }) => textContent ?? ""),
    (text) => /^step (\d+) of \1$/.test(text.trim()),
    "the path's end",
  );

async function click(page: Page, name: string): Promise<void> {
  const button = await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, { visible: true });
  await button!.click();
}

/** Draws lines on the canvas, given in pixels of the picture. `duringStroke` is called before the pen is lifted. */
async function drawLines(
  page: Page,
  points: readonly (readonly [number, number])[],
  duringStroke = async () => {},
): Promise<void> {
  const { x, y, width } = (await (await page.$(GIVEN))!.boundingBox())!;
  const at = ([across, down]: readonly [number, number]) =>
    [x + (across / SIDE) * width, y + (down / SIDE) * width] as const;
  await page.mouse.move(...at(points[0]!));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 12 });
  await duringStroke();
  await page.mouse.up();
}

const SEVEN = [
  [8, 8],
  [20, 8],
  [13, 22],
] as const;

for (const [name, browser] of Object.entries(browsers)) {
  test(`${name}: before any click a hidden digit is completed, in a worker, and then another one`, async () => {
    await withPage(browser, "", async (page) => {
      const first = await waitUntil(
        () => levelsOf(page, ANSWER),
        (x) => Math.max(...x) > 0.5,
        "a first picture",
      );
      await waitUntil(
        () => levelsOf(page, ANSWER),
        (x) => squaredError(x, first) > 1e-3,
        "a step of the path",
      );
      const guess = () => levelsOf(page, ENCODERS);
      await waitUntil(guess, (x) => Math.max(...x) > 0.3, "an encoder's guess");
      const given = await levelsOf(page, GIVEN);
      await waitUntil(
        () => levelsOf(page, GIVEN),
        (x) => squaredError(x, given) > 1e-3,
        "the next digit",
      );
      const scripts = await page.evaluate(() =>
        performance.getEntriesByType("resource").map((one) => one.name),
      );
      assert.ok(
        scripts.some((script) => /\/worker-[^/]+\.js$/.test(script)),
        scripts.join(" "),
      );
      // Puppeteer has no workers of Firefox.
      if (browser === browsers.Chromium) assert.is(page.workers().length, 1);
      const { pathname, hash } = new URL(page.url());
      assert.is(pathname + hash, "/", "the address is left alone until the page is touched");
    });
  });

  test(`${name}: the answer follows the pen, and comes to look like what is drawn`, async () => {
    await withPage(browser, "", async (page) => {
      await waitUntil(
        () => levelsOf(page, ANSWER),
        (x) => Math.max(...x) > 0.5,
        "a first picture",
      );
      await click(page, "Clear");
      await waitUntil(
        () => levelsOf(page, GIVEN),
        (x) => Math.max(...x) < 0.1,
        "an empty picture",
      );
      await hasSettled(page);
      const empty = await levelsOf(page, ANSWER);
      await drawLines(page, SEVEN, async () => {
        const drawn = await levelsOf(page, GIVEN);
        assert.ok(Math.max(...drawn) > 0.9, "ink under the pen");
        const before = squaredError(empty, drawn);
        await waitUntil(
          async () => squaredError(await levelsOf(page, ANSWER), drawn),
          (error) => error < before / 2,
          `half of the error ${before} while the pen is down`,
        );
      });
      await hasSettled(page);
      const drawn = await levelsOf(page, GIVEN);
      const error = squaredError(await levelsOf(page, ANSWER), drawn);
      assert.ok(error < squaredError(empty, drawn) / 3, `${error}`);
      // The address has the drawing, to be sent.
      const state = await waitUntil(
        async () => readAddress(new URL(page.url()).hash),
        (read) => read?.drawing !== undefined && squaredError(read.drawing, drawn) < 1e-3,
        "the drawing in the address",
      );
      assert.is(state!.room, "answers");
    });
  });

  test(`${name}: a link shows what its sender saw`, async () => {
    const drawing = SEVEN.slice(1).reduce<Float32Array>(
      (levels, [x, y], i) =>
        drawStroke(levels, { from: { x: SEVEN[i]![0], y: SEVEN[i]![1] }, to: { x, y }, radius: 1.1 }),
      BLANK,
    );
    const state = {
      ...firstState(),
      drawing,
      hidden: hideRows(14, 28),
      room: "flow" as const,
      priorWeight: 2,
    };
    await withPage(browser, writeAddress(state), async (page) => {
      await hasSettled(page);
      const given = await levelsOf(page, GIVEN);
      // The upper half as it was drawn; the lower one hatched, whatever was drawn there.
      assert.ok(squaredError(given.slice(0, 392), drawing.slice(0, 392)) < 1e-3);
      assert.ok(
        (await levelsOf(page, ANSWER)).slice(392).some((level) => level > 0.3),
        "the rest is completed",
      );
      assert.is(await page.$eval("[role=tab][aria-selected=true]", ({ id }) => id), "tab-flow");
      const sliders = await page.$$eval("input[type=range]", (all) =>
        all.map((input) => [input.closest("label")!.textContent!.trim(), (input as HTMLInputElement).value]),
      );
      assert.ok(
        sliders.some(([text, value]) => /^Hidden/.test(text!) && Math.abs(Number(value) - 0.5) < 0.01),
      );
      assert.ok(sliders.some(([text, value]) => /^Prior/.test(text!) && value === "2"));
    });
  });

  test(`${name}: hiding with the brush changes weights, and is not ink`, async () => {
    const state = { ...firstState(), hidden: hideShare(0, 1) };
    await withPage(browser, writeAddress(state), async (page) => {
      await hasSettled(page);
      const whole = await levelsOf(page, ANSWER);
      await page.click("input[name=brush][value=hide]");
      await drawLines(page, [
        [4, 6],
        [24, 6],
        [24, 10],
        [4, 10],
      ]);
      const read = await waitUntil(
        async () => readAddress(new URL(page.url()).hash),
        (found) => found !== undefined && shareOf(found.hidden) > 0.1,
        "hidden pixels in the address",
      );
      assert.is(read!.drawing, undefined, "the digit is still the digit");
      await hasSettled(page);
      assert.ok(squaredError(await levelsOf(page, ANSWER), whole) > 1e-5, "another code fits what is left");
    });
  });

  test(`${name}: a broken link says so, and shows the first picture`, async () => {
    const page = await newPage(browser);
    try {
      await page.goto(`${server.address}/#v=1&solver=newton`);
      const notice = await page.waitForSelector(".failure");
      assert.match((await notice!.evaluate(({ textContent }) => textContent)) ?? "", /link is broken/);
      await waitUntil(
        () => levelsOf(page, ANSWER),
        (x) => Math.max(...x) > 0.5,
        "a first picture",
      );
    } finally {
      await page.close();
    }
  });
}

const chromium = browsers.Chromium!;

test("the state is not written onto the address of another page", async () => {
  await withPage(chromium, "", async (page) => {
    await waitUntil(
      () => levelsOf(page, ANSWER),
      (x) => Math.max(...x) > 0.5,
      "a first picture",
    );
    await drawLines(page, SEVEN);
    // As VitePress follows a link: the address first, then the other page is loaded.
    await page.evaluate(() => history.pushState({}, "", "/start/browser.html"));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.is(new URL(page.url()).hash, "");
  });
});

test("a browser that starts no worker says so, and shows the rooms", async () => {
  const page = await newPage(chromium);
  try {
    await page.evaluateOnNewDocument(() => {
      globalThis.Worker = class {
        constructor() {
          throw new Error("there are no workers here");
        }
      } as unknown as typeof Worker;
    });
    await page.goto(`${server.address}/#v=1&room=decoder`);
    const failure = await page.waitForSelector(".failure");
    assert.is(await failure!.evaluate(({ textContent }) => textContent), "there are no workers here");
    const problem = await page.waitForSelector("#room-decoder .problem", { visible: true });
    assert.match((await problem!.evaluate(({ textContent }) => textContent))!, /there are no workers here/);
  } finally {
    await page.close();
  }
});

test("where all is hidden, the room of answers says why it is empty", async () => {
  const hash = writeAddress({ ...firstState(), hidden: hideShare(1, 1) });
  await withPage(chromium, hash, async (page) => {
    const reason = await page.waitForSelector("#room-answers [role=status]", { visible: true });
    assert.match((await reason!.evaluate(({ textContent }) => textContent))!, /All is hidden/);
    await click(page, "Hide the lower half");
    await page.waitForSelector("#room-answers .answers li");
  });
});

test("two solvers race: both come down, each at its own cost", async () => {
  await withPage(chromium, writeAddress({ ...firstState(), room: "flow" }), async (page) => {
    const figures = () =>
      page.$$eval(".racer .figures", (all) =>
        all.map(({ textContent }) => (textContent!.match(/[\d.]+/g) ?? []).map(Number)),
      );
    const [first] = await waitUntil(figures, ([ours]) => (ours?.[1] ?? 0) > 0, "the start of a race");
    const [solver, rival] = await waitUntil(
      figures,
      (found) => found.every(([, passes]) => (passes ?? 0) > 50),
      "50 passes of both",
    );
    assert.ok(solver![0]! < first![0]!, "the loss falls");
    assert.ok(solver![0]! < rival![0]!, "L-BFGS is ahead of AMD after as many passes");
    assert.match(
      await page.$eval(".chart [role=img]", (chart) => chart.getAttribute("aria-label")!),
      /in \d+ passes/,
    );
  });
});

test("answers part ways as more is hidden", async () => {
  const apart = (share: number) =>
    new Promise<number>((resolve, reject) => {
      withPage(chromium, writeAddress({ ...firstState(), hidden: hideShare(share, 1) }), async (page) => {
        const texts = () =>
          page.$$eval(".summary figcaption", (all) => all.map(({ textContent }) => textContent!));
        const [, text] = await waitUntil(texts, ([, found]) => /0\.\d*[1-9]/.test(found ?? ""), "a spread");
        resolve(Number(text!.match(/0\.\d+/)![0]));
      }).catch(reject);
    });
  const [little, much] = [await apart(0.2), await apart(0.9)];
  assert.ok(much > 1.5 * little, `${little} with a fifth hidden, ${much} with nine tenths`);
});

test("every control has a name, the keyboard draws, and nothing is wider than a phone", async () => {
  const phone = { width: 360, height: 780 };
  const check = async (page: Page) => {
    await hasSettled(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.focus(GIVEN);
    await page.keyboard.press("Space");
    const state = await waitUntil(
      async () => readAddress(new URL(page.url()).hash),
      (read) => read?.drawing !== undefined,
      "a drawing by the space bar",
    );
    assert.is(state!.drawing![14 * SIDE + 14], 1);
    await page.focus("[role=tab][aria-selected=true]");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector("#tab-flow[aria-selected=true]");
  };
  const hash = writeAddress({ ...firstState(), hidden: hideShare(0, 1) });
  await withPage(chromium, hash, check, phone);
});

test("who asks for less motion sees the end of the path at once, and no other digit", async () => {
  const page = await newPage(chromium);
  try {
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    await page.goto(`${server.address}/`);
    await hasSettled(page);
    const given = await levelsOf(page, GIVEN);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    assert.equal(await levelsOf(page, GIVEN), given);
  } finally {
    await page.close();
  }
});

if (screenshot) {
  test("the picture for README", async () => {
    const state = { ...firstState(), digit: 4, seed: 2, hidden: hideShare(2 / 3, 2) };
    const settle = async (page: Page) => {
      await hasSettled(page);
      await page.waitForSelector(".contours circle");
      const boxOf = async (selector: string) => (await (await page.$(selector))!.boundingBox())!;
      const [above, below] = [await boxOf(".page header"), await boxOf(".page .stage")];
      const clip = { x: 40, y: above.y - 16, width: 1040, height: below.y + below.height - above.y + 32 };
      await page.screenshot({ path: screenshot, type: "webp", quality: 85, clip });
    };
    await withPage(chromium, writeAddress(state), settle, { width: 1120, height: 900 });
  });
}

test.run();
