// Runs test/**/*.test.ts and ends with the line "N passed, N failed".
//
//   node test/run.mjs              all files, but for tests of tools that have not changed since all passed
//   node test/run.mjs --all        all files
//   node test/run.mjs --quick      the files that are not slow, on this Node alone
//   node test/run.mjs amd wasm     the files whose names contain "amd" or "wasm"
//
// They are compiled once, into build/test/, and run from there. The files of a folder share a process, unless they were asked
// for by name. They run on the Node that runs this one; a file's first line may say that it needs a process of its own, or
// Node 24 as well, where the engines differ in what they make of the same WASM: see support/test-files.mjs. Tests of tools are those of
// support/unchanged.mjs.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiledPath, compileModules } from "./support/compile.mjs";
import { runFile, stopAll } from "./support/run-file.mjs";
import { findNewerNode, newerNode, relaxedSimdFlags, revectorize } from "./support/runtimes.mjs";
import { findTestFiles } from "./support/test-files.mjs";
import { findUnchanged, hashGroups, keepGreen } from "./support/unchanged.mjs";

/** One more than a small machine has cores: tests of browsers and of killed processes wait for much of their time. */
const filesAtOnce = 3;
/**
 * Longest silence of a test file, in seconds: only what hangs is silent for so long. uvu prints a mark after every test, and no
 * test, nor what its file does before the first one, takes a minute on an idle machine.
 */
const longestSilence = 1800;
/** For the second Node: see support/builds.ts. */
const withoutDebug = { LATENTFLOW_TEST_WITHOUT_DEBUG: "1" };
/** Files named at the end as those that took longest. */
const slowestNamed = 5;

const folder = dirname(fileURLToPath(import.meta.url));
const root = dirname(folder);
process.chdir(root);
const timesFile = join(root, "build/test/times.json");
const [option] = process.argv.slice(2);
const isQuick = option === "--quick";
const isAll = option === "--all";
const patterns = isQuick || isAll ? [] : process.argv.slice(2);
/** What the tests of tools depend on now; of a run of all files only, since no other one can be green. */
const hashes = isQuick || patterns.length > 0 ? undefined : hashGroups(root);
const groupOf = hashes && !isAll ? findUnchanged(root, hashes) : () => undefined;
const chosen = chooseFiles(patterns).filter((file) => !isQuick || !(file.isSlow || file.needsNewerNode));
const files = chosen.filter(({ name }) => groupOf(name) === undefined);
if (files.length < chosen.length) console.log(`${describeLeftOut()}; --all runs them`);
await compileModules(root, basename(folder));
const isNewer = process.version.startsWith(`v${newerNode}.`);
const here = files.filter(({ needsNewerNode }) => isNewer || !needsNewerNode);
const jobs = makeJobs(process.execPath, here);
const onNewer = files.filter(({ runsOnBoth, needsNewerNode }) => runsOnBoth || needsNewerNode);
if (onNewer.length > 0 && !isNewer && !isQuick)
  jobs.push(...makeJobs(findNewerNode(), onNewer, [], withoutDebug));
const revectorized = files.filter(({ runsRevectorized }) => runsRevectorized);
if (revectorized.length > 0 && !isQuick) {
  jobs.push(
    ...makeJobs(isNewer ? process.execPath : findNewerNode(), revectorized, [revectorize], withoutDebug),
  );
}
/** Seconds that each job took when it ran last: the longest begin first, so that the cores are busy to the end. */
const lastTimes = readTimes();
const expected = (/** @type {{ name: string, files: number }} */ { name, files }) => lastTimes[name] ?? files;
jobs.sort((a, b) => a.turn - b.turn || expected(b) - expected(a));
/** Each file counts, once for each Node that it runs on. */
const fileCount = jobs.reduce((sum, job) => sum + job.files, 0);

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, async () => {
    jobs.length = 0;
    await stopAll();
    process.exit(1);
  });
}

let passed = 0;
let failed = 0;
let done = 0;
/** @type {{ name: string, seconds: number }[]} */
const times = [];
const started = performance.now();
/** Times at which each of the `filesAtOnce` had nothing more to do, in seconds. */
const ends = await Promise.all(Array.from({ length: filesAtOnce }, work));
writeFileSync(timesFile, JSON.stringify(lastTimes));
times.sort((a, b) => b.seconds - a.seconds);
const slowest = times.slice(0, slowestNamed).map(({ name, seconds }) => `${name} (${seconds.toFixed(1)} s)`);
if (fileCount > slowestNamed) {
  const alone = Math.max(...ends) - Math.min(...ends);
  console.log(`slowest: ${slowest.join(", ")}`);
  console.log(
    `${Math.max(...ends).toFixed(0)} s, in the last ${alone.toFixed(0)} of which one file was left`,
  );
}
if (hashes && failed === 0 && done === fileCount) keepGreen(root, hashes);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function work() {
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    const result = await runFile(job.command, longestSilence, job.variables);
    times.push(...timesOf(job, result));
    lastTimes[job.name] = result.seconds;
    passed += result.passed;
    failed += result.failed;
    const time = `${result.seconds.toFixed(1)} s`;
    done += job.files;
    const place = `${done} of ${fileCount}`;
    if (result.problem) {
      console.log(`${place}: FAILED ${job.name}: ${result.problem} (${time})\n${result.output.trimEnd()}\n`);
    } else {
      console.log(`${place}: passed ${job.name}: ${result.passed} tests (${time})`);
    }
  }
  return (performance.now() - started) / 1000;
}

/** The groups that are left out, with the number of their files. */
function describeLeftOut() {
  const groups = chosen.map(({ name }) => groupOf(name)).filter((group) => group !== undefined);
  const counts = [...new Set(groups)].map(
    (group) => `${group} (${groups.filter((each) => each === group).length} files)`,
  );
  return `not run, unchanged since all tests passed: ${counts.join(", ")}`;
}

/** @returns {Record<string, number>} */
function readTimes() {
  try {
    return JSON.parse(readFileSync(timesFile, "utf8"));
  } catch {
    // There was no run, or it was ended while it wrote.
    return {};
  }
}

/**
 * How long each file of a job took: run-together.mjs says it of the files that share a process.
 * @param {{ name: string, where: string }} job
 * @param {import("./support/run-file.mjs").FileResult} result
 * @returns {{ name: string, seconds: number }[]}
 */
function timesOf({ name, where }, { output, seconds }) {
  const said = [...output.matchAll(/^ {2}Took: +([\d.]+) s (\S+)$/gm)];
  if (said.length === 0) return [{ name, seconds }];
  return said.map(([, time, file]) => ({ name: `${file} ${where}`, seconds: Number(time) }));
}

/**
 * The files whose paths contain one of the patterns; without patterns all.
 * @param {string[]} patterns
 */
function chooseFiles(patterns) {
  const all = findTestFiles(folder);
  const unmatched = patterns.filter((pattern) => !all.some(({ name }) => name.includes(pattern)));
  if (all.length === 0 || unmatched.length > 0) {
    console.error(`test/run.mjs: no test file matches ${unmatched.join(", ") || "test/**/*.test.ts"}`);
    process.exit(1);
  }
  return patterns.length === 0 ? all : all.filter(({ name }) => patterns.some((part) => name.includes(part)));
}

/**
 * @param {string} node the path of a Node binary
 * @param {import("./support/test-files.mjs").TestFile[]} files
 * @param {string[]} [more] flags of Node
 * @param {Record<string, string>} [variables] of the environment
 */
function makeJobs(node, files, more = [], variables = {}) {
  const version = [execFileSync(node, ["--version"], { encoding: "utf8" }).trim(), ...more].join(" ");
  const flags = [...relaxedSimdFlags(node), ...more];
  const start = [node, "--enable-source-maps", "--expose-gc", ...flags];
  const path = (/** @type {{ name: string }} */ { name }) => compiledPath(root, join(basename(folder), name));
  const isAlone = (/** @type {import("./support/test-files.mjs").TestFile} */ file) =>
    file.isAlone || patterns.length > 0;
  /** @type {Map<string, string[]>} */
  const folders = new Map();
  for (const file of files.filter((each) => !isAlone(each))) {
    const name = file.name.split("/")[0] ?? "";
    folders.set(name, [...(folders.get(name) ?? []), path(file)]);
  }
  const together = join(basename(folder), "support", "run-together.mjs");
  return [
    ...[...folders].map(([name, paths]) => ({
      turn: 1,
      files: paths.length,
      where: `on Node ${version}`,
      name: `${name} (${paths.length} files) on Node ${version}`,
      command: [...start, together, ...paths],
      variables,
    })),
    ...files.filter(isAlone).map((file) => ({
      turn: file.isFirst ? 0 : 2,
      files: 1,
      where: `on Node ${version}`,
      name: `${file.name} on Node ${version}`,
      command: [...start, path(file)],
      variables,
    })),
  ];
}
