import type { Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { readAddress } from "../../../site/page/address.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import {
  chromium,
  click,
  clickAtText,
  saved,
  test,
  waitForText,
  waitUntil,
  withPage,
  withRoom,
} from "./harness.ts";

// The rooms Train and Codes.

test("training lowers the loss, pauses, goes on, and gives its decoder to the page", async () => {
  await withRoom(chromium, "train", async (page) => {
    await waitForText(page, ".state", /Untrained/);
    await Promise.all([clickAtText(page, ".state", /Round [2-9] of/, "Pause"), click(page, "Train")]);
    // Of random weights the loss is that of a coin, ln 2 = 0.69 nats a pixel, and more.
    const [, loss] = await waitForText(page, ".state", /Paused after .* loss of ([\d.]+)\./);
    assert.ok(Number(loss) < 0.3, loss);
    // A mini-batch more: a point of the faint line.
    const points = () =>
      page.$eval(".chart .faint polyline", (line) => (line as SVGPolylineElement).points.numberOfItems);
    const before = await points();
    await click(page, "Go on");
    await waitUntil(points, (count) => count > before, "another mini-batch");
    const decoder = await loadOnnx(await saved(page, "Save as ONNX"));
    assert.is(decoder.verified, true);
    assert.is(decoder.prior?.name, "gaussian");
    await click(page, "Play with it");
    await waitForText(page, ".guest", /a decoder trained on the page/);
    // The picture, which the decoder is shown by, is in view and has the keyboard's focus.
    await page.waitForFunction(() => {
      const { top } = document.querySelector(".complete")!.getBoundingClientRect();
      return document.activeElement!.className === "complete" && top >= 0 && top < innerHeight / 2;
    });
    await click(page, "Reset");
    await waitForText(page, ".state", /Untrained/);
    await click(page, "Use the page's own decoder again");
    await page.waitForFunction(() => !document.querySelector(".guest"));
  });
});

test("the decoder draws as a point moves among the codes", async () => {
  await withRoom(chromium, "codes", async (page) => {
    const plane = await page.waitForSelector(".plane");
    await waitForText(page, ".codes figcaption", /Codes nearby in this plane:\s*\d/);
    const drawn = () =>
      page.$eval(".codes figure canvas", (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const waitForOther = (than: string) =>
      page.waitForFunction(
        (than) => document.querySelector<HTMLCanvasElement>(".codes figure canvas")!.toDataURL() !== than,
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
    await waitForText(page, ".codes [role=status]", /Nearby in this plane are codes of 1/);
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
    // The address has the ring's place and the highlighted digit.
    const sent = await waitUntil(
      async () => new URL(page.url()).hash.slice(1),
      (hash) => readAddress(hash)?.highlighted === 4,
      "the digit in the address",
    );
    const place = (of: Page) => of.$eval(".plane .point", (ring) => ring.getAttribute("style"));
    const moved = await place(page);
    await withPage(chromium, sent, async (receiver) => {
      await receiver.waitForSelector(".plane .point");
      await waitUntil(
        async () => (await place(receiver))!.match(/[\d.]+/g)!.map(Number),
        (found) => found.every((at, i) => Math.abs(at - Number(moved!.match(/[\d.]+/g)![i])) < 0.01),
        `the ring at ${moved}`,
      );
      await receiver.waitForSelector(".legend [aria-pressed=true]");
    });
  });
});
