import { builtinModule } from "../base/builtin-module.ts";
import {
  checkNumber,
  checkSignal,
  escapeText,
  invalid,
  invalidFile,
  show,
  showLocation,
  withoutSecrets,
} from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { inTurns, makeTurns, type Work } from "../base/event-loop.ts";
import { option } from "../base/message.ts";
import { onAbort } from "../base/on-abort.ts";
import type { AbortSignalLike, BlobLike, UrlLike } from "../base/platform.ts";
import {
  checkPresent,
  codeOf,
  isArrayBuffer,
  isPlatformObject,
  isUint8Array,
  messageOf,
  throwIfAborted,
} from "../base/realms.ts";
import { reasonOf } from "./durable-file.ts";

// Where files come from, and how much of them is taken.

/** Where a file may come from. A string is a path in Node, unless it begins http:, https: or file:. */
export type FileSource = Uint8Array | ArrayBuffer | BlobLike | UrlLike | string;

/** What bounds the reading of a file. */
export interface ReadingOptions {
  /**
   * The most bytes that a file may have, and that its values may take in memory: a file of a megabyte can unpack to a
   * gigabyte, and whoever wrote it chooses. Bytes that are given have no such bound, only what they unpack to.
   * Default: 2^30, 1 GiB.
   */
  maxBytes?: number | undefined;
  /** Stops the reading; the promise then rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/** Reading options, checked. */
export interface Limits {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** The default of `maxBytes`. */
export const STANDARD_MAX_BYTES = 2 ** 30;

/** The names of the reading options. */
export const readingOptions = { maxBytes: true, signal: true } as const;

/** Refuses reading options that are none. */
export function checkReading(where: string, { maxBytes, signal }: ReadingOptions): Limits {
  checkSignal(where, signal);
  if (maxBytes !== undefined) checkNumber(where, "maxBytes", maxBytes, { min: 1, integer: true });
  return { maxBytes: maxBytes ?? STANDARD_MAX_BYTES, signal };
}

/**
 * Refuses what would take more than `maxBytes`.
 *
 * @param what would take them: "the file has", say
 * @param size may be far beyond what is exact
 * @throws LatentflowError `invalid_file`
 */
export function checkSize(where: string, what: string, size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  const cure = Number.isSafeInteger(size) ? `, to read it give ${option("maxBytes", size)}` : "";
  throw invalidFile(`${where}: ${what} ${size} bytes, more than ${option("maxBytes")}, ${maxBytes}${cure}`);
}

/**
 * Makes a new array.
 *
 * @throws LatentflowError `out_of_memory`
 */
export function allocate<T>(
  where: string,
  Type: { new (length: number): T; name: string },
  length: number,
): T {
  try {
    return new Type(length);
  } catch (cause) {
    throw new LatentflowError(
      "out_of_memory",
      `${where}: there is no memory for the file's ${length} values (${Type.name})`,
      { cause },
    );
  }
}

/** The bytes of a source that is nothing else, not copied. */
export function bytesOf(where: string, source: FileSource): Uint8Array | undefined {
  const bytes = isUint8Array(source) ? source : undefined;
  const buffer = bytes ? bytes.buffer : source;
  if (!bytes && !isArrayBuffer(source)) return undefined;
  checkPresent(where, "the source", buffer as ArrayBuffer);
  return bytes ?? new Uint8Array(buffer as ArrayBuffer);
}

/** The path or URL that a source is. */
export function locationOf(source: FileSource): string | undefined {
  if (isPlatformObject("URL", source)) return String((source as UrlLike).href);
  return typeof source === "string" ? source : undefined;
}

/**
 * Work on bytes that somebody gave, and may yet take away while it pauses.
 *
 * @throws LatentflowError `invalid_argument` when they are transferred, or their buffer is resized, before it is done
 */
export function* onGiven<T>(where: string, bytes: Uint8Array, work: Work<T>): Work<T> {
  const { length } = bytes;
  const isAsGiven = () => bytes.length === length;
  try {
    const value = yield* work;
    if (isAsGiven()) return value;
  } catch (error) {
    if (isAsGiven()) throw error;
  }
  throw invalid(
    `${where}: the bytes were transferred or resized while they were read; wait for it, or give a copy`,
  );
}

/** The whole of a source that has to be read first: a location or a Blob, see `bytesOf`. */
export async function readSource(where: string, source: FileSource, limits: Limits): Promise<Uint8Array> {
  const isBlob = isPlatformObject("Blob", source) || isPlatformObject("File", source);
  if (typeof source !== "string" && !isBlob) {
    const hint = isPlatformObject("Response", source) ? "; give what its arrayBuffer() resolves to" : "";
    throw invalid(
      `${where}: the source is ${show(source)}, expected bytes, a Blob, a URL or a string${hint}`,
    );
  }
  try {
    return typeof source === "string"
      ? await readLocation(where, source, limits)
      : await readBlob(where, source as Blob, limits);
  } catch (cause) {
    throwIfAborted(limits.signal);
    if (cause instanceof LatentflowError) throw cause;
    const isThere = reasonOf(cause) !== undefined && codeOf(cause) !== "ENOENT";
    const code = isThere ? "invalid_file" : "not_found";
    throw new LatentflowError(code, `${where}: cannot be read: ${explain(cause)}`, { cause });
  }
}

/** A common reason; else an error's message and that of its cause: fetch says no more than "fetch failed" in its own. */
function explain(error: unknown, edit?: (words: string) => string): string {
  const reason = reasonOf(error);
  if (reason !== undefined) return `${codeOf(error)}: ${reason}`;
  const cause = (error as { readonly cause?: unknown } | undefined)?.cause;
  return messageOf(error, edit) + (cause === undefined ? "" : `: ${messageOf(cause, edit)}`);
}

async function readBlob(where: string, blob: Blob, { maxBytes }: Limits): Promise<Uint8Array> {
  checkSize(where, "the file has", blob.size, maxBytes);
  return new Uint8Array(await blob.arrayBuffer());
}

async function readLocation(where: string, source: string, limits: Limits): Promise<Uint8Array> {
  const isUrl = /^(https?|file):/i.test(source);
  if (nodeFiles() && !isUrl) return readFile(where, source, limits);
  if (nodeFiles() && new URL(source).protocol === "file:") return readFile(where, new URL(source), limits);
  return readRemote(where, source, limits);
}

async function readRemote(where: string, source: string, limits: Limits): Promise<Uint8Array> {
  // A signal of our own: fetch takes none of another realm's, and where a page is imitated not even ours.
  const own = new AbortController();
  const forget = onAbort(limits.signal, () => own.abort());
  try {
    const response = await fetch(source, isTaken(own.signal) ? { signal: own.signal } : {});
    try {
      if (!response.ok) throw refused(where, source, response);
      return await readBody(where, response, limits);
    } catch (error) {
      // What is not read holds its connection open, and with that the process. (What was read to its end says so here.)
      response.body?.cancel().catch(() => {});
      throw error;
    }
  } catch (cause) {
    throwIfAborted(limits.signal);
    if (cause instanceof LatentflowError) throw cause;
    // The runtime's own words may have the whole URL in them: where that holds a secret, they are no cause to be printed.
    const address = withoutSecrets(source);
    const reason = explain(cause, (words) => words.replaceAll(source, () => address));
    const options = address === source ? { cause } : {};
    throw new LatentflowError("unreachable", `${where}: cannot be read: ${reason}`, options);
  } finally {
    forget();
  }
}

/** 4xx says that there is nothing to be had, but for these: timeout, too early, too many requests. */
const TEMPORARY = [408, 425, 429];

function refused(where: string, source: string, { status, statusText, url }: Response): LatentflowError {
  const isFinal = status < 500 && !TEMPORARY.includes(status);
  // What a relative URL is relative to may surprise: in a worker it is the worker's file.
  const address = url === "" || /^https?:/i.test(source) ? "" : ` for ${showLocation(url)}`;
  const answer = `the server answered ${status} ${escapeText(statusText)}`.trim();
  return new LatentflowError(
    isFinal ? "not_found" : "unreachable",
    `${where}: cannot be read: ${answer}${address}`,
  );
}

function isTaken(signal: AbortSignal): boolean {
  try {
    new Request("data:,", { signal });
    return true;
  } catch {
    return false;
  }
}

const nodeFiles = () => builtinModule("node:fs/promises");

/** Bytes read between two looks at the signal. */
const PIECE = 2 ** 20;

/**
 * The whole of a file, in Node.
 *
 * @throws LatentflowError `invalid_file` where it is larger than `maxBytes`, and what the file system throws
 */
export async function readFile(where: string, path: string | URL, limits: Limits): Promise<Uint8Array> {
  const { maxBytes, signal } = limits;
  if ((await nodeFiles()!.stat(path)).isFIFO()) return collect(where, chunksOfPipe(path, signal), limits);
  const handle = await nodeFiles()!.open(path);
  try {
    const status = await handle.stat();
    // What is no file, a device say, has no size, and what the system makes up as it is read says 0.
    if (!status.isFile() || status.size === 0) return await collect(where, piecesOf(handle), limits);
    checkSize(where, "the file has", status.size, maxBytes);
    const bytes = allocate(where, Uint8Array, status.size);
    let filled = 0;
    while (filled < bytes.length) {
      throwIfAborted(signal);
      const { bytesRead } = await handle.read(bytes, filled, Math.min(PIECE, bytes.length - filled), null);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

type FileHandle = Awaited<ReturnType<NonNullable<ReturnType<typeof nodeFiles>>["open"]>>;

async function* piecesOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(2 ** 16), 0, 2 ** 16, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * What comes through a named pipe. Opened and read as a file it would hold a thread of Node's until somebody writes,
 * whatever the signal says, and not even process.exit() would end that.
 */
async function* chunksOfPipe(
  path: string | URL,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { openSync, constants } = builtinModule("node:fs")!;
  const { Socket } = builtinModule("node:net")!;
  // Aborted since the call, it sends no event any more.
  throwIfAborted(signal);
  const pipe = new Socket({
    ...{ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false },
  });
  const forget = onAbort(signal, () => void pipe.destroy());
  try {
    yield* pipe as AsyncIterable<Uint8Array>;
  } finally {
    forget();
    pipe.destroy();
  }
}

async function readBody(where: string, response: Response, limits: Limits): Promise<Uint8Array> {
  const promised = Number(response.headers.get("content-length") ?? 0);
  checkSize(where, "the file has", promised, limits.maxBytes);
  if (!response.body) return new Uint8Array(await response.arrayBuffer());
  return collect(where, chunksOf(response.body.getReader()), limits);
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Where it is not read to its end, the rest is not wanted.
    await reader.cancel().catch(() => {});
  }
}

/** All chunks in one array, as long as they stay within the limits. */
export async function collect(
  where: string,
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: Limits,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const turn = makeTurns();
  for await (const chunk of chunks) {
    throwIfAborted(signal);
    size += chunk.length;
    if (size > maxBytes) {
      throw invalidFile(
        `${where}: the file has more than ${option("maxBytes")}, ${maxBytes} bytes; give a larger ${option("maxBytes")} to read it`,
      );
    }
    parts.push(chunk);
    await turn();
  }
  return inTurns(join(where, parts, size), signal);
}

function* join(where: string, parts: readonly Uint8Array[], size: number): Work<Uint8Array> {
  const joined = allocate(where, Uint8Array, size);
  let filled = 0;
  for (const part of parts) {
    joined.set(part, filled);
    filled += part.length;
    yield;
  }
  return joined;
}
