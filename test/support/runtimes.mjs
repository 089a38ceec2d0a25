// The Node binaries that tests and benches run on.
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";

/** The major version of the newer of the two. */
export const newerNode = "24";

/** The flag by which V8 computes pairs of vectors in 256 bits. */
export const revectorize = "--experimental-wasm-revectorize";

/**
 * Words for npx that print the path of a binary. What is in npm's cache needs no answer of the registry.
 * @param {number | string} major
 */
const pathOfNode = (major) => [
  ...["--yes", "--prefer-offline", `node@${major}`],
  ...["--print", "process.execPath"],
];

/** The path of a binary of the newer Node, from the npm registry. */
export function findNewerNode() {
  const command = pathOfNode(newerNode);
  return execFileSync("npx", command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** @type {Map<number, Promise<string>>} */
const found = new Map();

/**
 * The path of a binary of any major version of Node: the one that runs this, or one from the npm registry.
 * @param {number} major
 * @returns {Promise<string>}
 */
export function findNode(major) {
  const known = found.get(major);
  if (known) return known;
  const here = process.version.startsWith(`v${major}.`);
  const finding = here ? Promise.resolve(process.execPath) : fetchNode(major);
  found.set(major, finding);
  return finding;
}

/** @param {number} major */
async function fetchNode(major) {
  const command = pathOfNode(major);
  const { stdout } = await promisify(execFile)("npx", command, { encoding: "utf8" });
  return stdout.trim();
}

/**
 * The flags that turn on relaxed SIMD in a Node that has it behind a flag, as Node 20 does.
 * @param {string} node
 */
export function relaxedSimdFlags(node) {
  // One function of one instruction, i32x4.relaxed_trunc_f32x4_s on a zero.
  const probe =
    "0061736d01000000010401600000030201000a1a011800fd0c00000000000000000000000000000000fd81021a0b";
  const validates = `process.exit(WebAssembly.validate(Buffer.from("${probe}", "hex")) ? 0 : 1)`;
  for (const flags of [[], ["--experimental-wasm-relaxed-simd"]]) {
    try {
      execFileSync(node, [...flags, "--eval", validates], { stdio: "ignore" });
      return flags;
    } catch {
      // Not with these.
    }
  }
  return [];
}
