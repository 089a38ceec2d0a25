import type { Pausable } from "../../base/event-loop.ts";
import { invalidFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { convertValues, type ValueType, valueSizes } from "../../base/values.ts";
import { sizeOf, stridesOf } from "../../graph/operations.ts";
import type { TensorRecord } from "./model.ts";

/** Kind of a tensor's elements. */
export type ElementType = "float" | "integer" | "boolean";

/** Integer type with a width, at which constant folding wraps results around. */
export type IntegerType = "uint8" | "int8" | "uint16" | "int16" | "int32" | "int64" | "uint32" | "uint64";

/** Constant tensor, row-major in the ONNX file's axis order. */
export interface Tensor {
  readonly type: ElementType;
  /** Integer type; int64 if undefined. */
  readonly integer?: IntegerType;
  readonly shape: readonly number[];
  /** Floats are stored as float32, or float64 if the file has float64; integers and booleans as float64. */
  readonly values: Numbers;
}

/** Elements of a tensor: float32, or float64 for integers, booleans and float64. */
export type Numbers = Float32Array | Float64Array;

/** Number types by their number in TensorProto.DataType. */
const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  16: "bfloat16",
};

/** Returns the kind of elements for a number in TensorProto.DataType; undefined for strings and other types. */
export function elementTypeOf(dataType: number): ElementType | undefined {
  const type = VALUE_TYPES[dataType];
  if (type === "bool") return "boolean";
  return type && (type.includes("int") ? "integer" : "float");
}

/** Returns the integer type for a number in TensorProto.DataType; undefined for other types. */
export function integerTypeOf(dataType: number): IntegerType | undefined {
  return elementTypeOf(dataType) === "integer" ? (VALUE_TYPES[dataType] as IntegerType) : undefined;
}

/** Returns the number of bytes that a tensor's decoded elements take in memory. */
export function bytesOf({ dims, dataType }: TensorRecord): number {
  return sizeOf(dims) * (elementTypeOf(dataType) === "float" && dataType !== 11 ? 4 : 8);
}

/**
 * Decodes a tensor of the file.
 *
 * @param outside bytes of the tensor, if it is stored in another file
 * @throws LatentflowError `invalid_file`
 */
export function* readTensor(record: TensorRecord, outside?: Uint8Array): Pausable<Tensor> {
  const { name, dims, dataType, numbers } = record;
  const at = `the tensor ${show(name)}`;
  const type = VALUE_TYPES[dataType];
  if (type === undefined) {
    throw invalidFile(`${at} has the element type ${dataType}, expected floats, integers or booleans`);
  }
  if (!dims.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw invalidFile(`${at} has the shape [${dims.slice(0, 8)}], expected lengths of at least 0`);
  }
  const count = sizeOf(dims);
  const elementType = elementTypeOf(dataType)!;
  const bytes = outside ?? record.raw;
  // Checked before memory is allocated, which is thus bounded by the file's size.
  const has = bytes ? bytes.length / valueSizes[type] : numbers.length;
  if (has !== count) {
    throw invalidFile(`${at} has ${has} values, expected ${count} by its shape [${dims.slice(0, 8)}]`);
  }
  const values =
    elementType === "float" && type !== "float64" ? new Float32Array(count) : new Float64Array(count);
  if (!bytes) readNumbers(type, numbers, values);
  else if (values instanceof Float32Array) {
    const refuse = () => invalidFile(`${at} cannot be read`);
    yield* convertValues({ type, bytes, littleEndian: true }, values, refuse);
  } else yield* readWide(type, bytes, values);
  const integer = integerTypeOf(dataType);
  return { type: elementType, ...(integer && { integer }), shape: dims, values };
}

function readNumbers(type: ValueType, numbers: readonly number[], values: Numbers): void {
  values.set(numbers);
  if (type !== "float16" && type !== "bfloat16") return;
  // Each number is the bit pattern of a 16-bit float.
  const bytes = new Uint8Array(Uint16Array.from(numbers).buffer);
  const refuse = () => invalidFile("a float of 16 bits cannot be read");
  for (const _ of convertValues({ type, bytes, littleEndian: true }, values as Float32Array, refuse));
}

/** Number of elements decoded between two pauses. */
const PIECE = 2 ** 16;

/** Decodes integers, booleans or float64. Integers beyond 2^53, such as the end of an open slice, are rounded. */
function* readWide(type: ValueType, bytes: Uint8Array, values: Numbers): Pausable<void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = valueSizes[type];
  const read = WIDE_READERS[type]!;
  for (let i = 0; i < values.length; i++) {
    values[i] = read(view, i * size);
    if (i % PIECE === PIECE - 1) yield;
  }
}

const WIDE_READERS: Readonly<Partial<Record<ValueType, (view: DataView, at: number) => number>>> = {
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int32: (view, at) => view.getInt32(at, true),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  float64: (view, at) => view.getFloat64(at, true),
};

/**
 * Makes a tensor of integers.
 *
 * @param shape shape of the tensor. Default: one axis, of all numbers
 */
export function integers(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return { type: "integer", shape, values: Float64Array.from(values) };
}

/** Makes a tensor of floats. */
export function floats(values: ArrayLike<number>, shape: readonly number[]): Tensor {
  return { type: "float", shape, values: Float32Array.from(values) };
}

/** Returns `count` zeros in an array of the same type as `values`. */
export function zerosLike(values: Numbers, count: number): Numbers {
  return values instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);
}

/** Transposes a row-major tensor to the axes in `order`. Axes that are not listed are sliced at position 0. */
export function permuted(values: Numbers, shape: readonly number[], order: readonly number[]): Numbers {
  const strides = stridesOf(shape);
  const [lengths, steps] = [shape, strides].map((all) => order.map((axis) => all[axis]!));
  return strided(values, lengths!, steps!);
}

/** Copies elements with strides: element [i, j, …] of the result is values[offset + i · strides[0] + j · strides[1] + …]. */
export function strided(
  values: Numbers,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Numbers {
  const count = sizeOf(shape);
  const result = zerosLike(values, count);
  const position = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    result[i] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
