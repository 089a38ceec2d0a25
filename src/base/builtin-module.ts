/** Modules of Node that the library uses, by name. */
interface Modules {
  "node:fs": typeof import("node:fs");
  "node:fs/promises": typeof import("node:fs/promises");
  "node:module": typeof import("node:module");
  "node:net": typeof import("node:net");
  "node:os": typeof import("node:os");
  "node:path": typeof import("node:path");
  "node:url": typeof import("node:url");
  "node:worker_threads": typeof import("node:worker_threads");
  "node:zlib": typeof import("node:zlib");
}

/**
 * Loads a built-in module of Node; returns undefined in other runtimes. Avoids `import()`, with which bundlers for browsers
 * fail.
 */
export function builtinModule<Name extends keyof Modules>(name: Name): Modules[Name] | undefined {
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  return process?.getBuiltinModule?.(name) as Modules[Name] | undefined;
}
