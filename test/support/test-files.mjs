// The test files, and what each says of how it is run.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the first line of a test file may say after `// run:`, separated by commas. Without a word a file runs on one Node, in
 * a process shared with the others of its folder.
 * - `both`: on Node 24 as well; the file is about what engines differ in: numbers of the kernels, threads, memory, realms
 * - `newer-node`: on Node 24 only; Dawn, which gives Node WebGPU, does not work with onnxruntime-web on Node 20
 * - `revectorize`: on Node 24, too, with the flag by which V8 computes pairs of vectors in 256 bits: the bits stay the same
 * - `slow`: not by `npm run test:quick`; it takes more than three seconds, or starts browsers or programs
 * - `alone`: slow, and in a process of its own, because it changes its process (environment, globals, memory limits), waits
 *   for long, or is long enough to keep a core busy
 * - `first`: alone, and before the others; a long file that begins last keeps one core busy while the other waits
 */
const WORDS = /** @type {const} */ (["both", "newer-node", "revectorize", "slow", "alone", "first"]);

/** Folders of test/ whose files are data or projects of their own. */
const NO_TESTS = ["fixtures", "vectors", "package", "examples"];

/**
 * A test file.
 * @typedef {object} TestFile
 * @property {string} name its path within test/
 * @property {boolean} runsOnBoth
 * @property {boolean} needsNewerNode
 * @property {boolean} runsRevectorized
 * @property {boolean} isSlow
 * @property {boolean} isAlone
 * @property {boolean} isFirst
 */

/**
 * All files `*.test.ts` in a folder and in its folders, in the order of their names.
 *
 * @param {string} folder
 * @returns {TestFile[]}
 * @throws Error that names a file whose first line says something else than WORDS
 */
export function findTestFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".test.ts") && !NO_TESTS.includes(path.split("/")[0] ?? ""))
    .filter((path) => !path.includes("node_modules/"))
    .sort()
    .map((name) => describe(folder, name));
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {TestFile}
 */
function describe(folder, name) {
  const [, said] = /^\/\/ run: (.*)\n/.exec(readFileSync(join(folder, name), "utf8")) ?? [];
  const words = said?.split(", ") ?? [];
  const unknown = words.find((word) => !WORDS.some((known) => known === word));
  if (unknown !== undefined) {
    throw new Error(`${name}: its first line says "${unknown}" of its run, expected ${WORDS.join(", ")}`);
  }
  const isFirst = words.includes("first");
  const isAlone = isFirst || words.includes("alone");
  return {
    name,
    runsOnBoth: words.includes("both"),
    needsNewerNode: words.includes("newer-node"),
    runsRevectorized: words.includes("revectorize"),
    isSlow: isAlone || words.includes("slow"),
    isAlone,
    isFirst,
  };
}
