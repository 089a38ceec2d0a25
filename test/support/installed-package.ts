import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A project of its own, outside this one, that has installed the package as a user does. */
export interface InstalledPackage {
  /** The project's folder. */
  readonly folder: string;
  /** What `npm pack` made. */
  readonly tarball: string;
  dispose(): void;
}

/**
 * Packs what `npm run build` has built and installs it in an empty project, with a copy of the sources in
 * test/package/NAME.
 *
 * @param names folders of test/package
 * @param others packages to install beside it
 */
export function installPackage(names: readonly string[], others: readonly string[] = []): InstalledPackage {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-package-")));
  const tarball = packPackage(join(folder, "packed"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  npm(["install", "--no-audit", "--no-fund", "--prefer-offline", tarball, ...others], folder);
  for (const name of names) cpSync(join(root, "test/package", name), join(folder, name), { recursive: true });
  return { folder, tarball, dispose: () => rmSync(folder, { recursive: true }) };
}

/**
 * Packs what `npm run build` has built.
 *
 * @param folder for the tarball alone, not there yet
 * @returns the tarball's path
 */
export function packPackage(folder: string): string {
  mkdirSync(folder);
  // Without its scripts: they would build once more, under the feet of the tests that run at the same time.
  npm(["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], root);
  return join(folder, readdirSync(folder)[0]!);
}

function npm(args: readonly string[], folder: string): void {
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}
