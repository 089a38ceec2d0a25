import { spawn } from "node:child_process";

/**
 * What became of one test file.
 * @typedef {object} FileResult
 * @property {number} passed tests that passed
 * @property {number} failed tests that failed; at least 1 when there is a `problem`
 * @property {string} problem why the file counts as failed; empty when it does not
 * @property {string} output what it printed
 * @property {number} seconds how long it took
 */

/** @type {Set<number>} */
const running = new Set();

/** In milliseconds: what a test file that is told to end has to end what is in a group of its own, as browsers are. */
const GRACE = 20_000;

/** Ends the test files under way, with all that they started. */
export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/**
 * Runs a uvu test file in a process of its own. uvu exits with 0 when a file forgets `test.run()` or when a
 * `before` hook throws, so its summary is what counts, and a file without one has failed.
 *
 * @param {string[]} command the program and its arguments, the test file among them
 * @param {number} longestSilence in seconds; a file that prints nothing for longer is ended with all that it started
 * @param {Record<string, string>} [variables] of its environment, besides this process's
 * @returns {Promise<FileResult>}
 */
export async function runFile(command, longestSilence, variables = {}) {
  const started = performance.now();
  const [program = "", ...args] = command;
  // A process group of its own, so that browsers and servers go with it.
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...variables },
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  let wasSilent = false;
  const timer = setTimeout(() => {
    wasSilent = true;
    if (pid !== undefined) void stop(pid);
  }, longestSilence * 1000);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      timer.refresh();
    });
  }
  /** @type {string} */
  const end = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code === 0 ? "" : `ended with ${signal ?? `code ${code}`}`));
  });
  clearTimeout(timer);
  if (pid !== undefined) running.delete(pid);

  const counts = readSummary(output);
  const problem = wasSilent ? `printed nothing for ${longestSilence} s` : findProblem(counts, end);
  return {
    passed: counts?.passed ?? 0,
    failed: problem ? Math.max(1, (counts?.total ?? 0) - (counts?.passed ?? 0)) : 0,
    problem,
    output,
    seconds: (performance.now() - started) / 1000,
  };
}

/** @typedef {{ total: number, passed: number, skipped: number }} Counts */

/**
 * @param {string} output
 * @returns {Counts | undefined}
 */
function readSummary(output) {
  const match = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/m.exec(output);
  return match ? { total: Number(match[1]), passed: Number(match[2]), skipped: Number(match[3]) } : undefined;
}

/**
 * @param {Counts | undefined} counts
 * @param {string} end how the process ended, empty when well
 */
function findProblem(counts, end) {
  if (!counts) return end || "printed no summary: is test.run() missing?";
  if (counts.passed < counts.total) return `${counts.total - counts.passed} of ${counts.total} tests failed`;
  if (end) return end;
  if (counts.total === 0) return "ran no test";
  if (counts.skipped > 0) return `skipped ${counts.skipped} tests`;
  return "";
}

/**
 * Puppeteer ends its browsers when its process is told to end; a process that does not end is killed.
 * @param {number} pid
 */
async function stop(pid) {
  signal(pid, "SIGTERM");
  for (let waited = 0; waited < GRACE && running.has(pid); waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  signal(pid, "SIGKILL");
}

/**
 * @param {number} pid of the group's first process
 * @param {NodeJS.Signals} name
 */
function signal(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // It had just ended.
  }
}
