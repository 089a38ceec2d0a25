// Makes CommonJS of the ES modules in build/lib, file by file: index.js → index.cjs, index.d.ts → index.d.cts.
// tsup's own CommonJS would hold all that the entries share once in each of them, and a solver made by one entry
// would be unknown to the other.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = fileURLToPath(new URL("../build/lib/", import.meta.url));
const files = readdirSync(folder).filter(
  (file) => /\.js$/.test(file) && !["cli.js", "latentflow.min.js"].includes(file),
);

for (const minify of [false, true]) {
  await build({
    // Of these files the worker's alone is minified, see tsup.config.ts.
    entryPoints: files
      .filter((file) => (file === "latentflow-worker.js") === minify)
      .map((file) => folder + file),
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    target: "es2022",
    minify,
    lineLimit: 160,
    logLevel: "warning",
  });
}
for (const file of readdirSync(folder)) {
  if (file.endsWith(".cjs")) rewrite(file, file, /(require\("\.\/[^"]+)\.js"\)/g, '$1.cjs")');
  if (file.endsWith(".d.ts"))
    rewrite(file, file.replace(".d.ts", ".d.cts"), /(["']\.\/[^"']+)\.js(["'])/g, "$1.cjs$2");
}

/**
 * @param {string} from
 * @param {string} to
 * @param {RegExp} pattern
 * @param {string} replacement
 */
function rewrite(from, to, pattern, replacement) {
  writeFileSync(folder + to, readFileSync(folder + from, "utf8").replace(pattern, replacement));
}
