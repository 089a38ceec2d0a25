// Objects that the platform provides and that the public types name. TypeScript knows them from the DOM's types or
// from Node's; a program may have neither, and the package's declarations have to compile there too.

/** The global class `Name` as the program's own types have it, else `Otherwise`. */
export type PlatformType<Name extends string, Otherwise> = typeof globalThis extends {
  [key in Name]: { prototype: infer Instance };
}
  ? Instance
  : Otherwise;

/** An `AbortSignal`. */
export type AbortSignalLike = PlatformType<
  "AbortSignal",
  {
    readonly aborted: boolean;
    throwIfAborted(): void;
    addEventListener(type: "abort", listener: () => void): void;
  }
>;

/** A `Blob`, which a `File` is too. */
export type BlobLike = PlatformType<"Blob", { arrayBuffer(): Promise<ArrayBuffer> }>;

/** A `URL`. */
export type UrlLike = PlatformType<"URL", { readonly href: string }>;

/** A `WebAssembly.Module`. */
export type WebAssemblyModule = typeof globalThis extends {
  WebAssembly: { Module: { prototype: infer Instance } };
}
  ? Instance
  : object;

/** A `Worker`, a page's or one of Node's `worker_threads`, as far as the types of both agree. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): unknown;
}
