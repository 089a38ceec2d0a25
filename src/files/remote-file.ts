import { LatentflowError, type LatentflowErrorCode } from "../base/errors.ts";
import { onAbort } from "../base/on-abort.ts";
import { codeOf, messageOf, throwIfAborted } from "../base/realms.ts";
import { escapeText, showLocation, withoutSecrets, wordsWithoutSecrets } from "../base/show.ts";
import { reasonOf } from "./durable-file.ts";
import { checkSize, collect, type Limits } from "./limits.ts";

/**
 * Downloads a file.
 *
 * @param source URL
 * @throws LatentflowError `not_found`, `unreachable`, or `invalid_file` if it is larger than `maxBytes`
 */
export async function readRemote(source: string, limits: Limits): Promise<Uint8Array> {
  // fetch rejects signals of other realms, and in jsdom even those of its own.
  const own = new AbortController();
  const stop = onAbort(limits.signal, () => own.abort());
  try {
    const response = await fetch(source, isTaken(own.signal) ? { signal: own.signal } : {});
    try {
      if (!response.ok) throw refused(source, response);
      return await readBody(response, limits);
    } catch (error) {
      // An unread body keeps the connection, and so the process, open. Cancelling one that was read to its end rejects.
      response.body?.cancel().catch(() => {});
      throw error;
    }
  } catch (cause) {
    throwIfAborted(limits.signal);
    if (cause instanceof LatentflowError) throw cause;
    throw readError("unreachable", source, cause);
  } finally {
    stop();
  }
}

/**
 * Returns the error for a location that a runtime cannot read. The runtime's error may contain the URL with its secrets, so its
 * message is edited, and it is not kept as the cause.
 *
 * @param location path or URL; empty for none
 */
export function readError(code: LatentflowErrorCode, location: string, cause: unknown): LatentflowError {
  const reason = explain(cause, (words) => wordsWithoutSecrets(words, location));
  const options = withoutSecrets(location) === location ? { cause } : {};
  return new LatentflowError(code, `cannot be read: ${reason}`, options);
}

/**
 * HTTP statuses below 500 after which another attempt may succeed: timeout, too early, too many requests. The error is then
 * `unreachable`.
 */
const TEMPORARY = [408, 425, 429];

function refused(source: string, { status, statusText, url }: Response): LatentflowError {
  const isFinal = status < 500 && !TEMPORARY.includes(status);
  // In a worker a relative URL is relative to the worker's file: the message shows the resolved address.
  const address = url === "" || /^https?:/i.test(source) ? "" : ` for ${showLocation(url)}`;
  const answer = `the server answered ${status} ${escapeText(statusText)}`.trim();
  return new LatentflowError(isFinal ? "not_found" : "unreachable", `cannot be read: ${answer}${address}`);
}

/** True if fetch accepts this abort signal; it may be of another realm. */
function isTaken(signal: AbortSignal): boolean {
  try {
    new Request("data:,", { signal });
    return true;
  } catch {
    return false;
  }
}

async function readBody(response: Response, limits: Limits): Promise<Uint8Array> {
  const promised = Number(response.headers.get("content-length") ?? 0);
  checkSize("the file has", promised, limits.maxBytes);
  if (!response.body) return new Uint8Array(await response.arrayBuffer());
  return collect(chunksOf(response.body.getReader()), limits);
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Returns the reason of an error for a message: the common reason of a system's error, else its message and that of its
 * cause, since fetch's own message is only "fetch failed".
 *
 * @param edit changes messages before they are cut
 */
function explain(error: unknown, edit: (words: string) => string): string {
  const reason = reasonOf(error);
  if (reason !== undefined) return `${codeOf(error)}: ${reason}`;
  const cause = (error as { readonly cause?: unknown } | undefined)?.cause;
  return messageOf(error, edit) + (cause === undefined ? "" : `: ${messageOf(cause, edit)}`);
}
