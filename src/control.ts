import type { Control } from "./solver/base.ts";

/** Work goes on this long, in milliseconds, before the event loop gets its turn. */
const LONGEST_TURN = 8;

/**
 * The last turn that was asked for. Calls at work at the same time take turns one after the other, a task each:
 * if all of them went on in the same task, together they would hold up the event loop.
 */
let lastTurn = Promise.resolve();

/** Between pieces of work: reports to `report`, and lets the event loop run. */
export function makeControl(signal: AbortSignal | undefined, report: () => void = () => {}): Control {
  let turnStart = performance.now();
  return {
    aborted: () => signal?.aborted ?? false,
    async pause() {
      report();
      if (performance.now() - turnStart < LONGEST_TURN) return;
      lastTurn = lastTurn.then(nextTask);
      await lastTurn;
      turnStart = performance.now();
    },
  };
}

/**
 * Resolves in a task of its own, after events that wait. Not by setTimeout, which browsers hold back for
 * 4 ms, and a second in a page that is not seen.
 */
function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
