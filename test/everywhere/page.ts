import { launch } from "puppeteer-core";
import type { Context } from "./environment.ts";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-gpu",
];

/**
 * What a page shows in its element #report, in Chromium.
 *
 * @throws Error with what the page has thrown and logged, where there is none within a minute
 */
export async function reportOfPage({ signal }: Context, url: string): Promise<string> {
  signal.throwIfAborted();
  const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  const browser = await launch({ executablePath, args: ARGUMENTS, pipe: true });
  const close = () => void browser.close();
  signal.addEventListener("abort", close);
  try {
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("console", (message) => said.push(message.text()));
    page.on("requestfailed", (request) => said.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      if (!response.ok()) said.push(`${response.url()}: ${response.status()}`);
    });
    await page.goto(url);
    const element = await page.waitForSelector("#report", { timeout: 60_000 }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${said.join("\n")}`);
    });
    return (await element!.evaluate(({ textContent }) => textContent)) ?? "";
  } finally {
    signal.removeEventListener("abort", close);
    await browser.close();
  }
}
