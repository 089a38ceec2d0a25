// Waiting in tests. The limit only ends a hang; it never asserts speed.

/** Longest wait for one step of a test, in milliseconds. */
export const PATIENCE = 300_000;

/** Waits until `isSo` returns true; throws after PATIENCE. */
export async function until(isSo: () => boolean | undefined, what = `${isSo}`): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Returns the result of some work and its processor time in seconds, which a busy machine does not lengthen. */
export async function timed<T>(work: () => T): Promise<[value: Awaited<T>, seconds: number]> {
  const start = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(start);
  return [value, (user + system) / 1e6];
}
