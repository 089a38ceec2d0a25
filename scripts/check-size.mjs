// Prints what `import { encode } from "latentflow"` loads, JavaScript and both WASM binaries, and fails when
// it is over the budget.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const budget = 73_500;
const library = fileURLToPath(new URL("../build/lib/index.js", import.meta.url));

/**
 * The gzipped size of a program's bundle, in bytes.
 * @param {string} program
 */
async function bundledSize(program) {
  const result = await build({
    stdin: { contents: program, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    // Where a chunk has nothing of the program's, an entry's import of it is left out.
    logOverride: { "ignored-bare-import": "silent" },
  });
  return gzipSync(result.outputFiles[0]?.contents ?? "", { level: 9 }).length;
}

const kilobytes = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const path = JSON.stringify(library);
const size = await bundledSize(`import { encode } from ${path}; encode();`);
const whole = await bundledSize(`export * from ${path};`);
// Deflated already, and in base64: gzip brings that back to about the bytes themselves.
const embedded = readFileSync(new URL("../build/wasm/embedded.ts", import.meta.url), "utf8");
const [, base64 = ""] = /deflated =\s*"([^"]+)"/.exec(embedded) ?? [];
const binaries = gzipSync(base64, { level: 9 }).length;
console.log(
  `import { encode }: ${kilobytes(size)} gzipped (binaries ${kilobytes(binaries)}, JavaScript ` +
    `${kilobytes(size - binaries)}), budget ${kilobytes(budget)}; all exports: ${kilobytes(whole)}`,
);
if (size > budget) {
  console.error("check-size: over the budget; what grew?");
  process.exitCode = 1;
}
