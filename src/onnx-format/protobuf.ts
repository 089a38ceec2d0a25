import type { Owned } from "../base/owned.ts";

/**
 * A protobuf message being written: as much of the encoding as ONNX files need. Fields are written in the order
 * of the calls, each under its number in the message's definition.
 */
export class ProtobufMessage {
  /**
   * Small fields as lists of bytes; large blocks, such as weights, as they are, so that they are copied once, at the
   * end.
   */
  private readonly parts: (number[] | Uint8Array)[] = [];
  private size = 0;

  /** Bytes written so far. */
  get byteLength(): number {
    return this.size;
  }

  /** A field of type int64, int32 or enum; `value` is a non-negative integer. */
  integer(field: number, value: number): this {
    this.varint(field << 3);
    this.varint(value);
    return this;
  }

  /** A field of type float. */
  float(field: number, value: number): this {
    this.varint((field << 3) | FIXED32);
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, true);
    this.append(new Uint8Array(view.buffer));
    return this;
  }

  /** A field of type string. */
  string(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value));
  }

  /** A field of type bytes. They are read when the message has been written, and must be the same then. */
  raw(field: number, value: Uint8Array): this {
    this.varint((field << 3) | LENGTH_DELIMITED);
    this.varint(value.length);
    this.append(value);
    return this;
  }

  /** A field that is itself a message, as it is now. */
  message(field: number, value: ProtobufMessage): this {
    this.varint((field << 3) | LENGTH_DELIMITED);
    this.varint(value.size);
    for (const part of value.parts) this.append(part);
    return this;
  }

  toBytes(): Owned<Uint8Array> {
    const bytes = new Uint8Array(this.size);
    let position = 0;
    for (const part of this.parts) {
      bytes.set(part, position);
      position += part.length;
    }
    return bytes;
  }

  /** Seven bits a byte, the lowest first; the eighth says that more follow. */
  private varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    while (rest > 127) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
    this.append(bytes);
  }

  private append(bytes: number[] | Uint8Array): void {
    this.size += bytes.length;
    if (bytes.length > LARGEST_SMALL && bytes instanceof Uint8Array) {
      this.parts.push(bytes);
      return;
    }
    let last = this.parts.at(-1);
    if (!Array.isArray(last)) {
      last = [];
      this.parts.push(last);
    }
    for (const byte of bytes) last.push(byte);
  }
}

/** A block of more bytes is a part of its own. */
const LARGEST_SMALL = 256;

/** Wire types, in the low three bits of a field's key; an integer's is 0. */
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
