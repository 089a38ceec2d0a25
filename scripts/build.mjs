// Builds what is published, and what the tests run:
//
//   node scripts/build.mjs           all of it
//   node scripts/build.mjs wasm      the kernels, into build/wasm/, unless those there are of the same sources
//   node scripts/build.mjs library   the library and the program, into build/lib/, from the kernels that are there, unless
//                                    what is there is of the same sources
//
// It prints the last step's line, the size; what a step says besides only where it warns or fails.
import { exec } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { rememberBuild, saidOfCurrent, sourcesOf } from "./build-state.mjs";

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

const names = /** @type {(keyof typeof parts)[]} */ (Object.keys(parts));
const [only] = process.argv.slice(2);
const wanted = only === undefined ? names : names.filter((name) => name === only);
if (wanted.length === 0) {
  console.error(`build: there is no part ${only}, the parts are ${names.join(", ")}`);
  process.exit(2);
}
const PATH = [`${root}node_modules/.bin`, process.env.PATH].join(delimiter);

for (const part of wanted) {
  const said = saidOfCurrent(root, part);
  if (said !== undefined) {
    process.stdout.write(said);
    continue;
  }
  const sources = sourcesOf(root, part);
  rememberBuild(root, part, sources, await run(parts[part]));
}

/**
 * @param {(string | string[])[]} steps
 * @returns what was printed
 */
async function run(steps) {
  let printed = "";
  for (const step of steps) {
    for (const { command, failure, output } of await Promise.all([step].flat().map(runCommand))) {
      if (failure !== undefined) {
        console.error(`${output}build: ${command} failed with ${failure}`);
        process.exit(1);
      }
      if (step !== steps.at(-1) && !/\bwarn/i.test(output)) continue;
      process.stdout.write(output);
      printed += output;
    }
  }
  return printed;
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
