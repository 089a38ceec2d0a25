import { wasm } from "latentflow";
import { HANDLERS, type Running, type Workshop } from "./handlers.ts";
import type { CallName, FromWorker, ToWorker } from "./messages.ts";

// The page's worker: answers each message of client.ts by the handler of its call.

/** The worker's own scope, which TypeScript's library for pages lacks. */
interface WorkerScope {
  readonly crossOriginIsolated: boolean;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
/** Ends each call under way, by its id. */
const underWay = new Map<number, AbortController>();

const shop: Workshop = {
  networks: new Map(),
  backend: scope.crossOriginIsolated
    ? wasm({
        threads: "auto",
        worker: () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" }),
      })
    : wasm(),
};

scope.onmessage = ({ data: message }) => {
  if (message.kind === "cancel") underWay.get(message.id)?.abort();
  else void answer(message.id, message.name, message.arguments);
};

async function answer(id: number, name: CallName, given: unknown): Promise<void> {
  const controller = new AbortController();
  underWay.set(id, controller);
  const running: Running<CallName> = {
    signal: controller.signal,
    // Copied, not moved: the handler may still need what it reports.
    report: (value) => scope.postMessage({ kind: "progress", id, value }, []),
  };
  try {
    const handler = HANDLERS[name] as (shop: Workshop, given: unknown, running: object) => Promise<unknown>;
    const value = await handler(shop, given, running);
    scope.postMessage({ kind: "reply", id, value }, buffersOf(value));
  } catch (error) {
    scope.postMessage({ kind: "failure", id, message: messageOf(error) }, []);
  } finally {
    underWay.delete(id);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Buffers of the arrays in a reply, which are moved to the page rather than copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) {
      if (part.buffer instanceof ArrayBuffer) buffers.add(part.buffer);
    } else if (part !== null && typeof part === "object") {
      Object.values(part).forEach(visit);
    }
  };
  visit(value);
  return [...buffers];
}
