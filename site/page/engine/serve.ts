import type { CallTable, FromWorker, ToWorker } from "./messages.ts";

// The worker's side of client.ts: answers each message by the handler of its call.

/** Functions that answer the calls of a table, with what they share. Buffers of a reply are moved to the page. */
export type HandlersOf<Table extends CallTable<Table>, Shared> = {
  readonly [Name in keyof Table]: (
    shared: Shared,
    given: Table[Name]["arguments"],
    running: { readonly signal: AbortSignal; report(value: Table[Name]["progress"]): void },
  ) => Promise<Table[Name]["reply"]>;
};

/** The worker's own scope, which TypeScript's library for pages lacks. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

/** Answers the page's messages from now on. Called once, in a worker. */
export function serve<Table extends CallTable<Table>, Shared>(
  handlers: HandlersOf<Table, Shared>,
  shared: Shared,
): void {
  const scope = globalThis as unknown as WorkerScope;
  /** Ends each call under way, by its id. */
  const underWay = new Map<number, AbortController>();

  async function answer(id: number, name: string, given: unknown): Promise<void> {
    const controller = new AbortController();
    underWay.set(id, controller);
    const running = {
      signal: controller.signal,
      // Copied, not moved: the handler may still need what it reports.
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
