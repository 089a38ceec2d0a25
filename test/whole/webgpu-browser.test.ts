// run: first
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "puppeteer-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build, createLogger } from "vite";
import packageJson from "../../package.json" with { type: "json" };
import type { BackendInfo, Status } from "../../src/index.ts";
import { launchChromium, launchChromiumWithWebgpu, newPage, textOf } from "../support/browsers.ts";
import { bundlers, quickWebpack } from "../support/bundlers.ts";
import { installPackage } from "../support/installed-package.ts";
import { serve } from "../support/serve.ts";

/** What test/package/webgpu/scenario.js reports. */
interface Report {
  backend: BackendInfo;
  status: Status[];
  lossError: number;
  decodeError: number;
  atOnceError: number;
  automatic: BackendInfo;
  pictureError: number;
  afterLoss: { incidents: string[]; lossError: number };
  error?: { name: string; code: string; message: string };
}

/** What test/package/webgpu/main.js leaves in the page for a test that kills. */
interface KillablePage {
  encodeUntilKilled(kill: string): Promise<{ incidents: string[]; status: Status[]; lossError: number }>;
}

/** What a strict page has to allow. */
const POLICY = "script-src 'self' 'wasm-unsafe-eval'";

// Not in a hook: uvu keeps the error of a hook to itself.
const user = installPackage(
  ["webgpu", "bundlers"],
  [`onnxruntime-web@${packageJson.peerDependencies["onnxruntime-web"]}`],
);
// One for all: what its GPU's process has compiled for one page it has for the next.
const chromium = await launchChromiumWithWebgpu();
test.after(async () => {
  await chromium.close();
  user.dispose();
});

/** Opens the page that Vite has built and returns what it and its worker report. */
async function openPage(browser: Browser): Promise<{ page: Report; worker: Report }> {
  const server = await serve(join(user.folder, "webgpu/dist"), POLICY);
  const page = await newPage(browser);
  try {
    const uncaught: string[] = [];
    page.on("pageerror", (error) => uncaught.push(String(error)));
    await page.goto(`${server.address}/`);
    const report = await textOf(page, "#report");
    assert.equal(uncaught, []);
    return JSON.parse(report);
  } finally {
    await page.close();
    server.close();
  }
}

test("Vite bundles a page and a worker, with nothing to warn of", async () => {
  const warnings: string[] = [];
  // How long it took on a busy machine is nothing to warn of.
  const rolldownOptions = { checks: { bundlerTimings: false } };
  await build({
    root: join(user.folder, "webgpu"),
    base: "./",
    configFile: false,
    worker: { format: "es", rolldownOptions },
    build: {
      target: "esnext",
      chunkSizeWarningLimit: 2000,
      rolldownOptions,
    },
    customLogger: { ...createLogger("silent"), warn: (message) => warnings.push(message) },
  });
  assert.equal(warnings, []);
});

test("the page and the worker encode on the GPU, two calls at once, and go on after a lost device", async () => {
  for (const [place, report] of Object.entries(await openPage(chromium))) {
    assert.is(report.error, undefined, `${place}: ${JSON.stringify(report.error)}`);
    assert.is(report.backend.name, "webgpu");
    assert.match(report.backend.build, /^onnxruntime-web 1\./);
    assert.ok(report.backend.adapter);
    assert.equal(new Set(report.status), new Set(["reached_t1"]));
    // Losses below 1, so that a float32 is off by 6e-8; some 40 steps amplify that.
    for (const error of [
      report.lossError,
      report.decodeError,
      report.pictureError,
      report.afterLoss.lossError,
    ]) {
      assert.ok(error < 1e-5, `${place}: ${error}`);
    }
    assert.is(report.atOnceError, 0);
    assert.is(report.automatic.name, "wasm");
    assert.match(report.automatic.reason ?? "", /^webgpu: software adapter: .*swiftshader/i);
    assert.equal(report.afterLoss.incidents, ["the device was lost and replaced"]);
  }
});

/** Opens a page of the user's that encodes once, and checks what it reports. */
async function checkPage(path: string, policy: string): Promise<void> {
  const server = await serve(user.folder, policy);
  const page = await newPage(chromium);
  try {
    await page.goto(server.address + path);
    const { error, backend, lossError } = JSON.parse(await textOf(page, "#report"));
    assert.is(error, undefined);
    assert.is(backend, "webgpu");
    assert.ok(lossError < 1e-6, `${lossError}`);
  } finally {
    await page.close();
    server.close();
  }
}

// Vite has its page above.
for (const [name, bundle] of Object.entries({ webpack: quickWebpack, esbuild: bundlers.esbuild! })) {
  test(`a page bundled by ${name} encodes on the GPU`, async () => {
    const outDir = join(user.folder, "bundlers", name);
    const { warnings } = await bundle(join(user.folder, "bundlers"), "./program.js", outDir);
    assert.equal(warnings, []);
    copyFileSync(join(user.folder, "bundlers/index.html"), join(outDir, "index.html"));
    // esbuild leaves it to its user to bring onnxruntime-web's WASM along.
    if (name === "esbuild") {
      const wasm = "ort-wasm-simd-threaded.asyncify.wasm";
      copyFileSync(join(user.folder, "node_modules/onnxruntime-web/dist", wasm), join(outDir, wasm));
    }
    await checkPage(`/bundlers/${name}/`, POLICY);
  });
}

test("so does a page without a bundler, with an import map", async () => {
  // An import map stands in the page itself.
  await checkPage("/bundlers/plain.html", `${POLICY} 'unsafe-inline'`);
});

test("the GPU's process is killed in the middle of a call, which goes on", async () => {
  const server = await serve(join(user.folder, "webgpu/dist"), POLICY);
  const page = await newPage(chromium);
  try {
    await page.goto(`${server.address}/?kill`);
    await page.waitForFunction(() => "encodeUntilKilled" in window);
    const session = await chromium.target().createCDPSession();
    await page.exposeFunction("killGpuProcess", () => session.send("Browser.crashGpuProcess"));
    const { incidents, status, lossError } = await page.evaluate(() =>
      (window as unknown as KillablePage).encodeUntilKilled("killGpuProcess"),
    );
    assert.equal(incidents, ["the device was lost and replaced"]);
    assert.equal(new Set(status), new Set(["reached_t1"]));
    assert.ok(lossError < 1e-5, `${lossError}`);
  } finally {
    await page.close();
    server.close();
  }
});

test("a browser without WebGPU, or without an adapter, gets an error that says what to use", async () => {
  const browser = await launchChromium();
  try {
    for (const { error } of Object.values(await openPage(browser))) {
      assert.is(error?.code, "unsupported");
      assert.match(error?.message ?? "", /no adapter|no WebGPU/);
      assert.match(error?.message ?? "", /use wasm\(\)/);
    }
  } finally {
    await browser.close();
  }
});

test.run();
