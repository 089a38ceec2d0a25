import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import { LETTERS } from "../../../examples/typefaces/geometry/cell.ts";
import {
  drawnBy,
  firstState,
  HANDS,
  readAddress,
  type TypefaceState,
  writeAddress,
} from "../../../site/typeface-page/address.ts";
import { newPage } from "../../support/browsers.ts";
import type { FileServer } from "../../support/serve.ts";
import {
  chromium,
  click,
  findsNothing,
  isPrefetched,
  saved,
  serveHome,
  server,
  test,
  testInBoth,
  waitUntil,
} from "./harness.ts";

// The page of typefaces, site/typeface-page/.

const font = readFileSync(
  fileURLToPath(
    new URL("../../../node_modules/dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf", import.meta.url),
  ),
);

interface Visit {
  readonly state?: Partial<TypefaceState>;
  /** Server of the page; one of its own where its requests are looked at, since the other browser asks at the same time. */
  readonly host?: FileServer;
}

/** Opens the page and waits for its alphabet; `use` then works with it. What the page throws, or reports as an error, fails the test. */
async function withPage(
  browser: Browser,
  { state, host = server }: Visit,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await newPage(browser);
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  // Vue reports what its components throw here, and goes on.
  page.on("console", (message) => message.type() === "error" && uncaught.push(message.text()));
  try {
    await page.setViewport({ width: 1280, height: 1000 });
    const hash = state ? `#${writeAddress({ ...firstState(), ...state })}` : "";
    await page.goto(`${host.address}/typeface.html${hash}`);
    await hasAlphabet(page);
    await use(page);
    assert.equal(uncaught, []);
  } finally {
    await page.close();
  }
}

/** Paths of the letters of the alphabet, by letter. */
async function pathsOf(page: Page): Promise<Record<string, string>> {
  const paths = await page.evaluate(() =>
    JSON.stringify(
      Object.fromEntries(
        Array.from(document.querySelectorAll<HTMLElement>(".result [data-letter]"), (cell) => [
          cell.dataset.letter!,
          cell.querySelector("path")!.getAttribute("d")!,
        ]),
      ),
    ),
  );
  return JSON.parse(paths);
}

/** Letters of the alphabet that are shown as they were given. */
const givenOf = (page: Page) =>
  page.$$eval(".result [data-letter].given", (cells) =>
    cells.map((cell) => (cell as HTMLElement).dataset.letter).join(""),
  );

const hasAlphabet = (page: Page) =>
  waitUntil(
    () => pathsOf(page),
    (paths) => Object.values(paths).filter((path) => path !== "").length === LETTERS.length,
    "an alphabet",
  );

const numbersOf = (path: string) => (path.match(/-?[\d.]+/g) ?? []).map(Number);

/** Width of a path. */
function widthOf(path: string): number {
  const xs = numbersOf(path).filter((_, i) => i % 2 === 0);
  return Math.max(...xs) - Math.min(...xs);
}

/** Area of a path's contours: what runs around holes counts against it. */
function areaOf(path: string): number {
  return path.split("Z").reduce((sum, contour) => {
    const points = numbersOf(contour);
    for (let i = 0; i < points.length; i += 2) {
      const next = (i + 2) % points.length;
      sum += (points[i]! * points[next + 1]! - points[next]! * points[i + 1]!) / 2;
    }
    return sum;
  }, 0);
}

/** Moves of the pen along an ellipse. Few, since the page draws an alphabet for each; even, so that it is as wide as it is meant. */
const MOVES = 6;

/** Draws an ellipse in a letter's box. `duringStroke` is called before the pen is lifted. */
async function drawEllipse(
  page: Page,
  letter: string,
  radius: number,
  duringStroke = async () => {},
): Promise<void> {
  const box = (await page.$(`.box[aria-label*="letter ${letter}"]`))!;
  await box.scrollIntoView();
  const { x, y, width, height } = (await box.boundingBox())!;
  const at = (i: number): [number, number] => {
    const angle = (i / MOVES) * 2 * Math.PI;
    return [
      x + (width * (16 + radius * Math.cos(angle))) / 32,
      y + (height * (22 + 6.5 * Math.sin(angle))) / 40,
    ];
  };
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let i = 1; i <= MOVES; i++) await page.mouse.move(...at(i));
  await duringStroke();
  await page.mouse.up();
}

/** Drops a file where fonts are taken. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  await page.waitForSelector(".drop input:not(:disabled)");
  await page.$eval(
    ".drop",
    (target, name, text) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
      target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    name,
    Buffer.from(bytes).toString("base64"),
  );
}

const textOf = (page: Page, selector: string) =>
  page.$$eval(selector, (all) =>
    all.map(({ textContent }) => textContent!.trim().replace(/\s+/g, " ")).join("|"),
  );

testInBoth(
  "before any touch three letters and their alphabet are there, a sentence says what is seen, the sheet that is saved is an SVG with all letters and the licence, and a stroke changes the draft",
  async (browser) => {
    await withPage(browser, {}, async (page) => {
      assert.is(await givenOf(page), "ano");
      const caption = await textOf(page, ".result .caption");
      assert.match(caption, /letters were drawn; the blue ones are the decoder’s draft in the same style/);
      await page.waitForSelector(".set path");
      assert.is(
        await page.$$eval(".set path", (all) => all.length),
        firstState().sentence.replaceAll(" ", "").length,
      );
      assert.is(new URL(page.url()).hash, "", "the address is left alone until the page is touched");
      const bytes = await saved(page, "Save as an SVG sheet");
      const found = await page.evaluate((text) => {
        const sheet = new DOMParser().parseFromString(text, "image/svg+xml");
        return {
          errors: sheet.querySelectorAll("parsererror").length,
          title: sheet.querySelector("title")?.textContent,
          licence: sheet.querySelector("desc")?.textContent,
          letters: [...sheet.querySelectorAll("path[id]")].map(({ id }) => id).join(""),
        };
      }, new TextDecoder().decode(bytes));
      assert.is(found.errors, 0);
      assert.is(found.title, "Draft alphabet made with latentflow");
      assert.match(found.licence!, /SIL Open Font License 1\.1/);
      assert.is(found.letters, LETTERS);

      const drafted = await pathsOf(page);
      await drawEllipse(page, "o", 5);
      assert.ok(
        await page.$('[aria-label="The letter o, drawn in 1 stroke"]'),
        "it replaces the ready-made o",
      );
      await waitUntil(
        () => pathsOf(page),
        ({ c }) => c !== drafted.c,
        "a c that goes with what is drawn",
      );
    });
  },
);

test("the alphabet follows the pen while it is down, and what is drawn wide makes the others wide", async () => {
  await withPage(chromium, {}, async (page) => {
    await drawEllipse(page, "o", 7);
    await drawEllipse(page, "o", 5);
    assert.ok(await page.$('[aria-label="The letter o, drawn in 2 strokes"]'), "the next is added");
    for (const letter of "noa") await click(page, `Clear ${letter}`);
    await waitUntil(
      () => pathsOf(page),
      ({ e }) => e === "",
      "no alphabet without a letter",
    );
    assert.match(await textOf(page, ".result .caption"), /^Nothing is given yet/);
    await drawEllipse(page, "o", 9, async () => {
      await waitUntil(
        () => pathsOf(page),
        ({ e }) => e !== "",
        "an alphabet while the pen is down",
      );
    });
    const wide = await waitUntil(
      () => pathsOf(page),
      ({ o, c }) => widthOf(o!) > 17 && widthOf(c!) > 13,
      "a wide c",
    );
    // The address has the drawing, to be sent.
    const state = await waitUntil(
      async () => readAddress(new URL(page.url()).hash),
      (read) => !!read?.drawn.every(({ letter, strokes }) => strokes.length === (letter === "o" ? 1 : 0)),
      "the drawing in the address",
    );
    assert.equal(
      state!.drawn.map(({ letter, strokes }) => [letter, strokes.length]),
      [
        ["n", 0],
        ["o", 1],
        ["a", 0],
      ],
    );
    await click(page, "Undo the last stroke of o");
    await drawEllipse(page, "o", 4);
    await waitUntil(
      () => pathsOf(page),
      ({ o, c }) => widthOf(o!) < 12 && widthOf(c!) < widthOf(wide.c!) - 3,
      "a narrow c",
    );
  });
});

testInBoth("a link shows what its sender saw, a bolder variant of a narrow hand", async (browser) => {
  const { letters, hand } = HANDS.find(({ name }) => name === "condensed")!;
  const state = { ...drawnBy(letters, hand), sentence: "no tent", weight: 0.5 };
  await withPage(browser, { state }, async (page) => {
    assert.is(await givenOf(page), "", "a bolder variant has no letter as it was given");
    assert.match(await textOf(page, ".result .caption"), /A variant of the style/);
    assert.is(await page.$eval(".sentence input", (input) => (input as HTMLInputElement).value), "no tent");
    assert.is(await page.$$eval(".box", (all) => all.length), letters.length);
    const bold = await pathsOf(page);
    await click(page, "As given");
    await waitUntil(
      () => givenOf(page),
      (given) => given === "enot",
      "the letters as given",
    );
    // Given letters change at once, the decoder's draft as soon as the worker has decoded it.
    await waitUntil(
      () => pathsOf(page),
      (plain) => [..."bhl"].every((letter) => areaOf(bold[letter]!) > 1.15 * areaOf(plain[letter]!)),
      "thinner letters",
    );
  });
});

test("a font that is dropped gives letters, is never sent, and a broken one is told in a sentence", async () => {
  const host = await serveHome();
  await withPage(chromium, { host }, async (page) => {
    await drop(page, "broken.ttf", font.subarray(0, 3000));
    await page.waitForSelector(".failure");
    assert.match(
      await textOf(page, ".failure"),
      /^broken\.ttf cannot be read as a font\. Choose a TTF, OTF or WOFF file \(not WOFF2\)\.$/,
    );
    assert.is(await givenOf(page), "ano", "the drawn letters are still given");
    const asked = host.requested.length;
    await drop(page, "mine.ttf", font);
    await waitUntil(
      () => textOf(page, ".result .caption"),
      (text) => /are the font’s/.test(text),
      "letters of the font",
    );
    const before = await pathsOf(page);
    await page.waitForFunction(() => document.querySelector(".failure") === null);
    await click(page, "g");
    await waitUntil(
      () => givenOf(page),
      (given) => given === "agno",
      "g as given",
    );
    await waitUntil(
      () => pathsOf(page),
      (paths) => paths.q !== before.q,
      "a q that goes with it",
    );
    const isReader = (path: string) => /^\/assets\/(font-worker|opentype)-[\w-]+\.js$/.test(path);
    const others = host.requested.slice(asked).filter((path) => !isReader(path) && !isPrefetched(path));
    assert.equal(others, [], "nothing is asked for but the reader's own files");
    assert.match(await textOf(page, ".controls .note"), /The font stays in your browser/);
    await page.type(".sentence input", "!");
    const read = await waitUntil(
      async () => readAddress(new URL(page.url()).hash),
      (state) => state !== undefined,
      "an address",
    );
    assert.equal(read!.drawn, firstState().drawn);
  });
});

test("the nearest font is credited, the linear completion and others stand beside it", async () => {
  const host = await serveHome();
  await withPage(chromium, { host }, async (page) => {
    assert.not.ok(
      host.requested.some((path) => path.includes(".npy")),
      "training styles are loaded on demand",
    );
    for (const button of ["Nearest training font", "Linear completion", "Other completions"])
      await click(page, button);
    await page.waitForSelector(".nearest .alphabet");
    assert.match(
      await textOf(page, ".nearest figcaption"),
      /^Nearest training font: .+ \d00( italic)?, by .+\. It shares \d\d %/,
    );
    await page.waitForSelector(".linear .alphabet");
    await page.waitForSelector(".samples figure:nth-of-type(6)");
    const shares = (await textOf(page, ".samples figcaption")).split("|").map(Number.parseFloat);
    assert.ok(shares[0]! >= shares[5]! && shares[5]! >= 0 && shares[0]! <= 100, `${shares}`);
    const best = await pathsOf(page);
    const rows = () =>
      page.$$eval(".pick", (all) =>
        all.map((row) => row.querySelector('[data-letter="g"] path')!.getAttribute("d")),
      );
    const third = (await rows())[2];
    await page.focus(".samples figure:nth-of-type(3) .pick");
    await page.keyboard.press("Enter");
    await waitUntil(
      () => pathsOf(page),
      (paths) => paths.g === third,
      "the third row's alphabet",
    );
    assert.is(await givenOf(page), "ano", "given letters stay as they were given");
    await click(page, "Back to the best fit");
    await waitUntil(
      () => pathsOf(page),
      (paths) => paths.g === best.g,
      "the best fit",
    );
  });
});

test("a bolder pen makes every letter bolder, and the keyboard gives a result", async () => {
  await withPage(chromium, {}, async (page) => {
    const before = await pathsOf(page);
    await page.focus(".sliders input");
    for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowRight");
    await waitUntil(
      () => pathsOf(page),
      (paths) => [..."bdhlmsx"].every((letter) => areaOf(paths[letter]!) > 1.2 * areaOf(before[letter]!)),
      "bolder letters",
    );
    // A box by the keyboard, and the script's letter in it.
    await page.focus(".picker button:nth-of-type(20)");
    await page.keyboard.press("Enter");
    await page.focus('[aria-label="Ready-made t"]');
    await page.keyboard.press("Space");
    await waitUntil(
      () => givenOf(page),
      (given) => given === "anot",
      "a t",
    );
  });
});

test("a broken link says so, and shows the first letters", async () => {
  const page = await newPage(chromium);
  try {
    await page.goto(`${server.address}/typeface.html#v=1&pen=77`);
    await page.waitForSelector(".failure");
    assert.match(await textOf(page, ".failure"), /^This link is broken/);
    await hasAlphabet(page);
    assert.is(await givenOf(page), "ano");
  } finally {
    await page.close();
  }
});

test("the decoder is loaded on its own page alone", async () => {
  const page = await newPage(chromium);
  try {
    const asked = server.requested.length;
    await page.goto(`${server.address}/`);
    await page.waitForSelector(".answer canvas");
    await page.waitForNetworkIdle();
    const large = server.requested
      .slice(asked)
      .filter((path) => /assets\/(decoder.*safetensors|styles|opentype)/.test(path));
    assert.equal(large, []);
  } finally {
    await page.close();
  }
});

test("axe finds nothing on a light desktop and a dark phone; nothing is wider than the window", async () => {
  await withPage(chromium, {}, async (page) => {
    for (const button of ["Linear completion", "Other completions"]) await click(page, button);
    await page.waitForSelector(".linear .alphabet");
    await page.waitForSelector(".samples figure");
    await page.$eval("details", (details) => {
      details.open = true;
    });
    await findsNothing(page, ".typeface, .typeface-notes", "drawn letters");
    await drop(page, "mine.ttf", font);
    await page.waitForSelector(".given-glyph");
    await findsNothing(page, ".typeface", "a font's letters");
  });
});
