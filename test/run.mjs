// Runs test/*.test.ts, each file in a process of its own, and ends with the line "N passed, N failed".
//
//   node test/run.mjs              all files
//   node test/run.mjs amd wasm     the files whose names contain "amd" or "wasm"
//
// Files run on the Node that runs this one and again on Node 24, since the engines differ in what they make of
// the same WASM; test/special-files.mjs has those that do not, and those that are begun first.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { needsNewerNode, runsOnce, slowest } from "./special-files.mjs";
import { runFile, stopAll } from "./support/run-file.mjs";
import { findNewerNode, newerNode, relaxedSimdFlags } from "./support/runtimes.mjs";

const filesAtOnce = 2;
/** In seconds, for a file; a busy machine takes several times as long as an idle one. */
const timeLimit = 600;

const folder = dirname(fileURLToPath(import.meta.url));
process.chdir(dirname(folder));
const files = chooseFiles(process.argv.slice(2));
const isNewer = process.version.startsWith(`v${newerNode}.`);
const here = files.filter((file) => isNewer || !needsNewerNode.includes(file));
const jobs = makeJobs(process.execPath, here);
const onNewer = files.filter((file) => !runsOnce.includes(file));
if (onNewer.length > 0 && !isNewer) jobs.push(...makeJobs(findNewerNode(), onNewer));
/** @param {{ file: string }} job */
const turnOf = ({ file }) => (slowest.includes(file) ? slowest.indexOf(file) : slowest.length);
jobs.sort((a, b) => turnOf(a) - turnOf(b));

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, async () => {
    jobs.length = 0;
    await stopAll();
    process.exit(1);
  });
}

let passed = 0;
let failed = 0;
await Promise.all(Array.from({ length: filesAtOnce }, work));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function work() {
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    const result = await runFile(job.command, timeLimit);
    passed += result.passed;
    failed += result.failed;
    const time = `${result.seconds.toFixed(1)} s`;
    if (result.problem) {
      console.log(`FAILED ${job.name}: ${result.problem} (${time})\n${result.output.trimEnd()}\n`);
    } else {
      console.log(`passed ${job.name}: ${result.passed} tests (${time})`);
    }
  }
}

/** @param {string[]} patterns */
function chooseFiles(patterns) {
  const all = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
  const missing = [...runsOnce, ...needsNewerNode, ...slowest].filter((file) => !all.includes(file));
  if (missing.length > 0) {
    const names = [...new Set(missing)].join(", ");
    console.error(
      `test/special-files.mjs: there is no ${names} in test/; put a renamed file's new name there, or take it out`,
    );
    process.exit(1);
  }
  const unmatched = patterns.filter((pattern) => !all.some((file) => file.includes(pattern)));
  if (all.length === 0 || unmatched.length > 0) {
    console.error(`test/run.mjs: no test file matches ${unmatched.join(", ") || "test/*.test.ts"}`);
    process.exit(1);
  }
  return patterns.length === 0 ? all : all.filter((file) => patterns.some((part) => file.includes(part)));
}

/**
 * @param {string} node the path of a Node binary
 * @param {string[]} names test files
 */
function makeJobs(node, names) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const flags = relaxedSimdFlags(node);
  return names.map((name) => ({
    file: name,
    name: `${name} on Node ${version}`,
    command: [node, "--expose-gc", ...flags, "--import", "tsx", join(basename(folder), name)],
  }));
}
