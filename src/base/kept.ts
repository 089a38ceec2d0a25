/** A Map or a WeakMap. */
interface Cache<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): unknown;
}

/** Returns the value that a cache has for a key; on first use it is made. */
export function kept<Key, Value>(cache: Cache<Key, Value>, key: Key, make: () => NoInfer<Value>): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

/** Returns the promise that a cache has for a key; on first use it is made. One that rejects is not kept: a new try may succeed. */
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
