import { throwIfAborted } from "../brand.ts";
import { checkOptions, show } from "../check.ts";
import {
  bytesOf,
  checkReading,
  type FileSource,
  locationOf,
  onGiven,
  type ReadingOptions,
  readingOptions,
  readSource,
} from "../source.ts";
import { inTurns } from "../turns.ts";
import type { Decoder } from "./decoder.ts";
import { checkFileOptions, type DecoderFileOptions, fileOptions, parseDecoder } from "./from-safetensors.ts";

/** Where a decoder's file may come from. A string is a path in Node, unless it begins http:, https: or file:. */
export type DecoderSource = FileSource;

/** Options of `loadDecoder`. Its parameters, as float32, are what `maxBytes` bounds. */
export interface LoadDecoderOptions extends DecoderFileOptions, ReadingOptions {}

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
 *   or file:, elsewhere a URL. Bytes are copied; do not change or transfer them before that is done.
 * @throws LatentflowError `not_found` when the file cannot be read, `invalid_file` when it holds no decoder or more
 *   than `maxBytes`, `invalid_argument` on a wrong option or one that is missing
 */
export async function loadDecoder(source: DecoderSource, options: LoadDecoderOptions = {}): Promise<Decoder> {
  checkOptions("loadDecoder", options, { ...fileOptions, ...readingOptions });
  const checked = checkFileOptions("loadDecoder", options);
  const limits = checkReading("loadDecoder", options);
  const { signal } = limits;
  throwIfAborted(signal);
  const location = locationOf(source);
  const where = location === undefined ? "loadDecoder" : `loadDecoder(${show(location)})`;
  // At once where they are here: what has been given may be transferred as soon as the call returns.
  const bytes = bytesOf(where, source) ?? (await readSource(where, location ?? source, limits));
  return inTurns(onGiven(where, bytes, parseDecoder(where, bytes, checked, limits.maxBytes)), signal);
}
