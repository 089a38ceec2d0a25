/** Callbacks registered for one abort signal, and the single listener that calls them. */
interface Entry {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Entries by abort signal. All callbacks share one listener, since Node warns of a leak at more than ten. */
const entries = new WeakMap<AbortSignal, Entry>();

/**
 * Calls `callback` when the abort signal fires; never if it has fired before, or is undefined.
 *
 * @returns function that unregisters `callback`
 * @example
 * const forget = onAbort(signal, () => socket.destroy());
 * await work().finally(forget);
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {};
  const { callbacks, listener } = entries.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || entries.get(signal)?.callbacks !== callbacks) return;
    entries.delete(signal);
    stopListening(signal, listener);
  };
}

function listen(signal: AbortSignal): Entry {
  const callbacks = new Set<() => void>();
  const listener = () => {
    // The event may have been dispatched by other code, without an abort.
    if (!signal.aborted) return;
    entries.delete(signal);
    stopListening(signal, listener);
    for (const callback of callbacks) callback();
  };
  const entry = { callbacks, listener };
  signal.addEventListener("abort", listener);
  entries.set(signal, entry);
  return entry;
}

/** Removes a listener. Errors are ignored: an imitation of a signal may lack the method, or throw. */
function stopListening(signal: AbortSignal, listener: () => void): void {
  try {
    signal.removeEventListener?.("abort", listener);
  } catch {
    // The listener stays, without effect.
  }
}
