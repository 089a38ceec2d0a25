let close = async () => {};

/** Registers the function that closes the pool, whose code is loaded only when several threads are used. */
export function onCloseWorkers(closePool: () => Promise<void>): void {
  close = closePool;
}

/**
 * Ends the workers that calls on several threads have started; resolves when they have ended. A worker at work ends once its
 * calls have settled. Calling it is optional: workers end after half a minute without work, and do not keep a process of
 * Node alive. Later calls start new workers.
 *
 * @example
 * const { z } = await encode(decoder, y, { backend: wasm({ threads: 4 }) });
 * await closeWorkers();
 */
export async function closeWorkers(): Promise<void> {
  await close();
}
