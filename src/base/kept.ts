/** Map or WeakMap used as a cache. */
interface Cache<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): unknown;
}

/** Returns the cached value for a key; makes and stores it with `make` on first use. */
export function kept<Key, Value>(cache: Cache<Key, Value>, key: Key, make: () => NoInfer<Value>): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

/**
 * Returns the cached promise for a key; makes and stores it with `make` on first use. A promise that rejects is removed, so
 * that the next call tries again.
 */
export function keptUnlessFailed<Key, Value>(
  cache: Map<Key, Promise<Value>>,
  key: Key,
  make: () => Promise<NoInfer<Value>>,
): Promise<Value> {
  return kept(cache, key, () => {
    const made = make();
    made.catch(() => cache.delete(key));
    return made;
  });
}
