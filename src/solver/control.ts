import { makeTurns } from "../base/event-loop.ts";
import { onAbort } from "../base/on-abort.ts";
import { throwIfAborted } from "../base/realms.ts";
import type { Control } from "./base.ts";

/** Makes a Control, called between pieces of work: it reports to `report`, and lets the event loop run. */
export function makeControl(signal: AbortSignal | undefined, report: () => void = () => {}): Control {
  const turn = makeTurns();
  return {
    aborted: () => signal?.aborted ?? false,
    async pause() {
      report();
      await turn();
    },
  };
}

/**
 * Awaits work; returns undefined if an abort comes first. For work that may take long to answer: a worker, or the download
 * of a runtime.
 */
export function orAbort<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => resolve(undefined));
    // Also after an abort, for what fails later must not be an unhandled rejection.
    work.then(resolve, reject).finally(forget);
  });
}

/** Begins work and awaits it unless an abort comes first; after an abort it is not begun. Returns undefined after an abort. */
export function untilAborted<T>(
  signal: AbortSignal | undefined,
  begin: () => Promise<T>,
): Promise<T | undefined> {
  return signal?.aborted ? Promise.resolve(undefined) : orAbort(signal, begin());
}

/** Begins work and awaits it; an abort before its end rejects with the signal's reason. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, begin: () => Promise<T>): Promise<T> {
  const result = await untilAborted(signal, begin);
  throwIfAborted(signal);
  return result as T;
}

/**
 * Functions of the caller's, called while a call goes on. What one throws rejects the call, and so does what a promise
 * that it returns rejects with: the work goes on meanwhile, and the call waits for such promises at its end.
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

  /** Throws the first error of a callback so far. */
  check(): void {
    if (this.failure) throw this.failure.error;
  }

  /** Waits for all promises that callbacks have returned, or for an abort; throws the first error of a callback. */
  async settled(signal: AbortSignal | undefined): Promise<void> {
    if (this.pending > 0) {
      await untilAborted(signal, () => {
        return new Promise<void>((resolve) => {
          this.onIdle = resolve;
        });
      });
    }
    this.check();
  }
}
