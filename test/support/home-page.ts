import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Builds the site's home page and its page of typefaces alone, with latent-flow.js beside them.
 *
 * @returns a new folder, to be removed
 */
export function buildHomePage(): string {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-home-"));
  const vitepress = join(root, "node_modules/vitepress/bin/vitepress.js");
  run([vitepress, "build", "site", "--outDir", folder]);
  run([join(root, "scripts/build-element.mjs"), folder]);
  return folder;
}

function run(args: readonly string[]): void {
  const env = { ...process.env, LATENTFLOW_SITE_HOME_ALONE: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", env });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
}
