import { invalid, show } from "./check.ts";
import type { Control } from "./solver/base.ts";

/** Work goes on this long, in milliseconds, before the event loop gets its turn. */
const LONGEST_TURN = 8;

/** Between pieces of work: reports to `report`, if something changed, and lets the event loop run. */
export function makeControl(signal: AbortSignal | undefined, report: () => void = () => {}): Control {
  let turnStart = performance.now();
  return {
    aborted: () => signal?.aborted ?? false,
    async pause() {
      report();
      if (performance.now() - turnStart < LONGEST_TURN) return;
      await nextTask();
      turnStart = performance.now();
    },
  };
}

/** Refuses what is no AbortSignal; throws the reason of one that is aborted already. */
export function checkSignal(where: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw invalid(`${where}: signal is ${show(signal)}, expected an AbortSignal`);
  }
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
