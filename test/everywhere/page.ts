import type { Browser } from "puppeteer-core";
import { launchChromium, newPage, textOf } from "../support/browsers.ts";
import type { Context } from "./environment.ts";

/**
 * What a page shows in its element #report, in Chromium.
 *
 * @throws Error with what the page has thrown and logged, where there is none within two minutes
 */
export async function reportOfPage(context: Context, url: string): Promise<string> {
  return (await openPage(context, url, launchChromium)).report;
}

/** The same in the browser given, which is launched for it and closed; and its version. */
export async function openPage(
  { signal }: Context,
  url: string,
  launch: () => Promise<Browser>,
): Promise<{ version: string; report: string }> {
  signal.throwIfAborted();
  const browser = await launch();
  const close = () => void browser.close();
  signal.addEventListener("abort", close);
  try {
    const page = await newPage(browser);
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("console", (message) => said.push(message.text()));
    page.on("requestfailed", (request) => said.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      if (!response.ok()) said.push(`${response.url()}: ${response.status()}`);
    });
    await page.goto(url);
    const report = await textOf(page, "#report").catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${said.join("\n")}`);
    });
    // "Chrome/140.0.0.0", "firefox/140.0"
    return { version: (await browser.version()).replace(/^.*\//, ""), report };
  } finally {
    signal.removeEventListener("abort", close);
    await browser.close();
  }
}
