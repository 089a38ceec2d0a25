// The test files, and what each says of how it is run.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the first line of a test file may say after `// run:`, separated by commas.
 * - `once`: on one Node; the file is about texts, file formats, the package or programs, or about numbers of ONNX Runtime.
 *   Files about numbers of the kernels, threads, memory or realms are run on both
 * - `newer-node`: on Node 24 only; Dawn, which gives Node WebGPU, does not work with onnxruntime-web on Node 20
 * - `slow`: in a process of its own, and not by `npm run test:quick`: it takes more than three seconds, starts browsers or
 *   programs, or changes its process (environment, globals, memory limits). Files without the word share a process with
 *   those of their folder.
 * - `first`: slow, and before the others; a long file that begins last keeps one core busy while the other waits
 */
const WORDS = /** @type {const} */ (["once", "newer-node", "slow", "first"]);

/** Folders of test/ whose files are data or projects of their own. */
const NO_TESTS = ["fixtures", "vectors", "package", "examples"];

/**
 * A test file.
 * @typedef {object} TestFile
 * @property {string} name its path within test/
 * @property {boolean} runsOnce
 * @property {boolean} needsNewerNode
 * @property {boolean} isSlow
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
  return {
    name,
    runsOnce: words.includes("once"),
    needsNewerNode: words.includes("newer-node"),
    isSlow: words.includes("slow") || words.includes("first"),
    isFirst: words.includes("first"),
  };
}
