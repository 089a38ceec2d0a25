// Runs compiled test files in one process, one after the other, and prints one summary of them all:
//
//   node test/support/run-together.mjs build/test/test/base/check.test.ts.js build/test/test/base/random.test.ts.js
//
// One process starts and loads the sources once, and compiles the kernels: longer than most files' tests.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// uvu reads these globals: with UVU_DEFER it collects the tests of the file at UVU_INDEX instead of running them.
const uvuGlobals = /** @type {{ UVU_DEFER: boolean, UVU_INDEX: number, UVU_QUEUE: unknown[][] }} */ (
  /** @type {unknown} */ (globalThis)
);
uvuGlobals.UVU_DEFER = true;
const { exec } = await import("uvu");
for (const [index, file] of process.argv.slice(2).entries()) {
  /** @type {unknown[]} */
  const queue = [file.replace(/\.js$/, "")];
  uvuGlobals.UVU_INDEX = index;
  uvuGlobals.UVU_QUEUE.push(queue);
  await import(pathToFileURL(resolve(file)).href);
  if (queue.length === 1) throw new Error(`${queue[0]} has no tests to run: is test.run() missing?`);
  for (const [i, run] of queue.entries()) {
    if (i > 0) queue[i] = () => runSome(/** @type {() => Promise<unknown[]>} */ (run));
  }
}
await exec();

/**
 * Runs a file's tests, of which there has to be one.
 * @param {() => Promise<unknown[]>} run returns the errors, and how many tests passed, were skipped and are there
 */
async function runSome(run) {
  const result = await run();
  if (result[3] === 0) throw new Error("a file of this process has no tests, though it calls test.run()");
  return result;
}
