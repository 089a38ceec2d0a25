import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { subject, words } from "../base/message.ts";
import type { BlobLike, UrlLike } from "../base/platform.ts";
import {
  checkPresent,
  codeOf,
  isArrayBuffer,
  isPlatformObject,
  isUint8Array,
  throwIfAborted,
} from "../base/realms.ts";
import { objection, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { reasonOf } from "./durable-file.ts";
import { checkSize, type Limits } from "./limits.ts";
import { nodeFiles, readFile } from "./local-file.ts";
import { readError, readRemote } from "./remote-file.ts";

/**
 * Source of a file: bytes, a Blob, or a location. A string is a path in Node unless it begins with http:, https: or file:;
 * elsewhere it is a URL.
 */
export type FileSource = Uint8Array | ArrayBuffer | BlobLike | UrlLike | string;

/** Name of a file's source in messages. */
const THE_SOURCE = words`the ${subject("source")}`;

/** Returns a view of the bytes of a Uint8Array or ArrayBuffer; undefined for any other source. */
export function bytesOf(source: FileSource): Uint8Array | undefined {
  const bytes = isUint8Array(source) ? source : undefined;
  const buffer = bytes ? bytes.buffer : source;
  if (!bytes && !isArrayBuffer(source)) return undefined;
  checkPresent(THE_SOURCE, buffer as ArrayBuffer);
  return bytes ?? new Uint8Array(buffer as ArrayBuffer);
}

/** Returns the path or URL of a source; undefined for bytes and Blobs. */
export function locationOf(source: FileSource): string | undefined {
  if (isPlatformObject("URL", source)) return String((source as UrlLike).href);
  return typeof source === "string" ? source : undefined;
}

/**
 * Runs a pausable computation on a caller's bytes, and checks at its end that they were not transferred or resized in a
 * pause.
 *
 * @param length number of bytes at the call. Default: their number now
 * @throws LatentflowError `invalid_argument` if they were
 */
export function* whileUnchanged<T>(bytes: Uint8Array, work: Pausable<T>, length = bytes.length): Pausable<T> {
  const isUnchanged = () => bytes.length === length;
  try {
    const value = yield* work;
    if (isUnchanged()) return value;
  } catch (error) {
    if (isUnchanged()) throw error;
  }
  const reason = "were transferred or resized while they were read";
  throw objection(words`the ${subject("source", "bytes")}`, reason, "; wait for it, or give a copy");
}

/**
 * Reads all bytes of a location or a Blob.
 *
 * @throws LatentflowError `not_found`, `unreachable`, `invalid_file`; `invalid_argument` on any other source
 */
export async function readSource(source: FileSource, limits: Limits): Promise<Uint8Array> {
  const isBlob = isPlatformObject("Blob", source) || isPlatformObject("File", source);
  if (typeof source !== "string" && !isBlob) {
    const hint = isPlatformObject("Response", source) ? "; give what its arrayBuffer() resolves to" : "";
    throw refused(THE_SOURCE, "is", show(source), "bytes, a Blob, a URL or a string", hint);
  }
  try {
    return typeof source === "string"
      ? await readLocation(source, limits)
      : await readBlob(source as Blob, limits);
  } catch (cause) {
    throwIfAborted(limits.signal);
    if (cause instanceof LatentflowError) throw cause;
    const isThere = reasonOf(cause) !== undefined && codeOf(cause) !== "ENOENT";
    const code = isThere ? "invalid_file" : "not_found";
    throw readError(code, typeof source === "string" ? source : "", cause);
  }
}

async function readBlob(blob: Blob, { maxBytes }: Limits): Promise<Uint8Array> {
  checkSize("the file has", blob.size, maxBytes);
  return new Uint8Array(await blob.arrayBuffer());
}

async function readLocation(source: string, limits: Limits): Promise<Uint8Array> {
  const isUrl = /^(https?|file):/i.test(source);
  if (nodeFiles() && !isUrl) return readFile(source, limits);
  if (nodeFiles() && new URL(source).protocol === "file:") return readFile(new URL(source), limits);
  return readRemote(source, limits);
}
