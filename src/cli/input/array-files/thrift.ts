// Reader for Thrift's compact protocol, in which Parquet stores the footer and the page headers. It needs no more memory
// than the bytes; hyparquet's own reader allocates as many items as a list claims to have.

/**
 * Error for a Parquet file that is damaged or of an unsupported kind. `reading` turns it into an error that names the
 * file.
 */
export class Damaged extends Error {}

/**
 * Fields of a Thrift struct by field id: numbers, booleans and structs. Texts, lists, 64-bit integers and doubles are
 * skipped.
 */
export type ThriftStruct = ReadonlyMap<number, number | boolean | ThriftStruct>;

/** Maximum nesting depth of structs and lists; Parquet needs fewer than ten. */
const DEEPEST = 64;

/** Type codes of Thrift's compact protocol. */
const [STOP, TRUE, FALSE, BYTE, INT16, INT32, INT64, DOUBLE, BINARY, LIST, STRUCT] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12],
] as const;

/** Reader of structs in Thrift's compact protocol. */
export class ThriftReader {
  constructor(
    private readonly bytes: Uint8Array,
    /** Offset in bytes of the next value. */
    public offset: number,
  ) {}

  /**
   * Reads a struct.
   *
   * @param depth number of structs and lists around it
   * @throws Damaged if the bytes are not a struct, or end within it
   */
  struct(depth = 0): ThriftStruct {
    if (depth > DEEPEST) throw new Damaged(`its metadata have more than ${DEEPEST} structs in each other`);
    const fields = new Map<number, number | boolean | ThriftStruct>();
    let field = 0;
    for (;;) {
      const header = this.byte();
      const type = header & 15;
      if (type === STOP) return fields;
      const step = header >> 4;
      field = step === 0 ? zigZag(this.varint(5)) : field + step;
      const value = this.value(type, depth);
      if (value !== undefined) fields.set(field, value);
    }
  }

  private value(type: number, depth: number): number | boolean | ThriftStruct | undefined {
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === BYTE) return this.byte();
    if (type === INT16 || type === INT32) return zigZag(this.varint(5));
    if (type === STRUCT) return this.struct(depth + 1);
    if (type === LIST) this.list(depth);
    else if (type === INT64) this.varint(10);
    else if (type === DOUBLE) this.skip(8);
    else if (type === BINARY) this.skip(this.varint(5));
    else throw new Damaged(`its metadata have a value of the type ${type}, which Parquet has not`);
    return undefined;
  }

  private list(depth: number): void {
    const header = this.byte();
    const size = header >> 4 === 15 ? this.varint(5) : header >> 4;
    // Each item takes at least one byte.
    if (size > this.bytes.length - this.offset) {
      throw new Damaged(`its metadata have a list of ${size} items, more than there are bytes`);
    }
    if (depth > DEEPEST) throw new Damaged(`its metadata have more than ${DEEPEST} lists in each other`);
    const type = header & 15;
    for (let i = 0; i < size; i++) {
      if (type === TRUE || type === FALSE) this.skip(1);
      else this.value(type, depth + 1);
    }
  }

  private byte(): number {
    const byte = this.bytes[this.offset++];
    if (byte === undefined) throw new Damaged("its metadata are cut short");
    return byte;
  }

  private skip(count: number): void {
    this.offset += count;
    if (this.offset > this.bytes.length) throw new Damaged("its metadata are cut short");
  }

  /** Reads an unsigned varint (LEB128) of at most `most` bytes with 7 bits each: 5 for 32-bit integers, 10 for 64-bit. */
  private varint(most: number): number {
    let value = 0;
    for (let i = 0, factor = 1; i < most; i++, factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new Damaged("its metadata have a number that is too long");
  }
}

/** Decodes a 32-bit zigzag integer, whose lowest bit is the sign. */
function zigZag(value: number): number {
  const bits = value | 0;
  return (bits >>> 1) ^ -(bits & 1);
}
