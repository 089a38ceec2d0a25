import { throwIfAborted } from "./realms.ts";

/** Length of a slice of work, in milliseconds; the event loop runs after each, so that a page drops one frame at most. */
export const SLICE = 10;
/** Share of SLICE after which a pause is due: work in slices of that length, some of them a little shorter, pauses after each. */
const DUE = 0.8;

/**
 * Promise of the most recently requested pause. Pauses of concurrent calls end one after the other, each in a task of its
 * own: if they ended in the same task, the calls would together block the event loop.
 */
let lastTurn = Promise.resolve();

/**
 * Makes a function for a long computation to call between its pieces. The function returns undefined, or every few milliseconds
 * a promise that must be awaited, which lets the event loop run.
 */
export function makeTurns(): () => Promise<void> | undefined {
  let turnStart = performance.now();
  return () => {
    if (performance.now() - turnStart < DUE * SLICE) return undefined;
    lastTurn = lastTurn.then(nextTask);
    return lastTurn.then(() => {
      turnStart = performance.now();
    });
  };
}

/** Computation that yields after every few milliseconds of work, so that the event loop can run. */
export type Pausable<T> = Generator<void, T, void>;

/**
 * Runs a computation, letting the event loop run between its pieces. The first few milliseconds are synchronous: a short
 * computation is done when the call returns.
 *
 * @param signal stops the computation between two pieces; the promise then rejects with the abort signal's reason
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

/** Runs a computation to its end synchronously, without pauses. */
export function atOnce<T>(work: Pausable<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Number of values between two pauses of `inPieces`, which take a millisecond or so. */
const VALUES_AT_ONCE = 2 ** 16;

/** Computes `count` values in pieces: calls `work` with the indices of each piece, from `start` up to `end` (exclusive). */
export function* inPieces(count: number, work: (start: number, end: number) => void): Pausable<void> {
  for (let start = 0; start < count; start += VALUES_AT_ONCE) {
    work(start, Math.min(start + VALUES_AT_ONCE, count));
    yield;
  }
}

/**
 * Resolves in a new task, after the events that are queued. setTimeout is unsuitable: browsers delay it by 4 ms, and by a
 * second in hidden pages.
 */
function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  // Jest's jsdom has neither setImmediate nor MessageChannel.
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
