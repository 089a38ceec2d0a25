import { console as inspectorConsole, Session } from "node:inspector";

/** A function on the stack, the ones that are awaited included. */
export interface Frame {
  readonly name: string;
  readonly url: string;
  /** From 0. */
  readonly line: number;
}

/** A mark, and the functions that have led to it: the innermost first, each part of an asynchronous way in turn. */
export interface Way {
  readonly mark: string;
  readonly frames: readonly (readonly Frame[])[];
}

interface StackTrace {
  readonly callFrames: readonly {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  }[];
  readonly parent?: StackTrace;
}

/** Longer chains of awaited functions than any here. */
const MOST_PARTS = 200;

/**
 * Has `onWay` called with the way to each `mark` on this thread. V8's inspector knows it: also what has returned a promise and
 * is no longer on the stack.
 */
export function watchWays(onWay: (way: Way) => void): { mark(name: string): void; stop(): void } {
  const session = new Session();
  session.connect();
  session.post("Runtime.enable");
  session.post("Debugger.enable");
  session.post("Debugger.setAsyncCallStackDepth", { maxDepth: MOST_PARTS });
  session.on("Runtime.consoleAPICalled", ({ params }) => {
    if (params.type !== "trace") return;
    const frames: Frame[][] = [];
    for (let part = params.stackTrace as StackTrace | undefined; part; part = part.parent) {
      frames.push(
        part.callFrames.map(({ functionName, url, lineNumber }) => ({
          name: functionName,
          url,
          line: lineNumber,
        })),
      );
    }
    onWay({ mark: String(params.args[0]?.value), frames });
  });
  return {
    mark: (name) => inspectorConsole.trace(name),
    stop: () => session.disconnect(),
  };
}

/** Name of the channel on which a watched worker tells its ways. */
export const WAYS = "ways";

/** Marks the first call of each function that WASM instances export, of those made from now on. */
export function markCrossings(mark: (name: string) => void): void {
  const { Instance } = WebAssembly;
  const crossed = new Set<string>();
  const markedExports = (exports: WebAssembly.Exports) =>
    Object.entries(exports).map(([name, value]) => {
      if (typeof value !== "function") return [name, value] as const;
      const crossing = (...given: unknown[]) => {
        if (!crossed.has(name)) mark(name);
        crossed.add(name);
        return value(...given);
      };
      return [name, crossing] as const;
    });
  WebAssembly.Instance = class {
    readonly exports: WebAssembly.Exports;
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      this.exports = Object.fromEntries(markedExports(new Instance(module, imports).exports));
    }
  };
}
