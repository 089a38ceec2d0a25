import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** AssemblyScript's standard library is compiled into the kernels. */
const IN_KERNELS = "node_modules/assemblyscript";

/**
 * Writes the licences of all packages whose code is in the kernels or in the bundles: each asks that its text goes with
 * every copy.
 *
 * @param {string} outFile
 * @param {readonly import("esbuild").Metafile[]} bundles
 */
export function writeLicenses(outFile, bundles) {
  const files = bundles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)),
  );
  const folders = new Set([IN_KERNELS, ...files.map(packageFolder).filter((folder) => folder !== undefined)]);
  const separator = `\n${"-".repeat(80)}\n\n`;
  writeFileSync(outFile, [...folders].sort().map(notice).join(separator));
}

/**
 * The folder of the package that a file belongs to, up to `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
 *
 * @param {string} file
 */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** @param {string} folder of a package */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`third-party-licenses: ${folder} has no licence file; say where it is kept`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
