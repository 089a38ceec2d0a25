import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Hashes that tell whether a part of the build is up to date: the kernels take half a minute and more, the library ten seconds.

/**
 * A part of the build.
 * @typedef {object} Part
 * @property {string} built the folder that it writes
 * @property {string} state the file that says of what sources that is, and what the build said
 * @property {readonly string[]} folders of its sources
 * @property {readonly string[]} files that it is built of and by, besides these
 */

/** @typedef {keyof typeof PARTS} PartName */

const scripts = (/** @type {string[]} */ ...names) => names.map((name) => `scripts/${name}.mjs`);

const PARTS = {
  /** @type {Part} */
  wasm: {
    built: "build/wasm",
    state: "build/wasm/state.txt",
    folders: ["assembly"],
    files: [
      ...["asconfig.json", "package.json", "node_modules/assemblyscript/package.json"],
      ...scripts("build", "stamp-wasm", "write-structs", "embed-wasm"),
    ],
  },
  // Its folder is published as it is.
  /** @type {Part} */
  library: {
    built: "build/lib",
    state: "build/library-state.txt",
    folders: ["src", "build/wasm"],
    files: [
      // What npm has installed, in which versions: bundlers, TypeScript, and packages that the program has in it.
      ...["package.json", "tsconfig.json", "node_modules/.package-lock.json"],
      ...scripts(
        "build",
        "clear-library",
        "bundle",
        "entries",
        "third-party-licenses",
        "declarations",
        "check-size",
      ),
    ],
  },
};

/**
 * Returns the output of the last build of a part if the part is up to date: same sources, and its files unchanged since.
 * Undefined otherwise, also after an interrupted build.
 * @param {string} root of the repository
 * @param {PartName} part
 */
export function saidOfCurrent(root, part) {
  const { state } = PARTS[part];
  const file = join(root, state);
  if (!existsSync(file)) return undefined;
  const [, known, said] = /^([^\n]*)\n(.*)$/s.exec(readFileSync(file, "utf8")) ?? [];
  return known === stateOf(root, part, sourcesOf(root, part)) ? said : undefined;
}

/**
 * Hash of a part's sources, to be taken before it is built.
 * @param {string} root of the repository
 * @param {PartName} part
 */
export function sourcesOf(root, part) {
  const { folders, files } = PARTS[part];
  const states = Object.values(PARTS).map(({ state }) => state);
  const sources = folders.flatMap((folder) => filesIn(root, folder));
  return hashOf(root, [...sources.filter((file) => !states.includes(file)), ...files]);
}

/**
 * Records that a part has been built. Records nothing if a source changed during the build, so that it is built again.
 * @param {string} root of the repository
 * @param {PartName} part
 * @param {string} sources before it was built
 * @param {string} [said] what the build has printed
 */
export function rememberBuild(root, part, sources, said = "") {
  if (sourcesOf(root, part) !== sources) return;
  writeFileSync(join(root, PARTS[part].state), `${stateOf(root, part, sources)}\n${said}`);
}

/**
 * @param {string} root of the repository
 * @param {PartName} part
 * @param {string} sources
 */
function stateOf(root, part, sources) {
  const { built, state } = PARTS[part];
  return `${sources} ${hashOf(
    root,
    filesIn(root, built).filter((file) => file !== state),
  )}`;
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
 * Returns the paths of a folder's files from the root, sorted; [] if there is no folder. Skips dangling links, by which some
 * editors mark open files.
 * @param {string} root
 * @param {string} folder none, where it is not there
 */
function filesIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter((path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
    .sort();
}
