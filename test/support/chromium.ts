import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";

const ARGUMENTS = [
  // As root, as in a container, Chromium has no sandbox.
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A headless Chromium: `$CHROMIUM_PATH`, or one on the PATH, or Debian's, installed where we are root. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [...ARGUMENTS, "--disable-gpu"],
  });
}

/**
 * The same with WebGPU, on SwiftShader where there is no GPU. Chromium has it in a window or in its new headless
 * mode only, which Playwright takes for a window.
 */
export async function launchChromiumWithWebgpu(): Promise<BrowserContext> {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-chromium-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: chromiumPath(),
    headless: false,
    args: [...ARGUMENTS, "--headless=new", "--enable-unsafe-webgpu", "--hide-scrollbars"],
  });
  process.once("exit", () => {
    try {
      rmSync(folder, { recursive: true });
    } catch {
      // A process of Chromium's that is still ending has just written into it: it stays among temporary files.
    }
  });
  return context;
}

function chromiumPath(): string {
  const chosen = process.env.CHROMIUM_PATH;
  if (chosen) {
    if (!existsSync(chosen)) throw new Error(`$CHROMIUM_PATH is ${chosen}, where there is no file`);
    return chosen;
  }
  const path = onPath() ?? (canInstall() ? install() : undefined);
  if (path) return path;
  throw new Error(
    "the browser tests need Chromium: install it (Debian: apt-get install chromium) or set $CHROMIUM_PATH to a Chromium or Chrome",
  );
}

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

function install(): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    execFileSync("apt-get", args, { env, stdio: ["ignore", "ignore", "inherit"] });
  apt("update");
  apt("install", "--yes", "--no-install-recommends", "chromium");
  return onPath();
}
