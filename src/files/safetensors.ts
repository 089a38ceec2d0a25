import type { LatentflowError } from "../base/errors.ts";
import type { Owned } from "../base/owned.ts";
import { invalid, invalidFile } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { bytesIn } from "../base/values.ts";
import { showStart } from "./file-kind.ts";
import { elementSizes, type Tensor } from "./tensor.ts";

// The safetensors format (https://huggingface.co/docs/safetensors):
//
//   8 bytes           N, the header's length: unsigned, little-endian
//   N bytes           the header: JSON, { NAME: { dtype, shape, data_offsets: [begin, end] }, …,
//                     "__metadata__": { KEY: "text", … } }, padded with spaces
//   the rest          the tensors' bytes; offsets count from here, and the tensors fill it without gap or overlap

// Enough for 10,000 tensors at 100 bytes each. JSON.parse takes at most 80 MB for a header of this size.
const maxHeaderLength = 2 ** 20;
const maxAxes = 8;
/**
 * Maximum nesting depth of brackets that is parsed. A valid header, with entries and shapes, has three levels; a few more are
 * parsed so that the message can name the wrong entry.
 */
const deepest = 8;
const openingBrace = 0x7b;

/** Metadata of a safetensors file: strings by key. */
export type Metadata = ReadonlyMap<string, string>;

/** Contents of a safetensors file. */
export interface SafetensorsFile {
  readonly metadata: Metadata;
  /** Tensors by name, in the order of the header; their bytes are views of the file. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Parses a safetensors file. The file is not trusted: whatever its bytes, it is either read or rejected, in time and memory
 * proportional to its size.
 *
 * @throws LatentflowError `invalid_file`
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const refuse = (problem: string) => invalidFile(`not a valid safetensors file: ${problem}`);

  const headerLength = readHeaderLength(bytes, refuse);
  const header = parseHeader(bytes.slice(8, 8 + headerLength), refuse);
  const data = bytes.subarray(8 + headerLength);

  const metadata = new Map<string, string>();
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry))
      throw refuse(`the entry ${show(name)} is ${show(entry)}, expected an object`);
    if (name !== "__metadata__") {
      tensors.set(name, readTensor(name, entry as Record<string, unknown>, data, refuse));
      continue;
    }
    for (const [key, text] of Object.entries(entry)) {
      if (typeof text !== "string") throw refuse(`metadata ${show(key)} is ${show(text)}, expected a string`);
      metadata.set(key, text);
    }
  }
  checkCoverage(tensors, data, refuse);
  return { metadata, tensors };
}

/** Makes the error for a problem of the file. */
type Refuse = (problem: string) => LatentflowError;

function readHeaderLength(bytes: Uint8Array, refuse: Refuse): number {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, fewer than the 8 of the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  // Exact up to 2^53; an inexact length exceeds the limits below anyway.
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > bytes.length - 8) {
    throw refuse(
      `its header should have ${length} bytes, but only ${bytes.length - 8} follow; it begins with ${showStart(bytes)}: is it truncated, or another kind of file?`,
    );
  }
  if (length > maxHeaderLength) {
    throw refuse(`its header has ${length} bytes, more than the ${maxHeaderLength} that are read`);
  }
  return length;
}

function parseHeader(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  if (bytes[0] !== openingBrace) throw refuse("its header does not begin with {");
  const valid = <T>(read: () => T): T => {
    try {
      return read();
    } catch {
      throw refuse("its header is not valid JSON");
    }
  };
  const text = valid(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  // Before JSON.parse, which takes seconds for a megabyte of brackets.
  if (nesting(text) > deepest) throw refuse(`its header has brackets more than ${deepest} deep`);
  const header = valid((): Record<string, unknown> => JSON.parse(text));
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw refuse(`its header has the key ${show(duplicate)} twice`);
  return header;
}

/** Returns the depth to which brackets are nested in a text that may be JSON; stops counting above `deepest`. */
function nesting(text: string): number {
  let depth = 0;
  let most = 0;
  let isInString = false;
  for (let i = 0; i < text.length && most <= deepest; i++) {
    const character = text[i];
    if (isInString) {
      if (character === "\\") i++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") most = Math.max(most, ++depth);
    else if (character === "}" || character === "]") depth--;
  }
  return most;
}

/**
 * Returns a key that occurs twice in an object of valid JSON, else undefined; `JSON.parse` silently keeps the last value of such
 * a key.
 */
function findDuplicateKey(json: string): string | undefined {
  const keysOfOpenObjects: Set<string>[] = [];
  // Matches strings, which before a colon are keys, and braces outside strings.
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === "{") keysOfOpenObjects.push(new Set());
    else if (token === "}") keysOfOpenObjects.pop();
    else if (colon) {
      // Escapes resolved: "a" and "\u0061" are one key.
      const key: string = text!.includes("\\") ? JSON.parse(text!) : text!.slice(1, -1);
      const keys = keysOfOpenObjects.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function readTensor(name: string, entry: Record<string, unknown>, data: Uint8Array, refuse: Refuse): Tensor {
  const { dtype, shape, data_offsets: offsets } = entry;
  const tensor = `tensor ${show(name)}`;
  const elementSize = typeof dtype === "string" ? elementSizes.get(dtype) : undefined;
  if (typeof dtype !== "string" || elementSize === undefined) {
    throw refuse(
      `${tensor} has the dtype ${show(dtype)}, expected one of ${[...elementSizes.keys()].join(", ")}`,
    );
  }
  if (!isCounts(shape) || shape.length > maxAxes) {
    const shown = Array.isArray(shape) ? showShape(shape) : show(shape);
    throw refuse(`${tensor} has the shape ${shown}, expected at most ${maxAxes} integers >= 0`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    const shown = Array.isArray(offsets) ? showShape(offsets) : show(offsets);
    throw refuse(`${tensor} has the data_offsets ${shown}, expected two integers >= 0`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > data.length) {
    throw refuse(
      `${tensor} lies at [${begin}, ${end}] of ${data.length} bytes of data (is the file truncated?)`,
    );
  }
  // A product too large to be exact is also too large to equal the length.
  const size = shape.reduce((product, length) => product * length, elementSize);
  if (size !== end - begin) {
    throw refuse(`${tensor} of ${showShape(shape)} ${dtype} needs ${size} bytes but has ${end - begin}`);
  }
  return { dtype, shape, bytes: data.subarray(begin, end) };
}

/** Throws if tensors overlap or leave bytes unused: such a file could mean different things to different readers. */
function checkCoverage(tensors: ReadonlyMap<string, Tensor>, data: Uint8Array, refuse: Refuse): void {
  const begin = (tensor: Tensor) => tensor.bytes.byteOffset - data.byteOffset;
  const inOrder = [...tensors].sort(([, a], [, b]) => begin(a) - begin(b) || a.bytes.length - b.bytes.length);
  let covered = 0;
  for (const [name, tensor] of inOrder) {
    if (begin(tensor) !== covered) {
      const problem = begin(tensor) < covered ? "overlaps the tensor before it" : "leaves a gap before it";
      throw refuse(`tensor ${show(name)} ${problem}: it begins at ${begin(tensor)}, expected ${covered}`);
    }
    covered += tensor.bytes.length;
  }
  if (covered !== data.length) throw refuse(`its last ${data.length - covered} bytes belong to no tensor`);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** Array types that tensors can be written from; the type determines the dtype. */
type TensorValues = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array | BigInt64Array;

function dtypeOf(values: TensorValues): string {
  if (values instanceof Float64Array) return "F64";
  if (values instanceof Int32Array) return "I32";
  if (values instanceof Uint8Array) return "U8";
  if (values instanceof BigInt64Array) return "I64";
  return values instanceof Uint32Array ? "U32" : "F32";
}

/**
 * Returns the bytes of a safetensors file, its tensors in the order given.
 *
 * @param tensors tensors with different names; each has as many values as the product of its shape
 * @throws LatentflowError `invalid_argument` if the header would be longer than `readSafetensors` accepts
 */
export function writeSafetensors(
  tensors: readonly { name: string; shape: readonly number[]; values: TensorValues }[],
  metadata: Metadata,
): Owned<Uint8Array> {
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(metadata) };
  let dataLength = 0;
  for (const { name, shape, values } of tensors) {
    const begin = dataLength;
    dataLength += values.byteLength;
    header[name] = { dtype: dtypeOf(values), shape, data_offsets: [begin, dataLength] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  checkHeader(json.length, metadata);
  const dataStart = 8 + Math.ceil(json.length / 8) * 8;

  const bytes = new Uint8Array(dataStart + dataLength).fill(0x20, 0, dataStart);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  bytes.set(json, 8);
  let position = dataStart;
  for (const { values } of tensors) {
    bytes.set(bytesIn(values), position);
    position += values.byteLength;
  }
  return bytes;
}

/** Throws if a header would be longer than `readSafetensors` accepts; `length` is its size in bytes. */
function checkHeader(length: number, metadata: Metadata): void {
  if (length <= maxHeaderLength - 8) return;
  const [largest] = [...metadata].sort(([, a], [, b]) => b.length - a.length);
  const most = largest ? `; of these ${show(largest[0])} has ${largest[1].length}` : "";
  throw invalid(
    `a safetensors file's header would have ${length} bytes, more than the ${maxHeaderLength} that are read${most}; ` +
      "keep a decoder as an ONNX file, by toOnnx() of latentflow/onnx, which has twice the room",
  );
}
