let close = async () => {};

/** Registers the function that closes the worker pool, whose code is loaded only if several threads are used. */
export function onCloseWorkers(closePool: () => Promise<void>): void {
  close = closePool;
}

/**
 * Ends the workers that calls on several threads have started; resolves when they have ended. A busy worker ends once its calls
 * have settled, a starting one once it is ready. Calling this is optional: workers end after 30 seconds without work, and do not
 * keep a Node process alive. Later calls start new workers.
 *
 * @example
 * const { z } = await encode(decoder, y, { backend: wasm({ threads: 4 }) });
 * await closeWorkers();
 */
export async function closeWorkers(): Promise<void> {
  await close();
}
