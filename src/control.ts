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
 * Functions of the caller's that hear of a call. What one throws rejects the call, and so does what a promise that it
 * returns rejects with: the work goes on meanwhile, and the call waits for such promises at its end.
 */
export class Callbacks {
  private failure: { readonly error: unknown } | undefined;
  private pending = 0;
  private onIdle = () => {};

  call<T>(callback: ((value: T) => unknown) | undefined, value: T): void {
    this.check();
    const answer = callback?.(value) as PromiseLike<unknown> | undefined;
    if (typeof answer?.then !== "function") return;
    this.pending++;
    const settle = () => {
      if (--this.pending === 0) this.onIdle();
    };
    Promise.resolve(answer).then(settle, (error: unknown) => {
      this.failure ??= { error };
      settle();
    });
  }

  /** Throws what has gone wrong so far. */
  check(): void {
    if (this.failure) throw this.failure.error;
  }

  /** Resolves when there is nothing to wait for, or at an abort. */
  async settled(signal: AbortSignal | undefined): Promise<void> {
    if (this.pending > 0 && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    this.check();
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
