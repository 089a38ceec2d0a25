/**
 * Error that may occur once, and rejects everything that is awaited until then. `Promise.race` with a promise that
 * lives as long as the device would retain every result until then.
 */
export class Interruption {
  private readonly waiting = new Set<(error: Error) => void>();
  private error: Error | undefined;

  get hasCome(): boolean {
    return this.error !== undefined;
  }

  /** Rejects everything that is awaited, now and later. */
  come(error: Error): void {
    this.error = error;
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
  }

  /** Settles as `work` does, or rejects with the error if it occurs first; keeps no reference afterwards. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.error) reject(this.error);
      else this.waiting.add(reject);
      // Attached after the error too: work that fails later must not be an unhandled rejection.
      work.then(
        (value) => {
          this.waiting.delete(reject);
          resolve(value);
        },
        (error) => {
          this.waiting.delete(reject);
          reject(error);
        },
      );
    });
  }
}
