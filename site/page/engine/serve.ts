import { messageOf } from "../message-of.ts";
import type { CallTable, FromWorker, ToWorker } from "./messages.ts";

// Server for the client in client.ts: in a worker, answers each message by the handler of its call.

/**
 * Functions that answer a table of calls, given the state that they share. Buffers in a reply are transferred to the
 * page.
 */
export type HandlersOf<Table extends CallTable<Table>, Shared> = {
  readonly [Name in keyof Table]: (
    shared: Shared,
    given: Table[Name]["arguments"],
    running: { readonly signal: AbortSignal; report(value: Table[Name]["progress"]): void },
  ) => Promise<Table[Name]["reply"]>;
};

/** The worker's global scope, which TypeScript's DOM library lacks. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

/** Starts answering the page's messages. To be called once, in a worker. */
export function serve<Table extends CallTable<Table>, Shared>(
  handlers: HandlersOf<Table, Shared>,
  shared: Shared,
): void {
  const scope = globalThis as unknown as WorkerScope;
  /** Cancels each call in progress, by its id. */
  const underWay = new Map<number, AbortController>();

  async function answer(id: number, name: string, given: unknown): Promise<void> {
    const controller = new AbortController();
    underWay.set(id, controller);
    const running = {
      signal: controller.signal,
      // Copied, not transferred, as the handler may still use what it reports.
      report: (value: unknown) => scope.postMessage({ kind: "progress", id, value }, []),
    };
    try {
      const handler = handlers[name as keyof Table] as (
        shared: Shared,
        given: unknown,
        running: object,
      ) => Promise<unknown>;
      const value = await handler(shared, given, running);
      scope.postMessage({ kind: "reply", id, value }, buffersOf(value));
    } catch (error) {
      scope.postMessage({ kind: "failure", id, message: messageOf(error) }, []);
    } finally {
      underWay.delete(id);
    }
  }

  scope.onmessage = ({ data: message }) => {
    if (message.kind === "cancel") underWay.get(message.id)?.abort();
    else void answer(message.id, message.name, message.arguments);
  };
}

/** Returns the buffers of all arrays in a reply, to be transferred instead of copied. */
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
