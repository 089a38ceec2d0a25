import type { Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { startStaticHost } from "../../../bench/site/static-host.ts";
import { newPage } from "../../support/browsers.ts";
import {
  chromium,
  click,
  enter,
  findsNothing,
  home,
  ROOMS,
  server,
  test,
  waitForText,
  withRoom,
} from "./harness.ts";

// The page as a whole: what it is sent, rooms that fail or are left, and each room as axe sees it.

test("the page computes in a worker, and is sent less than a megabyte before a visitor does anything", async () => {
  const host = await startStaticHost(home);
  const page = await newPage(chromium);
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
  const page = await newPage(chromium);
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

test("rooms that are left leave nothing behind", async () => {
  await withRoom(chromium, "answers", async (page) => {
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
    let after = await visit(4);
    // A room that stays has 350 nodes and 40 listeners. The last ones go once the worker has answered their calls.
    const isKept = () =>
      after.Nodes > before.Nodes + 500 || after.JSEventListeners > before.JSEventListeners + 100;
    for (let i = 0; i < 240 && isKept(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      after = await counts();
    }
    assert.not.ok(isKept(), `${JSON.stringify(before)}, then ${JSON.stringify(after)}`);
  });
});

/** What a room shows once there is something to see in it. */
const FILLED: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  answers: (page) => page.waitForSelector(".answers li"),
  flow: (page) => waitForText(page, ".racer .figures", /[1-9]\d* passes/),
  codes: (page) => page.waitForSelector(".plane"),
  train: (page) => waitForText(page, ".state", /Untrained/),
  async decoder(page) {
    await click(page, "Try the example");
    await waitForText(page, ".results", /One sample encoded/);
    const focused = await page.evaluate(() => document.activeElement!.textContent!.trim());
    assert.is(focused, "Try the example", "the focus stays where it was");
    await page.$eval(".results details:last-of-type summary", (summary) => (summary as HTMLElement).click());
  },
};

test("axe finds nothing in any room, on a light desktop and a dark phone; nothing is wider than the window", async () => {
  await withRoom(chromium, ROOMS[0]!, async (page) => {
    for (const room of ROOMS) {
      await enter(page, room);
      await FILLED[room]!(page);
      await findsNothing(page, ".page", room);
    }
  });
});
