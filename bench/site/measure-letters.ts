import type { Browser } from "puppeteer-core";
import { newPage } from "../../test/support/browsers.ts";
import type { StaticHost } from "./static-host.ts";

// How the site's page of typefaces feels, measured in a browser: see main.ts.

/** Figures of one visit. Times are in milliseconds. */
export interface LettersVisit {
  /** From the document's beginning to the first alphabet. */
  readonly firstAlphabet: number;
  /** From each stroke of the pen to the alphabet of the code that was found for it. */
  readonly strokes: readonly number[];
}

/** Strokes of the pen, and the pause between them. */
const STROKES = 40;
const PAUSE = 120;

/** What `watch` keeps in the page. */
interface Watched {
  firstAlphabet: number | undefined;
  /** Time of the latest event of the pen, and of the first alphabet after it. */
  penAt: number;
  drawnAt: number | undefined;
}

/** Watches the letter z of the alphabet, which is not given, from the page's first script on. Runs in the page. */
function watch(): void {
  const watched: Watched = { firstAlphabet: undefined, penAt: 0, drawnAt: undefined };
  Object.assign(globalThis, { watchedLetters: watched });
  let before: string | null | undefined;
  const look = () => {
    const path = document.querySelector(".result [data-letter=z] path")?.getAttribute("d");
    if (path && path !== before) {
      before = path;
      watched.firstAlphabet ??= performance.now();
      watched.drawnAt ??= performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  addEventListener(
    "pointermove",
    ({ timeStamp }) => {
      watched.penAt = timeStamp;
      watched.drawnAt = undefined;
    },
    true,
  );
}

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** Visits the page: waits for the alphabet, and draws in the box of the o. */
export async function visitLetters(browser: Browser, host: StaticHost): Promise<LettersVisit> {
  const page = await newPage(browser);
  const watchedOf = () =>
    page.evaluate(() => (globalThis as unknown as { watchedLetters: Watched }).watchedLetters);
  try {
    await page.setViewport({ width: 1280, height: 900 });
    // tsx has functions keep their names by a helper, which the page lacks.
    await page.evaluateOnNewDocument("globalThis.__name = (value) => value;");
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
    await page.mouse.move(...placeOf(0));
    await page.mouse.down();
    // The first answers also find the kernels compiled.
    await pause(10 * PAUSE);
    const strokes: number[] = [];
    for (let i = 1; i <= STROKES; i++) {
      await page.mouse.move(...placeOf(i));
      await page.waitForFunction(
        () => (globalThis as unknown as { watchedLetters: Watched }).watchedLetters.drawnAt !== undefined,
      );
      const { penAt, drawnAt } = await watchedOf();
      strokes.push(drawnAt! - penAt);
      await pause(PAUSE);
    }
    await page.mouse.up();
    return { firstAlphabet: firstAlphabet!, strokes };
  } finally {
    await page.close();
  }
}
