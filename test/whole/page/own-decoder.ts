import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ElementHandle, Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { readAddress, writeAddress } from "../../../site/page/address.ts";
import { readNpy, toNpy } from "../../../src/files/npy.ts";
import { createDecoder, decode } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { textOf } from "../../support/browsers.ts";
import { EXAMPLE } from "./example.ts";
import {
  areRoomsAtTop,
  chromium,
  click,
  enter,
  files,
  isPrefetched,
  pixelsOf,
  ROOMS,
  saved,
  serveHome,
  test,
  testInBoth,
  waitForText,
  waitUntil,
  withPage,
  withRoom,
} from "./harness.ts";

// The room of a visitor's own decoder.

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** Writes a file of the visitor's, and chooses it in the room. */
async function choose(
  page: Page,
  what: "decoder" | "samples",
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = join(files, name);
  writeFileSync(path, bytes);
  const inputs = (await page.$$(".drop input")) as ElementHandle<HTMLInputElement>[];
  await inputs[what === "decoder" ? 0 : 1]!.uploadFile(path);
}

/** Beginning of a file of PyTorch's. */
const OF_PYTORCH = Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex");
const { onnx: ONNX, picture: PICTURE } = EXAMPLE;
/** A decoder of sixteen numbers that are no picture, and a sample of it. */
const plain = createDecoder({ layers: [2, 12, 16], loss: "mse", seed: 3 });
const sample = await decode(plain, Float32Array.of(0.5, -1));

testInBoth("a visitor's decoder encodes a picture, and nothing leaves the page", async (browser) => {
  const host = await serveHome();
  await withRoom(
    browser,
    "decoder",
    async (page) => {
      await choose(page, "decoder", "decoder.onnx", ONNX);
      await waitForText(page, ".results", /10 numbers in, 3 × 32 × 32 out.*Verified/);
      // The last that the page asks for by itself.
      await page.waitForSelector(".contours path");
      const before = host.requested.length;
      await choose(page, "samples", "picture.png", PICTURE);
      await page.waitForSelector(".pair canvas");
      await click(page, "Encode");
      await waitForText(page, ".results", /loss [\d.e-]+, \w+/);
      const [given, decoded] = [await pixelsOf(page, ".pair canvas"), await pixelsOf(page, "canvas.decoded")];
      const difference =
        given.reduce((sum, value, i) => sum + Math.abs(value - decoded[i]!), 0) / given.length;
      assert.ok(difference < 6, `${difference} of 255`);
      const { data, shape } = readNpy(await saved(page, "Save codes (.npy)"));
      assert.equal(shape, [1, 10]);
      const x = await decode(await loadOnnx(ONNX), data as Float32Array);
      for (let i = 0; i < 1024; i++) assert.ok(Math.abs(255 * x[i]! - decoded[4 * i]!) < 1, `${i}`);
      const png = await saved(page, "Save reconstruction (PNG)");
      assert.equal([...png.subarray(1, 4)], [...Buffer.from("PNG")]);
      const asked = host.requested.slice(before);
      assert.equal(
        asked.filter((path) => !isPrefetched(path)),
        [],
      );
      const rows = await page.$$eval(".results tbody tr", (all) => all.length);
      assert.ok(rows >= 10, `${rows} operations`);
    },
    { host },
  ).finally(() => host.close());
});

test("what is no picture is shown as numbers and lines", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    await choose(page, "decoder", "numbers.safetensors", plain.toSafetensors());
    await waitForText(page, ".results", /2 numbers in, 16 out.*Not verified: there was no probe/);
    await choose(page, "samples", "sample.npy", toNpy(sample, [1, 16]));
    await page.waitForSelector(".results .chart");
    await click(page, "Encode");
    await waitForText(page, ".results", /One sample encoded/);
    const cells = await page.$$eval(".results td:nth-child(2), .results td:nth-child(3)", (all) =>
      all.slice(0, 32).map(({ textContent }) => Number(textContent)),
    );
    for (let i = 0; i < 16; i++) assert.ok(Math.abs(cells[2 * i]! - cells[2 * i + 1]!) < 0.02, `${cells}`);
    await choose(page, "samples", "picture.png", PICTURE);
    await waitForText(page, ".problem", /outputShape is \[16\], expected/);
    await choose(page, "samples", "empty.npy", toNpy(new Float32Array(0), [0, 16]));
    await waitForText(page, ".problem", /empty\.npy has 0 × 16 values/);
    const holes = sample.map((value, i) => (i === 4 ? Number.NaN : value));
    await choose(page, "samples", "holes.npy", toNpy(holes, [1, 16]));
    await page.waitForSelector(".results .chart");
    await click(page, "Encode");
    await waitForText(page, ".results", /One sample encoded.*One missing value was filled in/);
    const { data } = readNpy(await saved(page, "Save filled array (.npy)"));
    assert.ok(Math.abs(data[4]! - sample[4]!) < 0.02 && data[5] === sample[5], `${data}`);
  });
});

test("a sample of 200,000 numbers is charted", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    const wide = createDecoder({ layers: [2, 200_000], loss: "mse", seed: 1 });
    await choose(page, "decoder", "wide.safetensors", wide.toSafetensors());
    await waitForText(page, ".results", /2 numbers in, 200000 out/);
    await choose(page, "samples", "wide.npy", toNpy(new Float32Array(200_000).fill(0.5), [1, 200_000]));
    await page.waitForSelector(".results .chart polyline");
  });
});

testInBoth(
  "files dropped on the picture open the room of the visitor's decoder, and the page stays",
  async (browser) => {
    await withRoom(browser, "answers", async (page) => {
      const dropped = Object.entries({
        "a.npy": toNpy(sample, [1, 16]),
        "numbers.safetensors": plain.toSafetensors(),
        "b.npy": toNpy(sample, [1, 16]),
      }).map(([file, bytes]) => [file, [...bytes]] as const);
      const isTaken = await page.$eval(
        ".given canvas",
        (canvas, dropped) => {
          const dataTransfer = new DataTransfer();
          for (const [file, bytes] of dropped)
            dataTransfer.items.add(new File([new Uint8Array(bytes)], file));
          const options = { bubbles: true, cancelable: true, dataTransfer };
          return ["dragover", "drop"].map((type) => !canvas.dispatchEvent(new DragEvent(type, options)));
        },
        dropped,
      );
      assert.equal(isTaken, [true, true]);
      await page.waitForSelector(".results .chart");
      await waitForText(page, ".problem", /Ignored: b\.npy\./);
      assert.is(await page.$eval("[role=tab][aria-selected=true]", ({ id }) => id), "tab-decoder");
      assert.ok(await areRoomsAtTop(page));
    });
  },
);

test("files that cannot be read are told, with the way to convert them", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    const told: readonly (readonly [string, Uint8Array, RegExp])[] = [
      [
        "torn.onnx",
        ONNX.subarray(0, ONNX.length / 2),
        /^\s*torn\.onnx: .*(cut short|truncated|damaged|ends)/,
      ],
      ["empty.onnx", new Uint8Array(), /empty\.onnx: it is an empty file/],
    ];
    for (const [file, bytes, message] of told) {
      await choose(page, "decoder", file, bytes);
      await waitForText(page, ".problem", message);
      assert.is(await page.$(".problem pre"), null);
    }
    await choose(page, "decoder", "decoder.pt", OF_PYTORCH);
    await waitForText(page, ".problem", /^\s*decoder\.pt: it is a PyTorch file, expected an ONNX file/);
    assert.match(
      await textOf(page, ".problem pre"),
      /export\(decoder, "decoder.onnx", latent=LATENT_SIZE\)$/,
    );
    assert.match(await page.$eval(".problem a", (link) => link.getAttribute("href")!), /\/start\/pytorch/);
    const batchNorm = readFileSync(join(root, "test/fixtures/safetensors/batch-norm.safetensors"));
    await choose(page, "decoder", "batch-norm.safetensors", batchNorm);
    await waitForText(page, ".problem pre", /latent=3/);
    assert.is(
      await textOf(page, ".problem pre"),
      'from latentflow_export import export\nexport(decoder, "decoder.onnx", latent=3)',
    );
    await choose(page, "decoder", "decoder.onnx", ONNX);
    await waitForText(page, ".results", /Verified/);
    await choose(page, "samples", "wrong.npy", toNpy(new Float32Array(10), [2, 5]));
    await waitForText(page, ".problem", /wrong\.npy has 2 × 5 values, expected a multiple of 3072/);
    await choose(page, "samples", "torn.png", PICTURE.subarray(0, 40));
    await waitForText(page, ".problem", /torn\.png cannot be read as a picture/);
  });
});

test("a file that is no decoder leaves the work before it; another decoder takes the picture over", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    await waitForText(page, ".drop.waiting", /First a decoder/);
    await page.$eval(".drop.waiting input", (input) => (input as HTMLElement).click());
    await waitForText(page, ".problem", /Choose a decoder first/);
    await choose(page, "decoder", "decoder.onnx", ONNX);
    await waitForText(page, ".results", /Verified/);
    await choose(page, "samples", "picture.png", PICTURE);
    await page.waitForSelector(".pair canvas");
    await click(page, "Encode");
    await waitForText(page, ".results", /One sample encoded/);
    const before = await pixelsOf(page, "canvas.decoded");
    await choose(page, "decoder", "model.pt", OF_PYTORCH);
    await waitForText(page, ".problem", /model\.pt: it is a PyTorch file/);
    assert.equal(await pixelsOf(page, "canvas.decoded"), before);
    assert.match(await textOf(page, ".drop"), /decoder\.onnx/);
    assert.ok((await saved(page, "Save codes (.npy)")).length > 0);
    const pictures = createDecoder({ layers: [2, 12, 784], outputShape: [28, 28], loss: "mse", seed: 3 });
    await choose(page, "decoder", "other.safetensors", pictures.toSafetensors());
    await waitForText(page, ".results", /2 numbers in, 28 × 28 out.*One sample encoded/);
    await choose(page, "decoder", "numbers.safetensors", plain.toSafetensors());
    await waitForText(page, ".problem", /outputShape is \[16\], expected/);
    assert.match(await textOf(page, ".results"), /2 numbers in, 16 out/);
  });
});

test("rooms follow each other in any order; a training and a visitor's files are there again", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    await choose(page, "decoder", "numbers.safetensors", plain.toSafetensors());
    await waitForText(page, ".results", /2 numbers in/);
    // Each after each other once: with the ones after it, a room takes turns.
    for (const [i, first] of ROOMS.entries()) {
      await enter(page, first);
      for (const second of ROOMS.slice(i + 1)) {
        await enter(page, second);
        await enter(page, first);
      }
    }
    assert.match(await textOf(page, ".results"), /2 numbers in/);
    assert.is((await page.$$(".train")).length, 1);
  });
});

/** A decoder of digits with a latent space far larger than those of the page's own. */
const wide = createDecoder({ layers: [512, 784], loss: "mse", seed: 1 });

test("a link made with a visitor's decoder says so, until the decoder is there", async () => {
  const small = createDecoder({ layers: [20, 784], loss: "mse", seed: 1 }).toSafetensors();
  await withRoom(chromium, "decoder", async (page) => {
    await choose(page, "decoder", "my decoder & co.safetensors", small);
    await click(page, "Play with it in all rooms");
    await waitForText(page, ".guest", /my decoder & co\.safetensors/);
    assert.is(await page.$(".missing"), null);
    const sent = await waitUntil(
      async () => readAddress(new URL(page.url()).hash),
      (state) => state?.guest === "my decoder & co.safetensors",
      "the decoder's name in the address",
    );
    const code = new Float32Array(20).fill(0.5);
    await withPage(chromium, writeAddress({ ...sent!, code }), async (receiver) => {
      await waitForText(receiver, ".missing", /made with my decoder & co\.safetensors, which stays/);
      await click(receiver, "Your decoder");
      await receiver.waitForSelector("#room-decoder .own", { visible: true });
      await choose(receiver, "decoder", "same.safetensors", small);
      await click(receiver, "Play with it in all rooms");
      await waitForText(receiver, ".guest", /same\.safetensors/);
      assert.is(await receiver.$(".missing"), null);
      const state = await waitUntil(
        async () => readAddress(new URL(receiver.url()).hash),
        (found) => found?.guest === "same.safetensors",
        "the other name in the address",
      );
      assert.equal(state!.code, code, "the place of the link is kept");
      // An address that is entered while the page is open, and is of the page's own decoder.
      await receiver.evaluate(() => location.assign("#v=1&room=flow"));
      await receiver.waitForFunction(() => !document.querySelector(".guest"));
    });
    await withPage(chromium, writeAddress(sent!), async (receiver) => {
      await click(receiver, "Go on without it");
      await waitUntil(
        async () => readAddress(new URL(receiver.url()).hash),
        (state) => state !== undefined && state.guest === undefined,
        "an address without it",
      );
      assert.is(await receiver.$(".missing"), null);
    });
  });
});

test("a visitor's decoder that is there before the page's own digits stays", async () => {
  let deliver = () => {};
  const delivered = new Promise<void>((resolve) => {
    deliver = resolve;
  });
  const host = await serveHome(async (path) => {
    if (path.endsWith("/page/digits.idx.gz")) await delivered;
    return false;
  });
  const useAll = async (page: Page) => {
    await choose(page, "decoder", "wide.safetensors", wide.toSafetensors());
    await click(page, "Play with it in all rooms");
    await waitForText(page, ".guest", /wide\.safetensors/);
    deliver();
    // The first digit is found and drawn.
    await page.waitForSelector(".contours path");
    await enter(page, "codes");
    await page.waitForSelector(".plane");
  };
  await withRoom(chromium, "decoder", useAll, { host });
});

test("codes of 512 numbers are laid out while the page answers", async () => {
  await withRoom(chromium, "decoder", async (page) => {
    await choose(page, "decoder", "wide.safetensors", wide.toSafetensors());
    await click(page, "Play with it in all rooms");
    await waitForText(page, ".guest", /wide\.safetensors/);
    await page.evaluate(() => {
      const longest = { duration: 0, start: performance.now() };
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest.duration = Math.max(longest.duration, duration);
      }).observe({ type: "longtask" });
      Object.assign(globalThis, { longest });
      document.getElementById("tab-codes")!.click();
    });
    await page.waitForSelector(".plane");
    const { duration, whole } = await page.evaluate(() => {
      const { longest } = globalThis as unknown as { longest: { duration: number; start: number } };
      return { duration: longest.duration, whole: performance.now() - longest.start };
    });
    // On a busy machine all of it takes longer, the page's own work too.
    assert.ok(duration < Math.max(1000, whole / 2), `the page did not answer for ${duration} of ${whole} ms`);
  });
});
