import { readFileSync } from "node:fs";
import type { Browser, Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { newPage } from "../../support/browsers.ts";
import type { FileServer } from "../../support/serve.ts";
import { chromium, click, findsNothing, serveHome, test, testInBoth, waitForText } from "./harness.ts";

// The page of threads, on a host that sends no header that isolates it: its service worker adds them.

const STATE = ".thread-times .state";

/** Opens the page; `use` then works with it. What the page throws, or reports as an error, fails the test. */
async function withThreads(
  browser: Browser,
  host: FileServer,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  try {
    await page.goto(`${host.address}/threads/`, { waitUntil: "domcontentloaded" });
    await use(page);
    assert.equal(uncaught, []);
  } finally {
    await page.close();
  }
}

const loadsOf = ({ requested }: FileServer) => requested.filter((path) => path === "/threads/").length;
const isIsolated = (page: Page) => page.evaluate(() => crossOriginIsolated);

testInBoth(
  "a host without headers: the page of threads loads twice, keeps a press of its button, and has equal codes of two threads; other pages then start their workers",
  async (browser) => {
    let release = () => {};
    const pressed = new Promise<void>((resolve) => {
      release = resolve;
    });
    const host = await serveHome((path) => path === "/threads/isolate.js" && pressed.then(() => false));
    await withThreads(browser, host, async (page) => {
      assert.is(await isIsolated(page), false);
      await page.waitForSelector(".thread-times select:not(:disabled)");
      await page.select(".thread-times select", "2");
      await page.$eval(".thread-times button", (button) => button.click());
      release();
      await waitForText(page, ".thread-times .verdict", /^All 1,280 numbers of the codes are the same/);
      await waitForText(page, STATE, /^This page is cross-origin isolated\.$/);
      assert.is(await isIsolated(page), true);
      const threads = await page.$$eval(".thread-times td:first-child", (cells) =>
        cells.map(({ textContent }) => textContent),
      );
      assert.equal(threads, ["1", "2"]);
      assert.is(loadsOf(host), 2);
      // A link within the site: its page has a worker whose file comes without the headers.
      await page.$eval('a[href="/typeface.html"]', (link) => (link as HTMLElement).click());
      await page.waitForSelector('.result [data-letter="e"] path:not([d=""])');
      assert.is(await isIsolated(page), false);
    });
  },
);

test("in a frame of a page that is not isolated it stops after one more load, and says what to do", async () => {
  const host = await serveHome();
  const page = await newPage(chromium);
  try {
    await page.goto(`${host.address}/vp-icons.css`);
    await page.evaluate(() => {
      document.body.innerHTML = '<iframe src="/threads/"></iframe>';
    });
    const element = (await page.waitForSelector("iframe"))!;
    const frame = (await element.contentFrame())!;
    await frame.waitForFunction(
      (selector) =>
        document.querySelector(selector)?.textContent?.includes("open the page in a tab of its own"),
      {},
      STATE,
    );
    assert.is(loadsOf(host), 2);
  } finally {
    await page.close();
  }
});

test("a page without its service worker says so and still encodes; axe finds nothing", async () => {
  const host = await serveHome((path) => path === "/threads/isolate.js");
  await withThreads(chromium, host, async (page) => {
    await waitForText(
      page,
      STATE,
      /^This page is not cross-origin isolated: .+isolate\.js could not be loaded/,
    );
    await page.select(".thread-times select", "2");
    await click(page, "Encode the digits");
    await waitForText(page, ".thread-times .verdict", /the same, bit for bit/);
    await findsNothing(page, ".thread-times", "the page of threads");
    assert.is(loadsOf(host), 1);
  });
});

test("the guide to threads has the service worker's file as it is", () => {
  const [guide, file] = ["guides/threads.md", "public/threads/isolate.js"].map((path) =>
    readFileSync(`site/${path}`, "utf8"),
  );
  assert.ok(guide!.includes(`\`\`\`js\n${file}\`\`\``));
});
