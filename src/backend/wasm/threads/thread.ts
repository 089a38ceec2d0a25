import { builtinModule } from "../../../base/builtin-module.ts";
import type { UrlLike, WorkerLike } from "../../../base/platform.ts";
import { isPromise, messageOf } from "../../../base/realms.ts";
import { show } from "../../../base/show.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Path or URL of the worker script `latentflow/worker`, or a function that starts it. */
export type WorkerSource = string | UrlLike | (() => WorkerLike);

/** Handle of a worker thread, of Node or of a page. */
export interface Thread {
  post(message: ToWorker): void;
  /** Sets whether the thread keeps the process alive, in Node and Bun. */
  keepAlive(yes: boolean): void;
  /** Ends the thread; resolves when it has ended, or cannot be ended. */
  terminate(): Promise<void>;
}

/** Callbacks of a thread. */
export interface ThreadEvents {
  message(message: FromWorker): void;
  /** Called once, as the last event, when the thread has ended or could not be started. */
  end(reason: string): void;
}

/**
 * Starts a thread that runs the worker script. Errors after the start arrive through `events.end`.
 *
 * @throws Error from the runtime or from the function given, or if that function returns no new worker
 */
export function startThread(source: WorkerSource, events: ThreadEvents): Thread {
  if (typeof source === "function") {
    const worker = newWorker(source);
    return "on" in worker ? threadOfNode(worker, events) : threadOfPage(worker, "the worker", events);
  }
  const file = String(source);
  const threads = builtinModule("node:worker_threads");
  return threads
    ? threadOfNode(startInNode(threads, file), events)
    : threadOfPage(startInPage(file), file, events);
}

/** End of a message that advises `threads: 1`, which always works. */
export const DOES_WITHOUT = "wasm({ threads: 1 }) does without";

/** Maximum number of characters that are quoted from a worker's own message. */
export const LONGEST_REASON = 300;

/** Returns the end of a message that explains how workers can be started in this runtime. */
export function startAdvice(source: WorkerSource | undefined): string {
  const isNode = builtinModule("node:worker_threads") !== undefined;
  if (!isNode && typeof Worker === "undefined") return DOES_WITHOUT;
  if (typeof source === "function") {
    return `the function given as worker has to start the file of the export latentflow/worker; ${DOES_WITHOUT}`;
  }
  const way = isNode
    ? 'wasm({ worker: require.resolve("latentflow/worker") }), or import.meta.resolve in an ES module'
    : 'wasm({ worker: () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" }) }) with a ' +
      "bundler, or by its URL, and let a Content-Security-Policy allow it (worker-src; of another origin blob: and that origin)";
  return `say where the worker's file is, ${way}; ${DOES_WITHOUT}`;
}

type NodeWorker = InstanceType<typeof import("node:worker_threads").Worker>;

/** Workers made by users' functions that a pool already uses and will end. */
const taken = new WeakSet<object>();

/**
 * Calls a user's function and checks that it returns a new worker.
 *
 * @throws Error if the function returns a promise, no worker, or the same worker as before
 */
function newWorker(make: () => unknown): NodeWorker | Worker {
  const worker = make();
  if (isPromise(worker)) {
    // The worker that the promise resolves to would keep the process alive.
    const late = Promise.resolve(worker as PromiseLike<Partial<Worker> | undefined>);
    late.then((made) => made?.terminate?.()).catch(() => {});
    throw new Error(
      "the function given as worker returned a Promise, expected a new Worker: leave async away",
    );
  }
  if (!isWorker(worker)) {
    throw new Error(`the function given as worker returned ${show(worker)}, expected a new Worker`);
  }
  if (taken.has(worker)) {
    throw new Error(
      "the function given as worker returned the same Worker again, expected a new one each time",
    );
  }
  taken.add(worker);
  return worker;
}

function isWorker(value: unknown): value is NodeWorker | Worker {
  const worker = value as Partial<Worker> | null | undefined;
  return typeof worker?.postMessage === "function" && typeof worker.terminate === "function";
}

function startInNode({ Worker }: typeof import("node:worker_threads"), file: string): NodeWorker {
  // Node's own URL class: jsdom replaces the global one.
  const { URL } = builtinModule("node:url")!;
  // Process options that accompany --eval are refused for a file.
  const isEvaluated = globalThis.process.execArgv.some((option) => option.startsWith("--input-type"));
  return new Worker(/^(file|data):/i.test(file) ? new URL(file) : file, isEvaluated ? { execArgv: [] } : {});
}

function threadOfNode(worker: NodeWorker, events: ThreadEvents): Thread {
  let reason: string | undefined;
  worker.on("message", (message: FromWorker) => events.message(message));
  // A worker may throw any value, null included.
  worker.on("error", (error: unknown) => {
    reason = messageOf(error);
  });
  worker.on("exit", (code) => events.end(reason ?? `it ended with exit code ${code}`));
  worker.unref();
  return {
    post: worker.postMessage.bind(worker),
    keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    terminate: () => endQuietly(worker),
  };
}

/** Terminates a worker. Errors on termination are ignored. */
async function endQuietly(worker: NodeWorker | Worker): Promise<void> {
  try {
    await worker.terminate();
  } catch {
    // The worker may be the caller's own implementation.
  }
}

function startInPage(file: string): Worker {
  if (typeof Worker === "undefined") throw new Error("this runtime has no Worker");
  const { href, origin, protocol } = new URL(file, globalThis.document?.baseURI ?? globalThis.location?.href);
  if (origin === globalThis.origin || !/^https?:$/.test(protocol))
    return new Worker(file, { type: "module" });
  // A page cannot start a worker script of another origin, such as a CDN's; but a script of its own may import one.
  const source = new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const worker = new Worker(url, { type: "module" });
  for (const event of ["message", "error"]) {
    worker.addEventListener(event, () => URL.revokeObjectURL(url), { once: true });
  }
  return worker;
}

function threadOfPage(worker: Worker, name: string, events: ThreadEvents): Thread {
  // Bun's workers keep the process alive, as Node's do.
  const { ref, unref }: { ref?(): void; unref?(): void } = worker as object;
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => events.message(data);
  worker.onerror = (event) => {
    event.preventDefault();
    endQuietly(worker);
    events.end(event.message || `${name} could not be loaded as a worker`);
  };
  unref?.call(worker);
  return {
    post: worker.postMessage.bind(worker),
    keepAlive: (yes) => (yes ? ref : unref)?.call(worker),
    terminate() {
      const ended = endQuietly(worker);
      events.end("it was terminated");
      return ended;
    },
  };
}
