import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Building the kernels takes half a minute and more: what build/wasm/ holds is kept where it is of the sources as they are.

const BUILT = "build/wasm";
const STATE = join(BUILT, "state.txt");
/** Files that the kernels are built of and by, besides assembly/. */
const OTHERS = [
  "asconfig.json",
  "package.json",
  "node_modules/assemblyscript/package.json",
  ...["build", "stamp-wasm", "write-structs", "embed-wasm"].map((name) => `scripts/${name}.mjs`),
];

/**
 * Are the kernels those of the sources, and as the build has left them? What a build that was broken off has written is
 * not what another one has left.
 * @param {string} root of the repository
 */
export function areKernelsCurrent(root) {
  const file = join(root, STATE);
  return existsSync(file) && readFileSync(file, "utf8") === stateOf(root, sourcesOfKernels(root));
}

/**
 * Hash of the kernels' sources, to be taken before they are built.
 * @param {string} root of the repository
 */
export function sourcesOfKernels(root) {
  return hashOf(root, [...filesIn(root, "assembly"), ...OTHERS]);
}

/**
 * To be called when they have been built. What was changed meanwhile is in some of them, or in none: then nothing is
 * remembered, and they are built again.
 * @param {string} root of the repository
 * @param {string} sources before they were built
 */
export function rememberKernels(root, sources) {
  if (sourcesOfKernels(root) === sources) writeFileSync(join(root, STATE), stateOf(root, sources));
}

/**
 * @param {string} root of the repository
 * @param {string} sources
 */
function stateOf(root, sources) {
  const built = filesIn(root, BUILT).filter((file) => file !== STATE);
  return `${sources} ${hashOf(root, built)}`;
}

/**
 * Hash of the files' names and bytes. A missing file counts as such: the step that needs it reports it.
 * @param {string} root of the repository
 * @param {readonly string[]} files
 */
function hashOf(root, files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const path = join(root, file);
    const bytes = existsSync(path) ? readFileSync(path) : undefined;
    hash.update(`${file} ${bytes?.length}\n`).update(bytes ?? "");
  }
  return hash.digest("hex");
}

/**
 * Their paths from the root, in an order that is always the same. Links that lead nowhere, by which some editors mark
 * what they have open, are none.
 * @param {string} root
 * @param {string} folder
 */
function filesIn(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
    .sort();
}
