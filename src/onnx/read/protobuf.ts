import { PbfReader } from "pbf";
import { invalidFile } from "../../base/refuse.ts";

// Reader of protocol buffers that checks every length, since a file may be malicious.

/** Wire types of protocol buffers. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Most fields of a file: a field of two bytes takes a hundred in memory. */
const MOST_FIELDS = 2 ** 23;
/** Most numbers in packed fields: a number of one byte takes eight in memory. */
const MOST_PACKED = 2 ** 25;

/**
 * Budget of fields and numbers that may still be read. A file of ordinary length could otherwise exhaust the heap,
 * which ends the process without an error that could be caught.
 */
class Budget {
  private fields = MOST_FIELDS;
  private packed = MOST_PACKED;

  takeField(): void {
    if (--this.fields < 0)
      throw invalidFile(`the file has more than ${MOST_FIELDS} fields, the most that are read`);
  }

  takePacked(): void {
    if (--this.packed < 0)
      throw invalidFile(
        `the file has more than ${MOST_PACKED} numbers that are not raw data; export it with raw data`,
      );
  }
}

/** Bytes of a message within a file, and what may still be read of the file. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly budget: Budget;
}

/** Returns the message that is a whole file. */
export function fileMessage(bytes: Uint8Array): Message {
  return { bytes, budget: new Budget() };
}

/** Field of a message before its content is decoded. */
export class Field {
  readonly #reader: PbfReader;
  readonly #what: string;
  readonly #budget: Budget;
  readonly number: number;

  constructor(reader: PbfReader, what: string, number: number, budget: Budget) {
    this.#reader = reader;
    this.#what = what;
    this.#budget = budget;
    this.number = number;
  }

  message(): Message {
    return { bytes: this.bytes(), budget: this.#budget };
  }

  /** Returns a view of the field's bytes in the file. */
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

  /** Returns a 64-bit integer, or the nearest number to it. */
  integer(): number {
    this.#expect(VARINT);
    return this.#reader.readVarint(true);
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#reader.readFloat();
  }

  /** Appends the field's integer, or several that are packed. */
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
    while (packed.pos < packed.length) {
      this.#budget.takePacked();
      into.push(read(packed));
    }
    if (packed.pos !== packed.length) throw this.#cut();
  }

  #expect(type: number): void {
    if (this.#reader.type === type) return;
    throw invalidFile(
      `${this.#what} is damaged: field ${this.number} has the wire type ${this.#reader.type}; copy or export it again`,
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
 * @throws LatentflowError `invalid_file` where the bytes are none, or the file has more in it than is read
 */
export function readMessage(what: string, { bytes, budget }: Message, visit: (field: Field) => void): void {
  const reader = new PbfReader(bytes);
  for (;;) {
    const number = guarded(what, () => reader.nextField());
    if (number === 0) break;
    budget.takeField();
    guarded(what, () => visit(new Field(reader, what, number, budget)));
  }
  if (reader.pos !== bytes.length) {
    throw invalidFile(`${what} is cut short, or damaged: it ends within a field`);
  }
}

/** Runs a parser, and turns errors of reading beyond the end of the file into errors of the library. */
function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.name === "LatentflowError") throw error;
    throw invalidFile(`${what} is cut short, or damaged: it is no protocol buffer`, error);
  }
}
