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
  signal?.throwIfAborted();
  const location = source instanceof URL ? source.href : source;
  const where = typeof location === "string" ? `loadDecoder(${show(location)})` : "loadDecoder";
  const bytes = await readSource(where, source, signal);
  signal?.throwIfAborted();
  return parseDecoder(where, bytes, checked);
}

async function readSource(
  where: string,
  source: DecoderSource,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source !== "string" && !(source instanceof URL) && !(source instanceof Blob)) {
    throw invalid(`${where}: the source is ${show(source)}, expected bytes, a Blob, a URL or a string`);
  }
  try {
    if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
    return await readLocation(source, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new LatentflowError("not_found", `${where}: cannot be read: ${explain(cause)}`, { cause });
  }
}

/** An error's message and that of its cause: fetch says no more than "fetch failed" in its own. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function readLocation(source: URL | string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  // Not import("node:fs/promises"), on which bundlers for browsers fail.
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const fileSystem = process?.getBuiltinModule?.("node:fs/promises");
  const isUrl = source instanceof URL || /^(https?|file):/i.test(source);
  if (fileSystem && !isUrl) return fileSystem.readFile(source, { signal });
  if (fileSystem && new URL(source).protocol === "file:") {
    return fileSystem.readFile(new URL(source), { signal });
  }
  const response = await fetch(source, { signal: signal ?? null });
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
  return new Uint8Array(await response.arrayBuffer());
}
