/** Who is to hear of a signal's abort, and what tells them. */
interface Hearing {
  readonly hearers: Set<() => void>;
  readonly tell: () => void;
}

/** One listener for all who wait for a signal: of more than ten Node says that they are a leak. */
const hearings = new WeakMap<AbortSignal, Hearing>();

/**
 * Has `hear` called at the signal's abort; never where that has been already.
 *
 * @returns takes `hear` back
 * @example
 * const forget = onAbort(signal, () => socket.destroy());
 * await work().finally(forget);
 */
export function onAbort(signal: AbortSignal | undefined, hear: () => void): () => void {
  if (!signal) return () => {};
  const { hearers, tell } = hearings.get(signal) ?? begin(signal);
  hearers.add(hear);
  return () => {
    hearers.delete(hear);
    if (hearers.size > 0 || hearings.get(signal)?.hearers !== hearers) return;
    hearings.delete(signal);
    // Whoever imitates a signal may have left it out.
    signal.removeEventListener?.("abort", tell);
  };
}

function begin(signal: AbortSignal): Hearing {
  const hearers = new Set<() => void>();
  const tell = () => {
    hearings.delete(signal);
    for (const hear of hearers) hear();
  };
  const hearing = { hearers, tell };
  hearings.set(signal, hearing);
  signal.addEventListener("abort", tell, { once: true });
  return hearing;
}
