// Runs test/*.test.ts, each file in a process of its own, and ends with the line "N passed, N failed".
//
//   node test/run.mjs              all files
//   node test/run.mjs amd wasm     the files whose names contain "amd" or "wasm"
//
// Files run on the Node that runs this one and again on Node 24, since the engines differ in what they make of
// the same WASM; all but those that are about the package, its programs and files rather than about numbers. Those that
// compute on a GPU run on Node 24 only: Dawn, which gives Node WebGPU, does not work with onnxruntime-web on Node 20.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFile, stopAll } from "./support/run-file.mjs";
import { findNewerNode, newerNode, relaxedSimdFlags } from "./support/runtimes.mjs";

const runsOnce = [
  "bench-page.test.ts",
  "browser.test.ts",
  "build.test.ts",
  "checkpoint-file.test.ts",
  "checkpoint-kill.test.ts",
  "checkpoint-lock.test.ts",
  "cli.test.ts",
  "cli-decoder.test.ts",
  "cli-files.test.ts",
  "cli-flags.test.ts",
  "cli-fixed.test.ts",
  "cli-inputs.test.ts",
  "cli-parquet.test.ts",
  "cli-priors.test.ts",
  "cli-progress.test.ts",
  "cli-runs.test.ts",
  "cli-train.test.ts",
  "cli-train-decoders.test.ts",
  "cli-training-options.test.ts",
  "cluster-examples.test.ts",
  "command-line-docs.test.ts",
  "documented.test.ts",
  // Installs a package in a folder of the repository, which two runs at a time would do over each other.
  "esrgan.test.ts",
  "everywhere.test.ts",
  "examples-folders.test.ts",
  "examples.test.ts",
  "file-kind.test.ts",
  "fuzz.test.ts",
  // What the compiler says, and what a program does that is killed.
  "how-to-add.test.ts",
  "imports.test.ts",
  "package.test.ts",
  "published.test.ts",
  "reproduce.test.ts",
  "runner.test.ts",
  "shards-faults.test.ts",
  "shards-hostile.test.ts",
  "shards-killed.test.ts",
  "training-log.test.ts",
  "webgpu-browser.test.ts",
  "where-it-runs.test.ts",
];
const needsNewerNode = [
  "webgpu-auto.test.ts",
  "webgpu-device.test.ts",
  "webgpu-kinds.test.ts",
  "webgpu-objective.test.ts",
  "webgpu-priors.test.ts",
  "webgpu-solvers.test.ts",
];
/** They are begun first, in this order: one that is begun last keeps a single core busy while the other waits. */
const slowest = [
  "webgpu-kinds.test.ts",
  "webgpu-browser.test.ts",
  "package.test.ts",
  "webgpu-solvers.test.ts",
  "bench-page.test.ts",
  "cli-files.test.ts",
  "how-to-add.test.ts",
  "browser.test.ts",
  "fuzz.test.ts",
  "cli-runs.test.ts",
  "reproduce.test.ts",
  "everywhere.test.ts",
  "examples.test.ts",
  "webgpu-device.test.ts",
  "shards-faults.test.ts",
  "cli-priors.test.ts",
  "esrgan.test.ts",
  "operations.test.ts",
  "webgpu-operations.test.ts",
  "webgpu-priors.test.ts",
  "webgpu-objective.test.ts",
];
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
