/**
 * Error that may be raised once, and then rejects everything awaited through `during`. Used instead of `Promise.race` with a
 * promise that lives as long as the device: such a race would retain every result until the device is gone.
 */
export class Interruption {
  private readonly waiting = new Set<(error: Error) => void>();
  private error: Error | undefined;

  /** True once the error has been raised. */
  get hasCome(): boolean {
    return this.error !== undefined;
  }

  /** Raises the error: rejects everything awaited through `during` now or later. */
  come(error: Error): void {
    this.error = error;
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
  }

  /** Settles as `work` does, or rejects with the error if it is raised first; keeps no reference afterwards. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.error) reject(this.error);
      else this.waiting.add(reject);
      // Attached even if the error has been raised: work that fails later must not be an unhandled rejection.
      work.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }
}
