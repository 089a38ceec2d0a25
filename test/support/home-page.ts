import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSite } from "./vitepress.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Builds the site's home page and its page of typefaces alone, with latent-flow.js beside them.
 *
 * @returns a new folder, to be removed
 */
export function buildHomePage(): string {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-home-"));
  buildSite(folder, { LATENTFLOW_SITE_HOME_ALONE: "1" });
  const args = [join(root, "scripts/build-element.mjs"), folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return folder;
}
