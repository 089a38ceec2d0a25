import type { Control } from "./solver/base.ts";
import { makeTurns } from "./turns.ts";

/** Between pieces of work: reports to `report`, and lets the event loop run. */
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
