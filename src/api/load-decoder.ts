import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { inTurns } from "../base/event-loop.ts";
import { throwIfAborted } from "../base/realms.ts";
import { showLocation } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import {
  checkFileOptions,
  type DecoderFileOptions,
  fileOptions,
  parseDecoder,
} from "../decoder/from-safetensors.ts";
import { checkReading, type ReadingOptions, readingOptions } from "../files/limits.ts";
import { bytesOf, type FileSource, locationOf, readSource, whileUnchanged } from "../files/source.ts";
import { verifyDecoder } from "./verify.ts";

/**
 * Source of a decoder's file: bytes, a Blob, a URL or a string. A string is a path in Node unless it begins with http:,
 * https: or file:.
 */
export type DecoderSource = FileSource;

/** Options of `loadDecoder`; `maxBytes` also bounds the memory of the decoder's parameters as float32. */
export interface LoadDecoderOptions extends DecoderFileOptions, ReadingOptions {}

/**
 * Loads a decoder from a safetensors file.
 *
 * The file is either one written by `toSafetensors`, or a plain stack of linear layers under PyTorch's names: `…N.weight`
 * [out, in] and `…N.bias` [out] after a common prefix, with numbers N that increase by 1 or by 2; F32, F16, BF16 or F64. A
 * missing bias is 0. Its metadata may hold `activation` (a name; an object as JSON, like `{"name":"elu","alpha":2}`; or a
 * JSON array with an entry for each gap between two layers), `outputActivation`, `loss` ("bce", cross entropy, or "mse",
 * squared error), `reduction` ("mean" or "sum"), `outputShape` (JSON, `[28,28]`) and `latentflow.probe`. Options override
 * metadata.
 *
 * Names and shapes alone do not show that a file is a stack of layers. A probe does, in the file or as an option: a few
 * latents and their outputs, on which the decoder is run and compared. `decoder.verified` tells whether that succeeded.
 *
 * @param source the file's bytes, or a Blob, a URL, or a string: in Node a path unless it begins with http:, https: or
 *   file:, elsewhere a URL. Bytes are copied; do not change or transfer them before the promise has settled.
 * @throws LatentflowError `not_found` when the file cannot be read; `unreachable` when its server fails; `needs_conversion`
 *   when its tensors are neither described in it nor a plain stack of linear layers: the message has the line of Python that
 *   exports the decoder to ONNX; `invalid_file` when it holds no decoder, more than `maxBytes`, or a probe that the decoder
 *   disagrees with; `invalid_argument` on a wrong or missing option
 * @example
 * const decoder = await loadDecoder("decoder.safetensors", { activation: "relu", loss: "mse" });
 */
export async function loadDecoder(source: DecoderSource, options: LoadDecoderOptions = {}): Promise<Decoder> {
  const { checked, limits, location } = calling("loadDecoder", () => {
    checkOptions(options, { ...fileOptions, ...readingOptions });
    return {
      checked: checkFileOptions(options),
      limits: checkReading(options),
      location: locationOf(source),
    };
  });
  const load = async () => {
    throwIfAborted(limits.signal);
    // Bytes are taken synchronously: the caller could transfer them as soon as the call returns.
    const bytes = bytesOf(source) ?? (await readSource(location ?? source, limits));
    const work = whileUnchanged(bytes, parseDecoder(bytes, checked, limits.maxBytes));
    const { decoder, probe } = await inTurns(work, limits.signal);
    // If the user has given an output activation, the probe may be of the network without it.
    const compared = checked.outputActivation ? "either" : "data";
    return verifyDecoder(decoder, probe, compared, limits);
  };
  return calling("loadDecoder", load, location === undefined ? undefined : showLocation(location));
}
