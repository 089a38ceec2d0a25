import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Family } from "./families.ts";

/** Folder of the fonts, a package of its own that git ignores: they are no dependencies of latentflow's. */
export const folder = fileURLToPath(new URL("fonts/", import.meta.url));

/** First line of the licence that all families are under, whatever its case and spaces. */
const OFL = /SIL\s+OPEN\s+FONT\s+LICENSE\s+Version\s+1\.1/i;

/**
 * Installs the families' packages, unless exactly these are there, and checks the licence of each.
 *
 * @throws Error if a package has no licence file, or one without the OFL 1.1
 */
export function install(families: readonly Family[]): void {
  const dependencies = Object.fromEntries(families.map((each) => [each.package, each.version]));
  const wanted = `${JSON.stringify({ private: true, dependencies }, null, 2)}\n`;
  // Written last: a folder without it was left half way.
  const installed = join(folder, "installed.json");
  if (read(installed) !== wanted) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), wanted);
    const options = ["--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", ["install", ...options], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    writeFileSync(installed, wanted);
  }
  for (const family of families) checkLicence(family);
}

function checkLicence(family: Family): void {
  const file = join(folder, "node_modules", family.package, "LICENSE");
  const text = read(file);
  if (text === undefined) throw new Error(`${family.package}: no file ${file}, expected the OFL 1.1`);
  if (family.licence !== "OFL-1.1" || !OFL.test(text)) {
    throw new Error(`${file} is not the OFL 1.1; take ${family.package} out of families.json`);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
