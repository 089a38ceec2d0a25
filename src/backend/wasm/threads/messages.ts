/**
 * Message to a worker: call a function of the kernels on a memory, which it answers, or forget a memory. The first call on a memory
 * brings it.
 */
export type ToWorker =
  | {
      readonly type: "run";
      /** Number of the memory. */
      readonly key: number;
      /** Name of an export of the kernels. */
      readonly name: string;
      readonly args: readonly (number | boolean)[];
      /** Memory, and compiled kernels to instantiate on it; undefined if the worker has done so. */
      readonly kernels:
        | { readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
        | undefined;
    }
  | { readonly type: "drop"; readonly key: number };

/** Message from a worker: its first, or an answer: the result of a call, or the text of an error. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "result"; readonly value: number }
  | { readonly type: "error"; readonly message: string };
