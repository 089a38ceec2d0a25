import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** This folder, which is a package of its own: the model and TensorFlow.js are no dependencies of latentflow's. */
export const folder = fileURLToPath(new URL("./", import.meta.url));

/** Where the model's package lies once it is installed. */
export const modelPackage = `${folder}node_modules/@upscalerjs/esrgan-slim/`;

/** Installs, on the first use, what package-lock.json names. */
export function install(): void {
  // npm writes this file last: a folder without it was left half way.
  if (existsSync(`${folder}node_modules/.package-lock.json`)) return;
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  execFileSync("npm", ["ci", ...options], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}
