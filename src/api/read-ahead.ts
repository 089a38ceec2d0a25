/**
 * Reader of an iterable or async iterable that reads up to `ahead` items while an earlier one is processed. Each item is
 * requested only after the one before has arrived, since sources other than generators may not support two requests at once.
 */
export class ReadAhead<T> {
  private readonly iterator: AsyncIterator<T> | Iterator<T>;
  private readonly queue: Promise<IteratorResult<T, unknown>>[] = [];
  private last: Promise<unknown> = Promise.resolve();
  private hasEnded = false;

  /** @param ahead number of items to read beyond the one being processed */
  constructor(
    items: AsyncIterable<T> | Iterable<T>,
    private readonly ahead: number,
  ) {
    this.iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /**
   * Returns the next item as an iterator result, `done` after the last item and after a failure; rejects with the source's
   * error.
   */
  next(): Promise<IteratorResult<T, unknown>> {
    if (this.queue.length === 0) this.ask();
    const next = this.queue.shift()!;
    while (this.queue.length < this.ahead && !this.hasEnded) this.ask();
    return next;
  }

  /** Stops reading and closes the source, as leaving a `for await` loop does. */
  async close(): Promise<void> {
    if (this.hasEnded) return;
    this.hasEnded = true;
    await this.iterator.return?.();
  }

  private ask(): void {
    const asked = this.last.then(() => this.read());
    // A failure is reported by the promise in the queue, in its turn.
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
