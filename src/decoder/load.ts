import {
  checkPresent,
  isArrayBuffer,
  isPlatformObject,
  isUint8Array,
  messageOf,
  throwIfAborted,
} from "../brand.ts";
import { checkSignal, invalid, show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import type { AbortSignalLike, BlobLike, UrlLike } from "../platform.ts";
import type { Decoder } from "./decoder.ts";
import { checkFileOptions, type DecoderFileOptions, parseDecoder } from "./from-safetensors.ts";

/** Where a decoder's file may come from. A string is a path in Node, unless it begins http:, https: or file:. */
export type DecoderSource = Uint8Array | ArrayBuffer | BlobLike | UrlLike | string;

/** Options of `loadDecoder`. */
export interface LoadDecoderOptions extends DecoderFileOptions {
  /** Stops the loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignalLike;
}

/**
 * Loads a decoder from a safetensors file.
 *
 * The file holds one multi-layer perceptron under PyTorch's names: `…N.weight` [out, in] and `…N.bias` [out],
 * after any common prefix, ordered by N as a number; F32, F16, BF16 or F64. Its metadata may hold
 * `activation` and `outputActivation` (a name, or as JSON an object like `{"name":"elu","alpha":2}`), `loss`
 * ("bce", cross entropy, or "mse", squared error), `reduction` ("mean" or "sum") and `outputShape` (JSON,
 * `[28,28]`). What the file does not say, the options can.
 *
 * @param source the file's bytes, or a Blob, a URL, or a string: in Node a path unless it begins http:, https:
 *   or file:, elsewhere a URL. Bytes are copied.
 * @throws LatentflowError `not_found` when the file cannot be read, `invalid_file` when it holds no decoder,
 *   `invalid_argument` on a wrong option or one that is missing
 */
export async function loadDecoder(source: DecoderSource, options: LoadDecoderOptions = {}): Promise<Decoder> {
  const checked = checkFileOptions("loadDecoder", options, ["signal"]);
  const { signal } = options;
  checkSignal("loadDecoder", signal);
  throwIfAborted(signal);
  const location = isPlatformObject("URL", source) ? String((source as UrlLike).href) : source;
  const where = typeof location === "string" ? `loadDecoder(${show(location)})` : "loadDecoder";
  // At once where they are here: what has been given may be transferred as soon as the call returns.
  const bytes = bytesOf(where, source) ?? (await readSource(where, location as string | BlobLike, signal));
  throwIfAborted(signal);
  return parseDecoder(where, bytes, checked);
}

/** The source as bytes, if it is that. */
function bytesOf(where: string, source: DecoderSource): Uint8Array | undefined {
  const bytes = isUint8Array(source) ? source : undefined;
  const buffer = bytes ? bytes.buffer : source;
  if (!bytes && !isArrayBuffer(source)) return undefined;
  checkPresent(where, "the source", buffer as ArrayBuffer);
  return bytes ?? new Uint8Array(buffer as ArrayBuffer);
}

async function readSource(
  where: string,
  source: string | BlobLike,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const isBlob = isPlatformObject("Blob", source) || isPlatformObject("File", source);
  if (typeof source !== "string" && !isBlob) {
    throw invalid(`${where}: the source is ${show(source)}, expected bytes, a Blob, a URL or a string`);
  }
  try {
    if (typeof source !== "string") return new Uint8Array(await source.arrayBuffer());
    return await readLocation(source, signal);
  } catch (cause) {
    throwIfAborted(signal);
    throw new LatentflowError("not_found", `${where}: cannot be read: ${explain(cause)}`, { cause });
  }
}

/** An error's message and that of its cause: fetch says no more than "fetch failed" in its own. */
function explain(error: unknown): string {
  const cause = (error as { readonly cause?: unknown } | undefined)?.cause;
  return messageOf(error) + (cause === undefined ? "" : `: ${messageOf(cause)}`);
}

async function readLocation(source: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  // Not import("node:fs/promises"), on which bundlers for browsers fail.
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const fileSystem = process?.getBuiltinModule?.("node:fs/promises");
  const isUrl = /^(https?|file):/i.test(source);
  if (fileSystem && !isUrl) return fileSystem.readFile(source, { signal });
  if (fileSystem && new URL(source).protocol === "file:") {
    return fileSystem.readFile(new URL(source), { signal });
  }
  // A signal of our own: fetch takes none of another realm's, and where a page is imitated not even ours.
  const own = new AbortController();
  const abort = () => own.abort();
  signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(source, isTaken(own.signal) ? { signal: own.signal } : {});
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
    return new Uint8Array(await response.arrayBuffer());
  } finally {
    signal?.removeEventListener?.("abort", abort);
  }
}

function isTaken(signal: AbortSignal): boolean {
  try {
    new Request("data:,", { signal });
    return true;
  } catch {
    return false;
  }
}
