import { PbfReader } from "pbf";
import { invalidFile } from "../../base/refuse.ts";

// Parses protocol buffers and checks every length, since a file may be malicious.

/** Wire types of protocol buffers: VARINT, FIXED64, BYTES and FIXED32. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Maximum number of fields in a file: a field of two bytes takes a hundred bytes in memory. */
const MOST_FIELDS = 2 ** 23;
/** Maximum number of numbers in packed fields: a number of one byte takes eight in memory. */
const MOST_PACKED = 2 ** 25;

/**
 * Number of fields and numbers that may still be read from a file. Without this limit, a file of ordinary size could exhaust
 * the heap, which ends the process without an exception.
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

/** Bytes of a message in a file, and the budget that is left for the file. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly budget: Budget;
}

/** Wraps a whole file as a message. */
export function fileMessage(bytes: Uint8Array): Message {
  return { bytes, budget: new Budget() };
}

/** Field of a message, before its content is decoded. */
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

  /** Returns the field's bytes as a view of the file. */
  bytes(): Uint8Array {
    this.#expect(BYTES);
    const length = this.#reader.readVarint();
    const start = this.#reader.pos;
    if (!(length <= this.#reader.length - start)) throw this.#cut();
    this.#reader.pos = start + length;
    return this.#reader.buf.subarray(start, start + length);
  }

  text(): string {
    // Copied, since TextDecoder refuses views of shared memory.
    return new TextDecoder().decode(this.bytes().slice());
  }

  /** Returns a 64-bit integer, rounded to the nearest number. */
  integer(): number {
    this.#expect(VARINT);
    return this.#reader.readVarint(true);
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#reader.readFloat();
  }

  /** Appends the field's integer, or all integers of a packed field. */
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
 * Calls `visit` with each field of a message; content that it does not read is skipped.
 *
 * @param what name of the message, for errors
 * @throws LatentflowError `invalid_file` if the bytes are not a valid message, or the file has too many fields or numbers
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

/** Runs a parser, and turns errors of reading past the end into LatentflowErrors. */
function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.name === "LatentflowError") throw error;
    throw invalidFile(`${what} is cut short, or damaged: it is no protocol buffer`, error);
  }
}
