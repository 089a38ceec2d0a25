import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type LaunchOptions, launch, type Page } from "puppeteer-core";
import { findOrInstall } from "./debian.ts";
import { PATIENCE } from "./patience.ts";

const CHROMIUM_ARGUMENTS = [
  // As root, as in a container, Chromium has no sandbox.
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const options: LaunchOptions = { headless: true, timeout: PATIENCE, protocolTimeout: PATIENCE };

/** A headless Chromium: `$CHROMIUM_PATH`, or one on the PATH, or Debian's, installed where we are root. */
export function launchChromium(): Promise<Browser> {
  return launchWith([...CHROMIUM_ARGUMENTS, "--disable-gpu"]);
}

/** The same with WebGPU, on SwiftShader where there is no GPU. */
export function launchChromiumWithWebgpu(): Promise<Browser> {
  // As in `startDawn`: each page would have V8 optimise onnxruntime-web's WASM once more.
  const flags = "--js-flags=--wasm-tiering-budget=300000000";
  return launchWith([...CHROMIUM_ARGUMENTS, "--enable-unsafe-webgpu", "--hide-scrollbars", flags]);
}

function launchWith(args: string[]): Promise<Browser> {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const executablePath = findBrowser("chromium", names, "CHROMIUM_PATH", "a Chromium or Chrome");
  // Over a pipe: the browser ends with this process, however that ends.
  return launch({ ...options, executablePath, args, pipe: true });
}

/** A headless Firefox: `$FIREFOX_PATH`, or one on the PATH, or Debian's, installed where we are root. */
export function launchFirefox(): Promise<Browser> {
  const executablePath = findBrowser("firefox-esr", ["firefox-esr", "firefox"], "FIREFOX_PATH", "a Firefox");
  // Frames a second: Firefox paints by software, and pages that play would paint sixty.
  const extraPrefsFirefox = { "layout.frame_rate": 10 };
  return launch({ ...options, browser: "firefox", executablePath, extraPrefsFirefox });
}

/**
 * @param debian the package's name
 * @param names what it may be called on the PATH
 * @param variable the environment's variable that chooses another
 */
function findBrowser(debian: string, names: readonly string[], variable: string, what: string): string {
  const chosen = process.env[variable];
  if (chosen) {
    if (!existsSync(chosen)) throw new Error(`$${variable} is ${chosen}, where there is no file`);
    return chosen;
  }
  const folders = (process.env.PATH ?? "").split(delimiter);
  const files = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return findOrInstall(debian, () => files.find((file) => existsSync(file)), `set $${variable} to ${what}`);
}

/** A new page of a browser, which is waited for with patience. */
export async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  return page;
}

/** What an element of the page says, once it is there. */
export async function textOf(page: Page, selector: string, timeout = PATIENCE): Promise<string> {
  try {
    const element = await page.waitForSelector(selector, { timeout });
    return (await element?.evaluate(({ textContent }) => textContent)) ?? "";
  } catch (error) {
    const shown = await page.evaluate(() => document.documentElement.innerHTML).catch(String);
    const { message, cause } = error as Error;
    throw new Error(`${message} (${cause}) in ${page.url()}, which has ${shown}`);
  }
}
