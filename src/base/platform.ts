// Types of platform objects for the public declarations. TypeScript has them in the DOM's types or in Node's; the package's
// declarations must also compile in programs that include neither.

/** Instance type of the global class `Name` if the program's types declare it, else `Otherwise`. */
export type PlatformType<Name extends string, Otherwise> = typeof globalThis extends {
  [key in Name]: { prototype: infer Instance };
}
  ? Instance
  : Otherwise;

/** Type of an `AbortSignal`, also for programs without the DOM's types. */
export type AbortSignalLike = PlatformType<
  "AbortSignal",
  {
    readonly aborted: boolean;
    throwIfAborted(): void;
    addEventListener(type: "abort", listener: () => void): void;
  }
>;

/** Type of a `Blob`, or of a `File`, also for programs without the DOM's types. */
export type BlobLike = PlatformType<"Blob", { arrayBuffer(): Promise<ArrayBuffer> }>;

/** Type of a `URL`, also for programs without the DOM's types. */
export type UrlLike = PlatformType<"URL", { readonly href: string }>;

/** Type of a `WebAssembly.Module`, also for programs without the DOM's types. */
export type WebAssemblyModule = typeof globalThis extends {
  WebAssembly: { Module: { prototype: infer Instance } };
}
  ? Instance
  : object;

/** Worker of a page or of Node's `worker_threads`: the members that both have. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): unknown;
}
