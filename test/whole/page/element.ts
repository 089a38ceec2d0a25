import { copyFileSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { Page } from "puppeteer-core";
import * as assert from "uvu/assert";
import packageJson from "../../../package.json" with { type: "json" };
import { newPage } from "../../support/browsers.ts";
import { serve } from "../../support/serve.ts";
import { EXAMPLE } from "./example.ts";
import { chromium, files, home, test, testInBoth, waitUntil } from "./harness.ts";

// The element <latent-flow> in pages of others.

const root = fileURLToPath(new URL("../../..", import.meta.url));
const { onnx: ONNX, picture: PICTURE } = EXAMPLE;

testInBoth("the element works in a page of another server", async (browser) => {
  const [code = ""] = /(?<=```html\n)[\s\S]+?(?=```)/.exec(
    readFileSync(join(root, "site/guides/embed.md"), "utf8"),
  )!;
  const assets = mkdtempSync(join(files, "assets-"));
  copyFileSync(join(home, "latent-flow.js"), join(assets, "latent-flow.js"));
  writeFileSync(join(assets, "decoder.onnx"), ONNX);
  writeFileSync(join(assets, "picture.png"), PICTURE);
  const far = await serve(assets, undefined, { "Access-Control-Allow-Origin": "*" });
  const closed = await serve(assets, undefined);
  const folder = mkdtempSync(join(files, "foreign-"));
  const elsewhere = code.replace(/"(latent-flow\.js|decoder\.onnx|picture\.png)"/g, `"${far.address}/$1"`);
  const listens = `<script>
    globalThis.changes = []; globalThis.errors = [];
    document.addEventListener("change", ({ detail }) => changes.push([...detail.z].concat(detail.x.length)));
    document.querySelector("latent-flow").addEventListener("error", ({ message }) => errors.push(message));
  </script>`;
  writeFileSync(join(folder, "index.html"), elsewhere + listens);
  writeFileSync(
    join(folder, "refused.html"),
    elsewhere.replace(/(?<=decoder=")[^"]+(?=\/)([^"]+)/, `${closed.address}$1?token=abc`) + listens,
  );
  const csp = `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' ${far.address}; worker-src blob:; style-src 'self'`;
  const near = await serve(folder, csp);
  const page = await newPage(browser);
  try {
    type Window = { changes: number[][]; errors: string[] };
    const latest = async () => (await page.evaluate(() => (globalThis as unknown as Window).changes)).at(-1);
    await page.goto(`${near.address}/`);
    await page.waitForFunction(() => (globalThis as unknown as Window).changes.length > 0);
    const first = await latest();
    assert.is(first!.length, 11);
    assert.is(first![10], 3 * 32 * 32);
    // The keyboard hides more: another code is found.
    await page.evaluate(() => {
      const { shadowRoot } = document.querySelector("latent-flow")!;
      shadowRoot!.getElementById("given")!.focus();
    });
    for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => (globalThis as unknown as Window).changes.length > 1);
    assert.not.equal(await latest(), first);
    await page.evaluate(() => document.querySelector("latent-flow")!.setAttribute("solver", "newton"));
    await page.waitForFunction(() => (globalThis as unknown as Window).errors.length > 0);
    const message = await page.evaluate(() => (globalThis as unknown as Window).errors[0]);
    assert.match(message!, /solver is "newton", expected lbfgs, amd/);
    const shown = await page.evaluate(
      () => document.querySelector("latent-flow")!.shadowRoot!.getElementById("state")!.textContent,
    );
    assert.is(shown, message);

    await page.goto(`${near.address}/refused.html`);
    await page.waitForFunction(() => (globalThis as unknown as Window).errors.length > 0);
    const refusal = await page.evaluate(() => (globalThis as unknown as Window).errors[0]);
    assert.match(refusal!, /decoder\.onnx\?… cannot be read: .*Access-Control-Allow-Origin/);
    assert.not.match(refusal!, /token/);
  } finally {
    await page.close();
    for (const each of [far, closed, near]) each.close();
  }
});

test("the guide's page with the npm package's decoder draws digits; its script may be missing", async () => {
  const [, code] = [
    ...readFileSync(join(root, "site/guides/embed.md"), "utf8").matchAll(/(?<=```html\n)[\s\S]+?(?=```)/g),
  ].map(([block]) => block);
  const cdn = `https://cdn.jsdelivr.net/npm/latentflow@${packageJson.version}`;
  assert.ok(code!.includes(`"${cdn}/demo/convolutional.safetensors"`), code);
  const npm = await serve(root, undefined, { "Access-Control-Allow-Origin": "*" });
  const folder = mkdtempSync(join(files, "teacher-"));
  writeFileSync(join(folder, "index.html"), code!.replace(cdn, npm.address));
  const page = await newPage(chromium);
  try {
    const address = pathToFileURL(join(folder, "index.html")).href;
    await page.goto(address);
    const shown = await page.$eval("latent-flow", ({ shadowRoot, textContent }) => [shadowRoot, textContent]);
    assert.equal(shown, [null, "Loading"]);
    copyFileSync(join(home, "latent-flow.js"), join(folder, "latent-flow.js"));
    await page.goto(address);
    await page.waitForFunction(
      () =>
        document.querySelector("latent-flow")!.shadowRoot!.getElementById("state")!.textContent ===
        "Draw on the left.",
    );
  } finally {
    await page.close();
    npm.close();
  }
});

test("the element is as large as the guide says", () => {
  const [, kilobytes] = /(\d+) kB gzipped/.exec(readFileSync(join(root, "site/guides/embed.md"), "utf8"))!;
  const file = join(home, "latent-flow.js");
  const size = gzipSync(readFileSync(file), { level: 9 }).length / 1000;
  assert.ok(Math.abs(size - Number(kilobytes)) < 10, `${size} kB of ${statSync(file).size} bytes`);
});

test("the element lets go of the pen and of its workers when it is moved", async () => {
  const page = await newPage(chromium);
  try {
    const folder = await openElement(page);
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    const { x, y, width } = await page.evaluate(() => {
      const given = document.querySelector("latent-flow")!.shadowRoot!.getElementById("given")!;
      return given.getBoundingClientRect().toJSON() as DOMRect;
    });
    await page.mouse.move(x + 0.2 * width, y + 0.2 * width);
    await page.mouse.down();
    await page.evaluate(() => {
      const element = document.querySelector("latent-flow")!;
      element.remove();
      Object.assign(globalThis, { element, changes: 0 });
    });
    await page.mouse.up();
    await page.evaluate(async () => {
      const { element } = globalThis as unknown as { element: Element };
      for (let i = 0; i < 60; i++) {
        document.body.append(element);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    const given = () =>
      page.evaluate(() => {
        const { shadowRoot } = document.querySelector("latent-flow")!;
        return (shadowRoot!.getElementById("given") as HTMLCanvasElement).toDataURL();
      });
    const before = await given();
    await page.mouse.move(x + 0.8 * width, y + 0.8 * width, { steps: 4 });
    assert.is(await given(), before);
    await waitUntil(
      async () => page.workers().length,
      (count) => count === 1,
      "one worker",
    );
    folder.close();
  } finally {
    await page.close();
  }
});

test("the element works where trusted types are required, and says what a stricter page has to allow", async () => {
  const page = await newPage(chromium);
  const state = () =>
    document.querySelector("latent-flow")!.shadowRoot!.getElementById("state")!.textContent ?? "";
  try {
    const trusted = await openElement(page, "require-trusted-types-for 'script'");
    await page.waitForFunction(() => (globalThis as unknown as { changes: number }).changes > 0);
    trusted.close();
    for (const policy of ["worker-src 'none'", "require-trusted-types-for 'script'; trusted-types other"]) {
      const refused = await openElement(page, policy);
      await page.waitForFunction(() => (globalThis as unknown as { errors: number }).errors > 0);
      assert.match(await page.evaluate(state), /has to allow worker-src blob: .*trusted-types latent-flow/);
      refused.close();
    }
  } finally {
    await page.close();
  }
});

/** Opens a page with the element and the example's files, whose changes and errors it counts. */
async function openElement(page: Page, policy?: string): Promise<{ close(): void }> {
  const folder = mkdtempSync(join(files, "element-"));
  copyFileSync(join(home, "latent-flow.js"), join(folder, "latent-flow.js"));
  writeFileSync(join(folder, "decoder.onnx"), ONNX);
  writeFileSync(join(folder, "picture.png"), PICTURE);
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html>
    <script>
      globalThis.changes = globalThis.errors = 0;
      addEventListener("change", () => changes++);
      addEventListener("error", () => errors++, true);
    </script>
    <script src="latent-flow.js"></script>
    <latent-flow decoder="decoder.onnx" picture="picture.png"></latent-flow>`,
  );
  const near = await serve(folder, policy);
  await page.goto(`${near.address}/`);
  return near;
}
