let close = async () => {};

/** Registers the pool, which is loaded only when several threads are used. */
export function onCloseWorkers(closePool: () => Promise<void>): void {
  close = closePool;
}

/**
 * Ends the workers that calls on several threads have started; resolves when they have ended. One that is at work goes
 * on until its calls have settled. It is never needed: workers end by themselves when they have had nothing to do for
 * half a minute, and keep no process of Node alive. Calls that come later start new ones.
 *
 * @example
 * const { z } = await encode(decoder, y, { backend: wasm({ threads: 4 }) });
 * await closeWorkers();
 */
export async function closeWorkers(): Promise<void> {
  await close();
}
