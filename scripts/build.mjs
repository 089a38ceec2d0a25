// Builds what is published, and what the tests run:
//
//   node scripts/build.mjs           all of it
//   node scripts/build.mjs wasm      the kernels, into build/wasm/, unless those there are of the same sources
//   node scripts/build.mjs library   the library and the program, into build/lib/, from the kernels that are there
//
// It prints the last step's line, the size; what a step says besides only where it warns or fails.
import { exec } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { areKernelsCurrent, rememberKernels, sourcesOfKernels } from "./kernel-state.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
// The compiler's own file starts a second Node, whose death by a signal would look like an error without a word.
const asc = "node --enable-source-maps node_modules/assemblyscript/bin/asc.js";
const targets = Object.keys(JSON.parse(readFileSync(`${root}asconfig.json`, "utf8")).targets);
/** Each part's steps, one after the other; commands of one step run side by side. */
const parts = {
  wasm: [
    targets.map((target) => `${asc} --target ${target}`),
    "node scripts/stamp-wasm.mjs",
    "node scripts/write-structs.mjs",
    "node scripts/embed-wasm.mjs",
  ],
  library: [
    "node scripts/clear-library.mjs",
    "node scripts/bundle.mjs",
    "node scripts/declarations.mjs",
    "node scripts/check-size.mjs",
  ],
};

const [part] = process.argv.slice(2);
const wanted = part === undefined ? Object.keys(parts) : [part];
if (!wanted.every((name) => name in parts)) {
  console.error(`build: there is no part ${part}, the parts are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
const PATH = [`${root}node_modules/.bin`, process.env.PATH].join(delimiter);

if (wanted.includes("wasm") && !areKernelsCurrent(root)) {
  const sources = sourcesOfKernels(root);
  await run(parts.wasm);
  rememberKernels(root, sources);
}
if (wanted.includes("library")) await run(parts.library);

/** @param {(string | string[])[]} steps */
async function run(steps) {
  for (const step of steps) {
    for (const { command, failure, output } of await Promise.all([step].flat().map(runCommand))) {
      if (failure !== undefined) {
        console.error(`${output}build: ${command} failed with ${failure}`);
        process.exit(1);
      }
      if (step === steps.at(-1) || /\bwarn/i.test(output)) process.stdout.write(output);
    }
  }
}

/**
 * @param {string} command
 * @returns {Promise<{ command: string, failure?: string, output: string }>}
 */
function runCommand(command) {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, PATH }, maxBuffer: Number.POSITIVE_INFINITY };
    exec(command, options, (error, stdout, stderr) => {
      const reason =
        error?.signal ?? (error?.code === undefined ? error?.message : `exit code ${error.code}`);
      resolve({ command, output: stdout + stderr, ...(error && { failure: reason ?? "an error" }) });
    });
  });
}
