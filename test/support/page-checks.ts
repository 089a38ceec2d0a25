import axe from "axe-core";
import type { Page } from "puppeteer-core";

/** Bytes that a page saves once `save` has been called. */
export async function savedBytes(page: Page, save: () => Promise<void>): Promise<Uint8Array> {
  await page.evaluate(() => {
    const create = URL.createObjectURL.bind(URL);
    const taken = new Promise<string>((resolve) => {
      URL.createObjectURL = (blob: Blob) => {
        blob
          .arrayBuffer()
          .then((buffer) =>
            resolve(btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))),
          );
        return create(blob);
      };
    });
    Object.assign(globalThis, { taken });
  });
  await save();
  const text = await page.evaluate(() => (globalThis as unknown as { taken: Promise<string> }).taken);
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** What axe finds within an element, a line each. */
export async function axeProblems(page: Page, selector: string): Promise<string> {
  await page.evaluate(axe.source);
  const problems = await page.evaluate(async (selector) => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run(
      selector,
    );
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  }, selector);
  return problems.join("\n");
}
