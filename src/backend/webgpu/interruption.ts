/**
 * An error that may come once, and whoever waits for something else until then. (`Promise.race` with a promise that
 * lives as long as the device would keep every result until the device is lost: a promise forgets no reaction.)
 */
export class Interruption {
  private readonly waiting = new Set<(error: Error) => void>();
  private error: Error | undefined;

  get hasCome(): boolean {
    return this.error !== undefined;
  }

  /** Rejects whatever is waited for, now and from now on. */
  come(error: Error): void {
    this.error = error;
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
  }

  /** What `work` comes to, or the error if that comes first. Nothing is kept of it afterwards. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.error) reject(this.error);
      else this.waiting.add(reject);
      // Also after the error, for work that fails later must not be an unhandled rejection.
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
