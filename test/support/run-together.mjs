// Runs compiled test files in one process, one after the other, and prints one summary of them all:
//
//   node test/support/run-together.mjs build/test/test/base/check.test.ts.js build/test/test/base/random.test.ts.js
//
// One process starts and loads the sources once, and compiles the kernels: longer than most files' tests.
import { basename, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// uvu reads these globals: with UVU_DEFER it collects the tests of the file at UVU_INDEX instead of running them.
const uvuGlobals = /** @type {{ UVU_DEFER: boolean, UVU_INDEX: number, UVU_QUEUE: unknown[][] }} */ (
  /** @type {unknown} */ (globalThis)
);
uvuGlobals.UVU_DEFER = true;
const { exec } = await import("uvu");
const compiled = resolve("build/test", basename(resolve(fileURLToPath(import.meta.url), "../..")));
/**
 * In milliseconds, of each file: its import, and its tests.
 * @type {Map<string, number>}
 */
const times = new Map();
for (const [index, file] of process.argv.slice(2).entries()) {
  const name = relative(compiled, resolve(file)).replace(/\.js$/, "");
  const add = (/** @type {number} */ started) =>
    times.set(name, (times.get(name) ?? 0) + performance.now() - started);
  const started = performance.now();
  /** @type {unknown[]} */
  const queue = [file.replace(/\.js$/, "")];
  uvuGlobals.UVU_INDEX = index;
  uvuGlobals.UVU_QUEUE.push(queue);
  await import(pathToFileURL(resolve(file)).href);
  add(started);
  if (queue.length === 1) throw new Error(`${queue[0]} has no tests to run: is test.run() missing?`);
  for (const [i, run] of queue.entries()) {
    if (i === 0) continue;
    queue[i] = async () => {
      const begun = performance.now();
      const result = await runSome(/** @type {() => Promise<unknown[]>} */ (run));
      add(begun);
      return result;
    };
  }
}
try {
  await exec();
} finally {
  for (const [name, time] of times) console.log(`  Took: ${(time / 1000).toFixed(1)} s ${name}`);
}

/**
 * Runs a file's tests, of which there has to be one.
 * @param {() => Promise<unknown[]>} run returns the errors, and how many tests passed, were skipped and are there
 */
async function runSome(run) {
  const result = await run();
  if (result[3] === 0) throw new Error("a file of this process has no tests, though it calls test.run()");
  return result;
}
