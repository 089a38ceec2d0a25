/** Callbacks of a signal, and the one listener that calls them. */
interface Entry {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Entries by signal. A signal has one listener for all callbacks, as Node warns of a leak at more than ten listeners. */
const entries = new WeakMap<AbortSignal, Entry>();

/**
 * Registers `callback` for the signal's abort; it is not called if the signal has aborted before.
 *
 * @returns takes `callback` back
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
    // An event that somebody else has sent is no abort.
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

/** Removes a listener. Errors are ignored: an imitated signal may lack the method, or throw. */
function stopListening(signal: AbortSignal, listener: () => void): void {
  try {
    signal.removeEventListener?.("abort", listener);
  } catch {
    // The listener is called in vain, or never.
  }
}
