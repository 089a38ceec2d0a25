import type { Browser, Page } from "puppeteer-core";
import { newPage } from "../../test/support/browsers.ts";
import type { StaticHost } from "./static-host.ts";
import { type PenTimes, pause, timeStrokes, watchPen } from "./strokes.ts";

// How the site's first page feels, measured in a browser: see main.ts.

/** Figures of one visit. Times are in milliseconds. */
export interface Visit {
  /** From the document's beginning to the first step of the flow that is drawn. */
  readonly firstMotion: number;
  /** Bytes that were sent until the page had come to rest, before the visitor does anything. */
  readonly bytes: number;
  /** From each stroke of the pen to the picture of the code that was found for it. */
  readonly strokes: readonly number[];
  /** Longest task of the page's main thread while it loads, while the pen is down, and while rooms are entered. */
  readonly longestTasks: { readonly loading: number; readonly drawing: number; readonly rooms: number };
}

const WINDOW = { width: 1280, height: 900 };
/** Strokes of the pen. */
const STROKES = 60;
/** Pause after a room is entered, in milliseconds. */
const ROOM_PAUSE = 1500;

/** What `watch` keeps in the page. */
interface Watched {
  firstMotion: number | undefined;
  longestTask: number;
}

/** Watches the page from its first script on. Runs in the page. */
function watch(): void {
  const watched: Watched = { firstMotion: undefined, longestTask: 0 };
  Object.assign(globalThis, { watched });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      watched.longestTask = Math.max(watched.longestTask, duration);
  }).observe({ type: "longtask", buffered: true });
  const lookForMotion = () => {
    const step = /step ([1-9]\d*) of/.exec(document.querySelector(".answer .detail")?.textContent ?? "");
    if (step) watched.firstMotion = performance.now();
    else requestAnimationFrame(lookForMotion);
  };
  requestAnimationFrame(lookForMotion);
  const { putImageData } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.putImageData = function (
    this: CanvasRenderingContext2D,
    ...args: unknown[]
  ) {
    if (this.canvas instanceof HTMLCanvasElement && this.canvas.closest(".answer"))
      (globalThis as unknown as PenTimes).pen.drawnAt ??= performance.now();
    (putImageData as (...args: unknown[]) => void).apply(this, args);
  } as typeof putImageData;
}

const watchedOf = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as { watched: Watched }).watched);

/** Longest task since this was called last. */
async function takeLongestTask(page: Page): Promise<number> {
  const { longestTask } = await watchedOf(page);
  await page.evaluate(() => {
    (globalThis as unknown as { watched: Watched }).watched.longestTask = 0;
  });
  return longestTask;
}

/** Visits the page: waits for motion, draws, and enters all rooms. */
export async function visit(browser: Browser, host: StaticHost): Promise<Visit> {
  const page = await newPage(browser);
  try {
    await page.setViewport(WINDOW);
    // tsx has functions keep their names by a helper, which the page lacks.
    await page.evaluateOnNewDocument("globalThis.__name = (value) => value;");
    await page.evaluateOnNewDocument(watchPen);
    await page.evaluateOnNewDocument(watch);
    const before = host.bytes();
    await page.goto(`${host.address}/`);
    await page.waitForFunction(() => (globalThis as unknown as { watched: Watched }).watched.firstMotion);
    await page.waitForSelector(".contours path");
    const bytes = host.bytes() - before;
    const loading = await takeLongestTask(page);
    const strokes = await draw(page);
    const drawing = await takeLongestTask(page);
    await enterRooms(page);
    const longestTasks = { loading, drawing, rooms: await takeLongestTask(page) };
    return { firstMotion: (await watchedOf(page)).firstMotion!, bytes, strokes, longestTasks };
  } finally {
    await page.close();
  }
}

/** Longest task of a page that is loaded and left alone, in milliseconds. */
export async function loadingTask(browser: Browser, address: string): Promise<number> {
  const page = await newPage(browser);
  try {
    await page.setViewport(WINDOW);
    await page.evaluateOnNewDocument("globalThis.__name = (value) => value;");
    await page.evaluateOnNewDocument(watch);
    await page.goto(address, { waitUntil: "networkidle0" });
    return await takeLongestTask(page);
  } finally {
    await page.close();
  }
}

/** Draws a spiral on the picture, and returns how long each stroke took to be answered. */
async function draw(page: Page): Promise<number[]> {
  const { x, y, width, height } = (await (await page.$(".given canvas"))!.boundingBox())!;
  const placeOf = (i: number): [number, number] => {
    const [angle, radius] = [0.35 * i, 0.1 + (0.3 * i) / STROKES];
    return [x + width * (0.5 + radius * Math.cos(angle)), y + height * (0.5 + radius * Math.sin(angle))];
  };
  return timeStrokes(page, STROKES, placeOf);
}

async function enterRooms(page: Page): Promise<void> {
  for (const tab of await page.$$("[role=tab]")) {
    await tab.evaluate((element) => (element as HTMLElement).click());
    await pause(ROOM_PAUSE);
  }
}
