// What a test waits for, and for how long at most: a limit is there that a hang ends, never to say that something is quick.

/** In milliseconds: so long takes no step of a test, on however slow and busy a machine. */
export const PATIENCE = 300_000;

/** Waits until something is so; fails where it never is. */
export async function until(isSo: () => boolean | undefined, what = `${isSo}`): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What some work comes to, and its seconds of processor time: a busy machine takes longer, and no more of these. */
export async function timed<T>(work: () => T): Promise<[value: Awaited<T>, seconds: number]> {
  const start = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(start);
  return [value, (user + system) / 1e6];
}
