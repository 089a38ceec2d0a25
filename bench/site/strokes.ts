import type { Page } from "puppeteer-core";

// Times of strokes, on whatever page: from each move of the pen to what is drawn in answer.

/** Global of a page that is measured; times are in milliseconds since its document began. */
export interface PenTimes {
  pen: {
    /** Time of the latest event of the pen. */
    movedAt: number;
    /** Time of the first answer that was drawn after it: the page's own watcher sets it. */
    drawnAt: number | undefined;
  };
}

/** Pause between strokes, in milliseconds. */
const PAUSE = 120;

/** Resolves after some milliseconds. */
export const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));

/** Notes the pen's moves. Runs in the page, before the page's own watcher. */
export function watchPen(): void {
  const pen: PenTimes["pen"] = { movedAt: 0, drawnAt: undefined };
  Object.assign(globalThis, { pen });
  addEventListener(
    "pointermove",
    ({ timeStamp }) => {
      pen.movedAt = timeStamp;
      pen.drawnAt = undefined;
    },
    true,
  );
}

/**
 * Draws a line with the pen, a stroke at a time, each once the one before it has been answered.
 *
 * @param placeOf places in the window: of 0, where the pen is put down, up to `count`
 * @returns milliseconds from each stroke's event to its answer
 */
export async function timeStrokes(
  page: Page,
  count: number,
  placeOf: (stroke: number) => [x: number, y: number],
): Promise<number[]> {
  await page.mouse.move(...placeOf(0));
  await page.mouse.down();
  // The first answers also find the kernels compiled.
  await pause(10 * PAUSE);
  const times: number[] = [];
  for (let stroke = 1; stroke <= count; stroke++) {
    await page.mouse.move(...placeOf(stroke));
    const isAnswered = () => (globalThis as unknown as PenTimes).pen.drawnAt !== undefined;
    await page.waitForFunction(isAnswered);
    const { movedAt, drawnAt } = await page.evaluate(() => (globalThis as unknown as PenTimes).pen);
    times.push(drawnAt! - movedAt);
    await pause(PAUSE);
  }
  await page.mouse.up();
  return times;
}
