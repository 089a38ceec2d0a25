// Groups of tests of tools, which `npm test` leaves out while what they test is as it was when all tests passed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Test files of a group, by how their names in test/ begin, and the paths that it tests: the tools, and folders of src/ where
 * tools use more than public functions. Public functions have tests of their own, which always run.
 * @type {Readonly<Record<string, { tests: readonly string[], of: readonly string[] }>>}
 */
export const GROUPS = {
  reproduce: { tests: ["reproduce/"], of: ["reproduce/", "bench/", "src/train/", "src/adjoint/"] },
  experiments: {
    tests: ["experiments/", "whole/esrgan.test.ts"],
    of: ["experiments/", "reproduce/", "bench/", "src/solver/"],
  },
  bench: { tests: ["bench/"], of: ["bench/"] },
  typefaces: { tests: ["typefaces/"], of: ["examples/typefaces/", "reproduce/", "scripts/"] },
  "the site's modules": { tests: ["site/"], of: ["site/", "examples/", "src/"] },
  "the site's pages": {
    tests: ["whole/page.test.ts", "whole/page/"],
    of: ["site/", "examples/", "bench/site/", "src/", "assembly/", "scripts/"],
  },
  documents: {
    tests: ["documented", "command-line-docs", "docstring-examples", "where-it-runs", "how-to-add"].map(
      (name) => `whole/${name}.test.ts`,
    ),
    of: [
      ...["site/", "scripts/", "src/", "assembly/", "test/", "python/"],
      ...["demo/", "reproduce/", "README", "CONTRIBUTING"],
    ],
  },
  examples: {
    tests: ["whole/examples"],
    of: ["examples/", "demo/", "python/", "site/", "src/", "assembly/"],
  },
  clusters: {
    tests: ["whole/cluster-examples.test.ts"],
    of: ["examples/cluster/", "test/cluster/", "src/cli/"],
  },
  environments: {
    tests: ["whole/everywhere.test.ts"],
    of: ["test/everywhere/", "scripts/", "src/backend/wasm/", "src/kernels/"],
  },
};

/** What every group depends on. `package` begins the names of two files. */
const TOOLS = ["package", "tsconfig.json", "test/run.mjs", "test/support/"];
/** File of the hashes of a run in which all tests passed. */
const RECORD = "build/test/green.json";

/**
 * Hash of the names and contents of each group's tests and of what they test, as they are on the disk; none without git.
 * @param {string} root of the repository
 * @returns {Record<string, string>}
 */
export function hashGroups(root) {
  const words = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const { status, stdout } = spawnSync("git", words, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
  const files =
    status === 0
      ? stdout.split("\0").filter((file) => /[^/]$/.test(file) && existsSync(join(root, file)))
      : [];
  if (files.length === 0) return {};
  /** @type {Map<string, string>} */
  const kept = new Map();
  const hash = (/** @type {string} */ file) => {
    const known =
      kept.get(file) ??
      createHash("sha1")
        .update(readFileSync(join(root, file)))
        .digest("hex");
    kept.set(file, known);
    return `${file} ${known}\n`;
  };
  const hashes = Object.entries(GROUPS).map(([group, { tests, of }]) => {
    const paths = [...TOOLS, ...of, ...tests.map((name) => `test/${name}`)];
    const own = files.filter((file) => paths.some((path) => file.startsWith(path)));
    return [
      group,
      createHash("sha1")
        .update(process.version + own.map(hash).join(""))
        .digest("hex"),
    ];
  });
  return Object.fromEntries(hashes);
}

/**
 * Finds the group of a test file; undefined where the file has none, or one whose hash is another than when all tests passed.
 * @param {string} root
 * @param {Readonly<Record<string, string>>} hashes
 * @returns {(name: string) => string | undefined}
 */
export function findUnchanged(root, hashes) {
  const green = existsSync(join(root, RECORD)) ? JSON.parse(readFileSync(join(root, RECORD), "utf8")) : {};
  const groups = Object.entries(GROUPS).filter(([group]) => hashes[group] && hashes[group] === green[group]);
  return (name) => groups.find(([, { tests }]) => tests.some((start) => name.startsWith(start)))?.[0];
}

/**
 * Keeps the hashes of a run in which all tests passed.
 * @param {string} root
 * @param {Readonly<Record<string, string>>} hashes
 */
export function keepGreen(root, hashes) {
  mkdirSync(dirname(join(root, RECORD)), { recursive: true });
  writeFileSync(join(root, RECORD), JSON.stringify(hashes));
}
