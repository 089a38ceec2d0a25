import { PbfReader } from "pbf";
import { invalidFile } from "../check.ts";

// Protocol buffers, read with every length checked: whoever wrote the file chose them.

/** The wire types of protocol buffers. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A field of a message, before it is known what it holds. */
export class Field {
  readonly #reader: PbfReader;
  readonly #what: string;
  readonly number: number;

  constructor(reader: PbfReader, what: string, number: number) {
    this.#reader = reader;
    this.#what = what;
    this.number = number;
  }

  /** A view into the file's bytes: a message or raw values. */
  bytes(): Uint8Array {
    this.#expect(BYTES);
    const length = this.#reader.readVarint();
    const start = this.#reader.pos;
    if (!(length <= this.#reader.length - start)) throw this.#cut();
    this.#reader.pos = start + length;
    return this.#reader.buf.subarray(start, start + length);
  }

  text(): string {
    // A copy: a decoder takes no view into shared memory.
    return new TextDecoder().decode(this.bytes().slice());
  }

  /** A 64-bit integer, or the nearest number to it. */
  integer(): number {
    this.#expect(VARINT);
    return this.#reader.readVarint(true);
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#reader.readFloat();
  }

  /** Appends one integer, or several that are packed. */
  integers(into: number[]): void {
    this.#repeated(into, VARINT, (reader) => reader.readVarint(true));
  }

  floats(into: number[]): void {
    this.#repeated(into, FIXED32, (reader) => reader.readFloat());
  }

  doubles(into: number[]): void {
    this.#repeated(into, FIXED64, (reader) => reader.readDouble());
  }

  #repeated(into: number[], type: number, read: (reader: PbfReader) => number): void {
    if (this.#reader.type !== BYTES) {
      this.#expect(type);
      into.push(read(this.#reader));
      return;
    }
    const packed = new PbfReader(this.bytes());
    while (packed.pos < packed.length) into.push(read(packed));
    if (packed.pos !== packed.length) throw this.#cut();
  }

  #expect(type: number): void {
    if (this.#reader.type === type) return;
    throw invalidFile(
      `${this.#what} is damaged: field ${this.number} has the wire type ${this.#reader.type}`,
    );
  }

  #cut(): Error {
    return invalidFile(`${this.#what} is cut short, or damaged: field ${this.number} goes beyond its end`);
  }
}

/**
 * Calls `visit` with each field of a message; what it does not read is passed over.
 *
 * @param what the message's name, for messages of ours
 * @throws LatentflowError `invalid_file` where the bytes are none
 */
export function readMessage(what: string, bytes: Uint8Array, visit: (field: Field) => void): void {
  const reader = new PbfReader(bytes);
  for (;;) {
    const number = guarded(what, () => reader.nextField());
    if (number === 0) break;
    guarded(what, () => visit(new Field(reader, what, number)));
  }
  if (reader.pos !== bytes.length) {
    throw invalidFile(`${what} is cut short, or damaged: it ends within a field`);
  }
}

/** The library throws errors of its own, and the platform's where it reads beyond the end. */
function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.name === "LatentflowError") throw error;
    throw invalidFile(`${what} is cut short, or damaged: it is no protocol buffer`, error);
  }
}
