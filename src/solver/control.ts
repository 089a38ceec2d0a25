import { makeTurns } from "../base/event-loop.ts";
import { onAbort } from "../base/on-abort.ts";
import { throwIfAborted } from "../base/realms.ts";
import type { Control } from "./base.ts";

/**
 * Makes a Control for a computation: each `pause()` calls `report`, and lets the event loop run every few milliseconds.
 *
 * @param signal abort signal of the computation; undefined without one
 */
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
 * Awaits `work`; resolves with undefined if the abort signal fires first. For work that may take long to answer, such as a
 * worker, or the download of a runtime.
 */
export function orAbort<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => resolve(undefined));
    // Also handles a rejection after an abort, which would otherwise be unhandled.
    work.then(resolve, reject).finally(forget);
  });
}

/**
 * Calls `begin` and awaits its work, unless the abort signal fires first; if it has fired already, `begin` is not called.
 * Resolves with undefined after an abort.
 */
export function untilAborted<T>(
  signal: AbortSignal | undefined,
  begin: () => Promise<T>,
): Promise<T | undefined> {
  return signal?.aborted ? Promise.resolve(undefined) : orAbort(signal, begin());
}

/** Calls `begin` and awaits its work; rejects with the abort signal's reason if the signal fires before the end. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, begin: () => Promise<T>): Promise<T> {
  const result = await untilAborted(signal, begin);
  throwIfAborted(signal);
  return result as T;
}

/**
 * Caller's functions that are called during a call, such as `onProgress`. If one throws, or a promise that it returns
 * rejects, the call rejects with that error. The work continues while such promises are pending; the call awaits them at its
 * end.
 */
export class Callbacks {
  private failure: { readonly error: unknown } | undefined;
  private pending = 0;
  private onIdle = () => {};

  /**
   * Calls a function of the caller, if there is one; `settled` awaits a promise that it returns. Throws the function's error,
   * or the error with which the promise of an earlier call has rejected.
   */
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

  /** Throws the first error, if any, with which a promise returned by a callback has rejected. */
  check(): void {
    if (this.failure) throw this.failure.error;
  }

  /**
   * Waits until all promises returned by callbacks have settled, or the abort signal fires; throws the first of their
   * errors.
   */
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
