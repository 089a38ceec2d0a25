import { throwIfAborted } from "./realms.ts";

/** Work goes on this long, in milliseconds, before the event loop gets its turn. */
const LONGEST_TURN = 8;

/**
 * The last turn that was asked for. Calls at work at the same time take turns one after the other, a task each:
 * if all of them went on in the same task, together they would hold up the event loop.
 */
let lastTurn = Promise.resolve();

/**
 * A function to be called between pieces of work. Now and then it gives a promise, which is to be awaited: that lets
 * the event loop run.
 */
export function makeTurns(): () => Promise<void> | undefined {
  let turnStart = performance.now();
  return () => {
    if (performance.now() - turnStart < LONGEST_TURN) return undefined;
    lastTurn = lastTurn.then(nextTask);
    return lastTurn.then(() => {
      turnStart = performance.now();
    });
  };
}

/** Computation that yields between pieces of a few milliseconds, so that the event loop can run. */
export type Pausable<T> = Generator<void, T, void>;

/**
 * Does work in turns with the event loop. The first turn is the caller's: work of a few milliseconds is done when the
 * call returns.
 *
 * @param signal ends it between two pieces; the promise then rejects with the signal's reason
 */
export async function inTurns<T>(work: Pausable<T>, signal?: AbortSignal): Promise<T> {
  const turn = makeTurns();
  for (;;) {
    throwIfAborted(signal);
    const { done, value } = work.next();
    if (done) return value;
    const next = turn();
    if (next) await next;
  }
}

/** Runs work to its end without a pause. */
export function atOnce<T>(work: Pausable<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Resolves in a task of its own, after events that wait. Not by setTimeout, which browsers hold back for
 * 4 ms, and a second in a page that is not seen.
 */
function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  // In jest's jsdom there is neither.
  if (typeof MessageChannel !== "function") return new Promise((resolve) => setTimeout(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
