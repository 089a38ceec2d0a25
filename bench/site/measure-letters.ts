import type { Browser } from "puppeteer-core";
import { newPage } from "../../test/support/browsers.ts";
import type { StaticHost } from "./static-host.ts";
import { type PenTimes, timeStrokes, watchPen } from "./strokes.ts";

// How the site's page of typefaces feels, measured in a browser: see main.ts.

/** Figures of one visit. Times are in milliseconds. */
export interface LettersVisit {
  /** From the document's beginning to the first alphabet. */
  readonly firstAlphabet: number;
  /** From each stroke of the pen to the alphabet of the code that was found for it. */
  readonly strokes: readonly number[];
}

/** Strokes of the pen. */
const STROKES = 40;

/** What `watch` keeps in the page. */
interface Watched {
  firstAlphabet: number | undefined;
}

/** Watches the letter z of the alphabet, which is not given, from the page's first script on. Runs in the page. */
function watch(): void {
  const watched: Watched = { firstAlphabet: undefined };
  Object.assign(globalThis, { watchedLetters: watched });
  let before: string | null | undefined;
  const look = () => {
    const path = document.querySelector(".result [data-letter=z] path")?.getAttribute("d");
    if (path && path !== before) {
      before = path;
      watched.firstAlphabet ??= performance.now();
      (globalThis as unknown as PenTimes).pen.drawnAt ??= performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Visits the page: waits for the alphabet, and draws in the box of the o. */
export async function visitLetters(browser: Browser, host: StaticHost): Promise<LettersVisit> {
  const page = await newPage(browser);
  const watchedOf = () =>
    page.evaluate(() => (globalThis as unknown as { watchedLetters: Watched }).watchedLetters);
  try {
    await page.setViewport({ width: 1280, height: 900 });
    // tsx has functions keep their names by a helper, which the page lacks.
    await page.evaluateOnNewDocument("globalThis.__name = (value) => value;");
    await page.evaluateOnNewDocument(watchPen);
    await page.evaluateOnNewDocument(watch);
    await page.goto(`${host.address}/typeface.html`);
    await page.waitForFunction(
      () => (globalThis as unknown as { watchedLetters: Watched }).watchedLetters.firstAlphabet,
    );
    const { firstAlphabet } = await watchedOf();
    const box = (await page.$('.box[aria-label*="letter o"]'))!;
    const { x, y, width, height } = (await box.boundingBox())!;
    const placeOf = (i: number): [number, number] => {
      const angle = (i / STROKES) * 2 * Math.PI;
      return [x + width * (0.5 + 0.28 * Math.cos(angle)), y + height * (0.55 + 0.2 * Math.sin(angle))];
    };
    const strokes = await timeStrokes(page, STROKES, placeOf);
    return { firstAlphabet: firstAlphabet!, strokes };
  } finally {
    await page.close();
  }
}
