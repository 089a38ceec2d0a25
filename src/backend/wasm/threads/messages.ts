/**
 * Message to a worker. It answers every message but "drop", in their order.
 *
 * "hold": make an instance of the kernels on a memory. "run": call a function of the kernels on a memory that the worker holds.
 * "drop": forget a memory.
 */
export type ToWorker =
  | {
      readonly type: "hold";
      /** Number that later messages name the memory by. */
      readonly key: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    }
  | {
      readonly type: "run";
      readonly key: number;
      /** Name of an export of the kernels. */
      readonly name: string;
      readonly args: readonly (number | boolean)[];
    }
  | { readonly type: "drop"; readonly key: number };

/** Message from a worker: its first, or an answer: the result of a call, or the text of an error. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "result"; readonly value: number }
  | { readonly type: "error"; readonly message: string };
