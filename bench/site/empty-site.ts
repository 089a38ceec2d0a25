import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Builds a site of VitePress's theme with one empty page: what no page of the theme can go below.
 *
 * @returns its folder, and a function that removes it
 */
export function buildEmptySite(): { readonly folder: string; remove(): void } {
  // Within the repository, from where VitePress finds Vue.
  mkdirSync(join(root, "out"), { recursive: true });
  const source = mkdtempSync(join(root, "out/empty-site-"));
  writeFileSync(join(source, "index.md"), "---\nlayout: home\n---\n\nNothing.\n");
  const folder = join(source, "dist");
  const vitepress = join(root, "node_modules/vitepress/bin/vitepress.js");
  execFileSync(process.execPath, [vitepress, "build", source, "--outDir", folder], { stdio: "pipe" });
  return { folder, remove: () => rmSync(source, { recursive: true }) };
}
