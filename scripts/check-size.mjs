// Prints what `import { encode } from "latentflow"` loads, JavaScript and both WASM binaries, and fails when
// it is over the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 40_000;
const file = new URL("../build/lib/index.js", import.meta.url);

const size = gzipSync(readFileSync(file), { level: 9 }).length;
const kilobytes = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`build/lib/index.js: ${kilobytes(size)} gzipped, budget ${kilobytes(budget)}`);
if (size > budget) {
  console.error("check-size: over the budget; what grew?");
  process.exitCode = 1;
}
