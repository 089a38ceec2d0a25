import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import axe from "axe-core";
import type { Browser, ElementHandle, Page } from "puppeteer-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SIDE } from "../../../site/page/picture.ts";
import { launchChromium, launchFirefox, newPage, textOf } from "../../support/browsers.ts";
import { buildHomePage } from "../../support/home-page.ts";
import { PATIENCE } from "../../support/patience.ts";
import { type FileServer, serve } from "../../support/serve.ts";

// The built home page, a server of it and both browsers, which the files of this folder share, and what they ask of a page.

export const test = suite("page");

/** Folder of the built page, and one for files of the tests. */
export const home = buildHomePage();
takeFewerDigits(160, 64);
export const files = mkdtempSync(join(tmpdir(), "latentflow-visitor-"));

/** Leaves the pages the first of the digits that they train on and encode: all take long in two browsers. */
function takeFewerDigits(training: number, encoded: number): void {
  const shorten = (bytes: Buffer, count: number, from: number, size: number) => {
    bytes.writeUInt32BE(count, 4);
    return bytes.subarray(0, from + count * size);
  };
  const shortenDigits = (file: string, count: number) =>
    writeFileSync(file, gzipSync(shorten(gunzipSync(readFileSync(file)), count, 16, SIDE ** 2)));
  const assets = join(home, "assets");
  shortenDigits(join(home, "page/training-digits.idx.gz"), training);
  shortenDigits(join(assets, readdirSync(assets).find((name) => name.startsWith("mnist-test"))!), encoded);
  const labels = join(home, "page/training-digit-labels.idx");
  writeFileSync(labels, shorten(readFileSync(labels), training, 8, 1));
}

const servers: FileServer[] = [];

/**
 * Serves the page until all tests have ended. No worker and no script of it may ask another server. The example's picture is a
 * data: URL.
 *
 * @param isMissing as of `serve`
 */
export async function serveHome(
  isMissing?: (path: string) => boolean | Promise<boolean>,
): Promise<FileServer> {
  const started = await serve(home, "connect-src 'self' data:", {}, isMissing);
  servers.push(started);
  return started;
}
export const server = await serveHome();
export const [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);

/** Ends what the tests share. */
export async function close(): Promise<void> {
  await Promise.all([chromium.close(), firefox.close()]);
  for (const each of servers) each.close();
  for (const folder of [home, files]) rmSync(folder, { recursive: true });
}

/**
 * Tests in both browsers side by side: the ways of a visitor that may differ between them, which are pens, workers, files and
 * addresses. What else a page does with them is tested in Chromium.
 */
export function testInBoth(name: string, run: (browser: Browser) => Promise<void>): void {
  const inOne = (browser: Browser, browserName: string) =>
    run(browser).catch((error: Error) => {
      error.message = `${browserName}: ${error.message}`;
      throw error;
    });
  test(`Chromium and Firefox: ${name}`, async () => {
    const ends = await Promise.allSettled([inOne(chromium, "Chromium"), inOne(firefox, "Firefox")]);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  });
}

/** Window of a visitor. */
export interface Visitor {
  readonly width?: number;
  readonly height?: number;
  readonly wantsLessMotion?: boolean;
  /** Server of the page; one of its own where its requests are looked at, since the other browser asks at the same time. */
  readonly host?: FileServer;
}

/**
 * Opens the page, at the part of an address after its # if that is not empty; `use` then works with it. What the page throws or
 * reports as an error fails the test.
 */
export async function withPage(
  browser: Browser,
  hash: string,
  use: (page: Page) => Promise<void>,
  { width = 1280, height = 900, wantsLessMotion = false, host = server }: Visitor = {},
): Promise<void> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  // Vue reports what its components throw here, and goes on.
  page.on("console", (message) => message.type() === "error" && uncaught.push(message.text()));
  try {
    await page.setViewport({ width, height });
    if (wantsLessMotion)
      await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    await page.goto(`${host.address}/${hash && `#${hash}`}`);
    await use(page);
    assert.equal(uncaught, []);
    const failure = await page.evaluate(() => document.querySelector(".failure")?.textContent ?? null);
    assert.is(failure, null, "the page reports no failure");
  } finally {
    await page.close();
  }
}

/** True for what VitePress asks for whenever it is idle: pages that links in view lead to. */
export const isPrefetched = (path: string) => /^\/assets\/(index|typeface)\.md\.[\w-]+\.js$/.test(path);

/** Opens a room of the page. */
export function withRoom(
  browser: Browser,
  room: string,
  use: (page: Page) => Promise<void>,
  visitor?: Visitor,
): Promise<void> {
  const entered = async (page: Page) => {
    await page.waitForSelector(`#room-${room} > *`, { visible: true });
    await use(page);
  };
  return withPage(browser, `v=1&room=${room}`, entered, visitor);
}

/** Clicks a button once it can be used. */
export async function click(page: Page, name: string): Promise<void> {
  const button = (await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, {
    visible: true,
  })) as ElementHandle<HTMLElement>;
  await page.waitForFunction((element) => element.ariaDisabled !== "true", {}, button);
  await button.evaluate((element) => {
    element.focus();
    element.click();
  });
}

/**
 * Clicks a button as soon as a selector's text matches, in the page itself: a training lasts some seconds, in which a driver on a
 * busy machine may not be heard.
 */
export function clickAtText(page: Page, selector: string, pattern: RegExp, name: string): Promise<void> {
  return page.evaluate(
    (selector, source, name) =>
      new Promise<void>((resolve) => {
        const observer = new MutationObserver(() => {
          if (!new RegExp(source).test(document.querySelector(selector)?.textContent ?? "")) return;
          observer.disconnect();
          const buttons = [...document.querySelectorAll("button")];
          buttons.find(({ textContent }) => textContent.trim() === name)!.click();
          resolve();
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      }),
    selector,
    pattern.source,
    name,
  );
}

/** Waits until a selector's text matches. */
export async function waitForText(page: Page, selector: string, pattern: RegExp): Promise<RegExpExecArray> {
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

/** Waits until what `measure` finds passes; fails with the last finding. */
export async function waitUntil<T>(
  measure: () => Promise<T>,
  passes: (found: T) => boolean,
  what: string,
): Promise<T> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const found = await measure();
    if (passes(found)) return found;
    if (performance.now() > end) assert.unreachable(`${what}: ${JSON.stringify(found).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until the settled picture's path has been found, and is shown to its end. */
export const hasSettled = (page: Page) => waitForText(page, ".answer .detail", /^\s*step (\d+) of \1\s*$/);

/**
 * Levels that a canvas shows, from 0 for paper to 1 for ink, at the middle of each pixel. They come as one text, like all that is
 * long: Firefox makes an object of each number of a list.
 */
export async function levelsOf(page: Page, selector: string): Promise<number[]> {
  const levels = await page.evaluate(
    (selector, side) => {
      const canvas = document.querySelector<HTMLCanvasElement>(selector)!;
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
      }).join();
    },
    selector,
    SIDE,
  );
  return levels.split(",").map(Number);
}

/** Levels of a canvas: red, green, blue and opacity of each pixel. */
export async function pixelsOf(page: Page, selector: string): Promise<Uint8Array> {
  const pixels = await page.$eval(selector, (element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
  });
  return new Uint8Array(Buffer.from(pixels, "base64"));
}

/** Mean squared difference of two pictures. */
export const squaredError = (x: ArrayLike<number>, y: ArrayLike<number>) =>
  Array.from(x).reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / x.length;

/** Bytes that the page saves once a button has been clicked. */
export async function saved(page: Page, button: string): Promise<Uint8Array> {
  await page.evaluate(() => {
    const create = URL.createObjectURL.bind(URL);
    const taken = new Promise<string>((resolve) => {
      URL.createObjectURL = (blob: Blob) => {
        blob
          .arrayBuffer()
          .then((buffer) =>
            resolve(btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))),
          );
        return create(blob);
      };
    });
    Object.assign(globalThis, { taken });
  });
  await click(page, button);
  const text = await page.evaluate(() => (globalThis as unknown as { taken: Promise<string> }).taken);
  return new Uint8Array(Buffer.from(text, "base64"));
}

/**
 * Problems that axe finds within elements, and whether the page is wider than its window. Beside them there is VitePress's theme,
 * whose colours of code have little contrast.
 */
async function problemsOf(page: Page, selector: string): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  return page.evaluate(async (selector) => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run(
      selector,
    );
    const { scrollWidth } = document.documentElement;
    return [
      ...violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`)),
      ...(scrollWidth > innerWidth ? [`${scrollWidth} pixels wide in a window of ${innerWidth}`] : []),
    ];
  }, selector);
}

/** Windows that axe looks at: each width and each theme once, since a theme's colours do not depend on the width. */
const LOOKS = [
  { width: 1280, theme: "light" },
  { width: 360, theme: "dark" },
] as const;

/**
 * Fails on what axe finds within elements, and on what is wider than the window, on a light desktop and a dark phone.
 *
 * @param what for the message
 */
export async function findsNothing(page: Page, selector: string, what: string): Promise<void> {
  for (const { width, theme } of LOOKS) {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.waitForFunction(
      (isDark) => document.documentElement.classList.contains("dark") === isDark,
      {},
      theme === "dark",
    );
    // Colours fade from one theme to the other; a fading that is cancelled rejects.
    await page.evaluate(async () => {
      await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
    });
    assert.is((await problemsOf(page, selector)).join("\n"), "", `${what}, ${width} pixels, ${theme}`);
  }
  await page.setViewport({ width: 1280, height: 900 });
}

/** Each room, and what it has once it is loaded. */
const CONTENTS: Readonly<Record<string, string>> = {
  answers: ".answers",
  flow: ".race",
  codes: ".codes",
  train: ".train",
  decoder: ".own",
};
export const ROOMS = Object.keys(CONTENTS);

/** True if the window is scrolled so far that the rooms' tabs are at its top, below the site's bar. */
export const areRoomsAtTop = (page: Page) =>
  page.$eval(".rooms", (rooms) => scrollY > 0 && rooms.getBoundingClientRect().top < 0.2 * innerHeight);

/** Enters a room by its tab, and waits until it alone is shown. */
export async function enter(page: Page, room: string): Promise<void> {
  await page.$eval(`#tab-${room}`, (tab) => (tab as HTMLElement).click());
  await page.waitForSelector(`#room-${room} ${CONTENTS[room]}`, { visible: true });
  const visible = await page.$$eval(".room", (all) =>
    all.filter((one) => one.checkVisibility()).map(({ id }) => id),
  );
  assert.equal(visible, [`room-${room}`]);
}
