/**
 * Items of an async iterable, some of which are read while an earlier one is processed. The next item is asked for after the
 * one before has come, since sources other than generators may not take two requests at once.
 */
export class ReadAhead<T> {
  private readonly iterator: AsyncIterator<T> | Iterator<T>;
  private readonly queue: Promise<IteratorResult<T, unknown>>[] = [];
  private last: Promise<unknown> = Promise.resolve();
  private hasEnded = false;

  /** @param ahead so many items are read beyond the one that is at work */
  constructor(
    items: AsyncIterable<T> | Iterable<T>,
    private readonly ahead: number,
  ) {
    this.iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /** Returns the next item; undefined after the last one and after a failure. */
  next(): Promise<IteratorResult<T, unknown>> {
    if (this.queue.length === 0) this.ask();
    const next = this.queue.shift()!;
    while (this.queue.length < this.ahead && !this.hasEnded) this.ask();
    return next;
  }

  /** Ends reading and closes the source, as leaving a `for await` loop does. */
  async close(): Promise<void> {
    if (this.hasEnded) return;
    this.hasEnded = true;
    await this.iterator.return?.();
  }

  private ask(): void {
    const asked = this.last.then(() => this.read());
    // What fails is said when its turn comes.
    this.last = asked.catch(() => {});
    this.queue.push(asked);
  }

  private async read(): Promise<IteratorResult<T, unknown>> {
    if (this.hasEnded) return { done: true, value: undefined };
    try {
      const item = await this.iterator.next();
      if (item.done) this.hasEnded = true;
      return item;
    } catch (error) {
      this.hasEnded = true;
      throw error;
    }
  }
}
