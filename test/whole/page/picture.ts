import type { Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { firstState, readAddress, writeAddress } from "../../../site/page/address.ts";
import { BLANK, drawStroke, hideRows, hideShare, SIDE, shareOf } from "../../../site/page/picture.ts";
import { newPage } from "../../support/browsers.ts";
import {
  areRoomsAtTop,
  chromium,
  click,
  hasSettled,
  levelsOf,
  serveHome,
  server,
  squaredError,
  test,
  testInBoth,
  waitForText,
  waitUntil,
  withPage,
} from "./harness.ts";

// The picture at the top of the page and its answers, the address, and the room of the flow.

/** Where the picture for README goes, when it is asked for. */
const screenshot = process.env.SITE_PAGE_SCREENSHOT;

const GIVEN = ".given canvas";
const ANSWER = ".answer canvas";
const ENCODERS = ".encoders canvas";

const hasInk = (page: Page) =>
  waitUntil(
    () => levelsOf(page, ANSWER),
    (x) => Math.max(...x) > 0.5,
    "a first picture",
  );

/** State in the page's address, once it passes. */
const stateOf = (page: Page, passes: (state: NonNullable<ReturnType<typeof readAddress>>) => boolean) =>
  waitUntil(
    async () => readAddress(new URL(page.url()).hash),
    (state) => state !== undefined && passes(state),
    "the state in the address",
  ).then((state) => state!);

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

testInBoth(
  "before any click a hidden digit is completed, in a worker, and then another one",
  async (browser) => {
    await withPage(browser, "", async (page) => {
      const first = await hasInk(page);
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
      if (browser === chromium) assert.is(page.workers().length, 1);
      const { pathname, hash } = new URL(page.url());
      assert.is(pathname + hash, "/", "the address is left alone until the page is touched");
    });
  },
);

testInBoth("the answer follows the pen, and comes to look like what is drawn", async (browser) => {
  await withPage(browser, "", async (page) => {
    await hasInk(page);
    await click(page, "Clear");
    await waitUntil(
      () => levelsOf(page, GIVEN),
      (x) => Math.max(...x) < 0.1,
      "an empty picture",
    );
    await waitUntil(
      () => levelsOf(page, ANSWER),
      (x) => squaredError(x, BLANK) < 1e-3,
      "the answer to an empty picture",
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
    const { room } = await stateOf(
      page,
      ({ drawing }) => drawing !== undefined && squaredError(drawing, drawn) < 1e-3,
    );
    assert.is(room, "answers");
  });
});

testInBoth("a link shows what its sender saw", async (browser) => {
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
    assert.is(await page.evaluate(() => scrollY), 0, "a link without a place stays at the top");
    await page.waitForSelector(".step input");
    const sliders = await page.$$eval("input[type=range]", (all) =>
      all.map((input) => [input.closest("label")!.textContent!.trim(), (input as HTMLInputElement).value]),
    );
    assert.ok(sliders.some(([text, value]) => /^Hidden/.test(text!) && Math.abs(Number(value) - 0.5) < 0.01));
    assert.ok(sliders.some(([text, value]) => /^Prior/.test(text!) && value === "2"));
    // The step and the code by hand, the one after the other.
    await page.$eval(".step input", (input) => {
      (input as HTMLInputElement).value = "2";
      input.dispatchEvent(new Event("input"));
    });
    const { step } = await stateOf(page, (sent) => sent.step !== undefined);
    assert.is(step, 2);
    await waitForText(page, ".answer .detail", /step 2 of/);
    await page.focus(".numbers input");
    await page.keyboard.press("ArrowRight");
    const moved = await stateOf(page, (sent) => sent.code !== undefined);
    await waitForText(page, ".step .figures", /loss 0\.\d+ at this step\s*loss 0\.\d+ by hand/);
    const shown = await levelsOf(page, ".step canvas");
    await withPage(browser, writeAddress(moved), async (receiver) => {
      await waitForText(receiver, ".answer .detail", /step 2 of/);
      await waitUntil(() => areRoomsAtTop(receiver), Boolean, "the shared place in the window");
      await receiver.waitForSelector(".step canvas");
      await waitUntil(
        () => levelsOf(receiver, ".step canvas"),
        (levels) => squaredError(levels, shown) < 1e-4,
        "the picture of the code by hand",
      );
    });
    await click(page, "back to the path");
    assert.is(await page.evaluate(() => document.activeElement!.closest(".step") !== null), true);
  });
});

test("hiding with the brush changes weights, and is not ink", async () => {
  const state = { ...firstState(), hidden: hideShare(0, 1) };
  await withPage(chromium, writeAddress(state), async (page) => {
    await hasSettled(page);
    const whole = await levelsOf(page, ANSWER);
    await page.click("input[name=brush][value=hide]");
    await drawLines(page, [
      [4, 6],
      [24, 6],
      [24, 10],
      [4, 10],
    ]);
    const { drawing } = await stateOf(page, ({ hidden }) => shareOf(hidden) > 0.1);
    assert.is(drawing, undefined, "the digit is still the digit");
    const isAnother = (x: readonly number[]) => squaredError(x, whole) > 1e-5;
    // Until the first answer to the brush, the path of the one before is shown to its end.
    await waitUntil(() => levelsOf(page, ANSWER), isAnother, "another code for what is left");
    await hasSettled(page);
    assert.ok(isAnother(await levelsOf(page, ANSWER)), "another code fits what is left");
  });
});

test("a broken link says so, and shows the first picture", async () => {
  const page = await newPage(chromium);
  try {
    await page.goto(`${server.address}/#v=1&solver=newton`);
    const notice = await page.waitForSelector(".failure");
    assert.match((await notice!.evaluate(({ textContent }) => textContent)) ?? "", /link is broken/);
    await hasInk(page);
  } finally {
    await page.close();
  }
});

test("the state is not written onto the address of another page", async () => {
  await withPage(chromium, "", async (page) => {
    await hasInk(page);
    await drawLines(page, SEVEN);
    // As VitePress follows a link: the address first, then the other page is loaded.
    await page.evaluate(() => history.pushState({}, "", "/start/browser.html"));
    // Twice the time from a change to the address.
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.is(new URL(page.url()).hash, "");
  });
});

test("a browser that starts no worker says so in every room", async () => {
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
    await waitForText(page, ".failure", /there are no workers here/);
    await waitForText(page, "#room-decoder .problem", /there are no workers here/);
    const rooms = { answers: "[role=alert]", flow: "[role=alert]", codes: "[role=alert]", train: ".state" };
    for (const [room, place] of Object.entries(rooms)) {
      await page.click(`#tab-${room}`);
      await waitForText(page, `#room-${room} ${place}`, /there are no workers here/);
    }
  } finally {
    await page.close();
  }
});

test("a worker's file, or the codes', that is missing is told in the room", async () => {
  for (const [missing, message] of [
    [/\/worker-[^/]+\.js$/, /could not be loaded/],
    [/\/codes\.npy$/, /could not be loaded: .*codes\.npy/],
  ] as const) {
    // A server of its own: a browser keeps files of one that it knows, and asks for those of a worker past the page.
    const host = await serveHome((path) => missing.test(path));
    const page = await newPage(chromium);
    try {
      await page.goto(`${host.address}/#v=1&room=codes`);
      await waitForText(page, "#room-codes [role=alert]", message);
    } finally {
      await page.close();
    }
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
    // Where the first look comes late, it has fallen already.
    assert.ok(solver![0]! <= first![0]!, "the loss falls");
    assert.ok(solver![0]! < rival![0]!, "L-BFGS is ahead of AMD after as many passes");
    assert.match(
      await page.$eval(".chart [role=img]", (chart) => chart.getAttribute("aria-label")!),
      /in \d+ passes/,
    );
  });
});

test("answers part ways as more is hidden", async () => {
  const hashOf = (share: number) => writeAddress({ ...firstState(), hidden: hideShare(share, 1) });
  await withPage(chromium, hashOf(0.2), async (page) => {
    const apart = async (passes: (spread: number) => boolean) => {
      const spreadOf = (texts: string[]) => Number(/0\.\d+/.exec(texts[1] ?? "")?.[0] ?? 0);
      const texts = () =>
        page.$$eval(".summary figcaption", (all) => all.map(({ textContent }) => textContent!));
      return spreadOf(await waitUntil(texts, (found) => passes(spreadOf(found)), "a spread"));
    };
    const little = await apart((spread) => spread > 0);
    // An address that is entered while the page is open.
    await page.evaluate((hash) => location.assign(`#${hash}`), hashOf(0.9));
    await apart((spread) => spread > 1.5 * little);
  });
});

test("every control has a name, the keyboard draws, and nothing is wider than a phone", async () => {
  const phone = { width: 360, height: 780 };
  const check = async (page: Page) => {
    await hasSettled(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.focus(GIVEN);
    await page.keyboard.press("Space");
    const { drawing } = await stateOf(page, (state) => state.drawing !== undefined);
    assert.is(drawing![14 * SIDE + 14], 1);
    await page.focus("[role=tab][aria-selected=true]");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector("#tab-flow[aria-selected=true]");
  };
  const hash = writeAddress({ ...firstState(), hidden: hideShare(0, 1) });
  await withPage(chromium, hash, check, phone);
});

test("who asks for less motion sees the end of the path at once, and nothing plays", async () => {
  await withPage(
    chromium,
    "",
    async (page) => {
      const first = await page.waitForFunction(() =>
        /step (\d+) of (\d+)/.exec(document.querySelector(".answer .detail")?.textContent ?? ""),
      );
      const [, step, last] = (await first.jsonValue()) as RegExpExecArray;
      assert.is(step, last);
      await page.waitForSelector(`::-p-aria([name="Play"][role="button"])`);
    },
    { wantsLessMotion: true },
  );
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
