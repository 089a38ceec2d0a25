import type { FromWorker, ToWorker } from "./messages.ts";

/** A worker thread, of Node or of a page. */
export interface Thread {
  post(message: ToWorker, transfer?: ArrayBuffer[]): void;
  /** Whether it keeps the process alive; a page's never does. */
  keepAlive(yes: boolean): void;
  terminate(): void;
}

/** What happens to a thread. */
export interface ThreadEvents {
  message(message: FromWorker): void;
  /** It has ended, or it could not be started: once, and nothing after it. */
  end(reason: string): void;
}

/**
 * Starts a thread that runs the worker's file.
 *
 * @param file a path or URL
 * @throws what the runtime throws where it forbids it; elsewhere that comes as `events.end`
 */
export function startThread(file: string | URL, events: ThreadEvents): Thread {
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  return threads ? startInNode(threads, file, events) : startInPage(file, events);
}

function startInNode(
  { Worker }: typeof import("node:worker_threads"),
  file: string | URL,
  events: ThreadEvents,
): Thread {
  const isUrl = typeof file === "string" && /^(file|data):/i.test(file);
  // Of the process's own options those that go with --eval would be refused for a file.
  const isEvaluated = process.execArgv.some((option) => option.startsWith("--input-type"));
  const worker = new Worker(isUrl ? new URL(file) : file, isEvaluated ? { execArgv: [] } : {});
  let reason: string | undefined;
  worker.on("message", (message: FromWorker) => events.message(message));
  worker.on("error", (error) => {
    reason = error.message;
  });
  worker.on("exit", (code) => events.end(reason ?? `it ended with exit code ${code}`));
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

function startInPage(file: string | URL, events: ThreadEvents): Thread {
  const worker = new Worker(file, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => events.message(data);
  worker.onerror = (event) => {
    event.preventDefault();
    worker.terminate();
    events.end(event.message || `${file} could not be loaded as a worker`);
  };
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    keepAlive() {},
    terminate() {
      worker.terminate();
      events.end("it was terminated");
    },
  };
}
