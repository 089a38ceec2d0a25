// Prints what `import { encode } from "latentflow"` and a default call on one thread load, JavaScript and both WASM
// binaries, and what other calls load besides; fails if the first is over the budget.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const budget = 60_600;
const library = fileURLToPath(new URL("../build/lib/index.js", import.meta.url));
const path = JSON.stringify(library);

const { files, load } = await bundleOf(`import { encode } from ${path}; encode();`);
const loaded = load("stdin.js");
const size = sizeOf(loaded);
// Deflated already, and in base64: gzip brings that back to about the bytes themselves.
const embedded = readFileSync(new URL("../build/wasm/embedded.ts", import.meta.url), "utf8");
const [, base64 = ""] = /deflated =\s*"([^"]+)"/.exec(embedded) ?? [];
const binaries = gzipSync(base64, { level: 9 }).length;
const more = (/** @type {string} */ entry) => {
  const name = [...files.keys()].find((file) => file.startsWith(`${entry}-`)) ?? "";
  return kilobytes(sizeOf(new Set([...load(name)].filter((file) => !loaded.has(file)))));
};
const all = await bundleOf(`export * from ${path};`);
console.log(
  `import { encode }: ${kilobytes(size)} gzipped (binaries ${kilobytes(binaries)}, JavaScript ` +
    `${kilobytes(size - binaries)}), budget ${kilobytes(budget)}; several threads: ${more("shared-session")} more; ` +
    `other solvers, custom losses, saveAt, training: ${more("objectives")} more; ` +
    `all exports: ${kilobytes([...all.files.values()].reduce((sum, file) => sum + file.size, 0))}`,
);
if (size > budget) {
  console.error("check-size: over the budget; what grew?");
  process.exitCode = 1;
}

/**
 * Files of a program's bundle by their names, with the files that each imports at once and its gzipped size in bytes.
 *
 * @param {string} program
 */
async function bundleOf(program) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: "." },
    outdir: "out",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    write: false,
    metafile: true,
    // Where a chunk has nothing of the program's, an entry's import of it is left out.
    logOverride: { "ignored-bare-import": "silent" },
  });
  const files = new Map(
    Object.entries(metafile.outputs).map(([path, { imports }]) => {
      const name = basename(path);
      const contents = outputFiles.find((file) => basename(file.path) === name)?.contents ?? "";
      const atOnce = imports.filter(({ kind }) => kind === "import-statement");
      const size = gzipSync(contents, { level: 9 }).length;
      return [name, { size, imports: atOnce.map((imported) => basename(imported.path)) }];
    }),
  );
  const load = (/** @type {string} */ name, /** @type {Set<string>} */ seen = new Set()) => {
    if (!seen.has(name)) {
      seen.add(name);
      for (const imported of files.get(name)?.imports ?? []) load(imported, seen);
    }
    return seen;
  };
  return { files, load };
}

/** @param {ReadonlySet<string>} names */
function sizeOf(names) {
  return [...names].reduce((sum, name) => sum + (files.get(name)?.size ?? 0), 0);
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
