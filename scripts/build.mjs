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
    const outputs = await Promise.all([step].flat().map(runCommand));
    if (step === steps.at(-1)) process.stdout.write(outputs.join(""));
  }
}

/**
 * Runs a command; prints what it says where it warns, and ends the build where it fails.
 *
 * @param {string} command
 * @returns {Promise<string>} what it says otherwise
 */
function runCommand(command) {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, PATH }, maxBuffer: Number.POSITIVE_INFINITY };
    exec(command, options, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (error) {
        const reason = error.signal ?? (error.code === undefined ? error.message : `exit code ${error.code}`);
        console.error(`${output}build: ${command} failed with ${reason}`);
        process.exit(1);
      }
      const warns = /\bwarn/i.test(output);
      if (warns) process.stdout.write(output);
      resolve(warns ? "" : output);
    });
  });
}
