import { atOnce } from "../../src/base/event-loop.ts";
import type { Decoder } from "../../src/decoder/decoder.ts";
import {
  checkFileOptions,
  type DecoderFileOptions,
  parseDecoder,
} from "../../src/decoder/from-safetensors.ts";

/** A tensor's entry in a header. Wrong ones are wanted too, so nothing is checked. */
export type Entry = unknown;

/** The bytes of a file with this header, an object or JSON text as it stands, and these bytes of data. */
export function fileOf(header: Record<string, Entry> | string, data: Uint8Array | number = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const dataBytes = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + json.length + dataBytes.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(dataBytes, 8 + json.length);
  return bytes;
}

/** A file of float32 tensors of these shapes, one after the other, filled with 0, 1, 2, … */
export function fileOfShapes(
  shapes: Record<string, readonly number[]>,
  metadata?: Record<string, string>,
): Uint8Array {
  const header: Record<string, Entry> = metadata ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end;
    end += 4 * shape.reduce((product, length) => product * length, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [begin, end] };
  }
  const values = Float32Array.from({ length: end / 4 }, (_, index) => index);
  return fileOf(header, new Uint8Array(values.buffer));
}

/** The bytes of a typed array. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** What `loadDecoder` makes of a file's bytes, or throws, before it compares that with a probe. */
export function decoderOf(file: Uint8Array, options: DecoderFileOptions = {}): Decoder {
  return atOnce(parseDecoder(file, checkFileOptions(options), 2 ** 30)).decoder;
}
