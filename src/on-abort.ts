/** The callbacks of a signal, and the one listener that calls them. */
interface Entry {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** One listener a signal, however many callbacks: of more than ten listeners Node says that they are a leak. */
const entries = new WeakMap<AbortSignal, Entry>();

/**
 * Has `callback` called at the signal's abort; never where that has been already.
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
    // Whoever imitates a signal may have left it out.
    signal.removeEventListener?.("abort", listener);
  };
}

function listen(signal: AbortSignal): Entry {
  const callbacks = new Set<() => void>();
  const listener = () => {
    entries.delete(signal);
    for (const callback of callbacks) callback();
  };
  const entry = { callbacks, listener };
  entries.set(signal, entry);
  signal.addEventListener("abort", listener, { once: true });
  return entry;
}
