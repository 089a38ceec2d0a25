import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Building the kernels takes half a minute and more: what build/wasm/ holds is kept where it is of the sources as they are.

const BUILT = "build/wasm";
const STATE = join(BUILT, "state.txt");
/** What the kernels are built of and by, beside assembly/. */
const OTHERS = [
  "asconfig.json",
  "package.json",
  "node_modules/assemblyscript/package.json",
  ...["build", "stamp-wasm", "embed-wasm"].map((name) => `scripts/${name}.mjs`),
];

/**
 * Are the kernels those of the sources, and as the build has left them?
 * @param {string} root of the repository
 */
export function areKernelsCurrent(root) {
  const file = join(root, STATE);
  return existsSync(file) && readFileSync(file, "utf8") === stateOf(root);
}

/**
 * To be called before they are built: a build that is broken off leaves nothing that is taken for whole.
 * @param {string} root of the repository
 */
export function forgetKernels(root) {
  rmSync(join(root, STATE), { force: true });
}

/**
 * To be called when they have been built.
 * @param {string} root of the repository
 */
export function rememberKernels(root) {
  writeFileSync(join(root, STATE), stateOf(root));
}

/** @param {string} root of the repository */
function stateOf(root) {
  const hash = createHash("sha256");
  const files = [...filesIn(root, "assembly"), ...OTHERS, ...filesIn(root, BUILT)].filter(
    (file) => file !== STATE,
  );
  for (const file of files) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/**
 * Their paths from the root, in an order that is always the same.
 * @param {string} root
 * @param {string} folder
 */
function filesIn(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
}
