import { throwIfAborted } from "./realms.ts";

/** Milliseconds of work between two pauses for the event loop. */
const LONGEST_TURN = 8;

/**
 * Promise of the turn requested last. Concurrent calls take turns one after the other, each in a task of its own: in one
 * task together they would block the event loop.
 */
let lastTurn = Promise.resolve();

/**
 * Returns a function to be called between pieces of work. Now and then it returns a promise, which has to be awaited: that
 * lets the event loop run.
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
 * Runs a computation in turns with the event loop. The first turn is synchronous: a computation of a few milliseconds is
 * done when the call returns.
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

/** Runs a pausable computation to its end without a pause. */
export function atOnce<T>(work: Pausable<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Resolves in a new task, after events that are queued. setTimeout would not do: browsers delay it by 4 ms, and in hidden
 * pages by a second.
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
