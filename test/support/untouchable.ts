/** What every access to an untouchable object throws. */
export const TRAPPED = new Error("from a trap");

/** Throws `TRAPPED`, as a getter or a Proxy's trap may. */
export function fail(): never {
  throw TRAPPED;
}

/** Makes a Proxy of which nothing can be asked: every trap throws. */
export function untouchable(target: object = {}): object {
  const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, fail] as const));
  return new Proxy(target, traps);
}
