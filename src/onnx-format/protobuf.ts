import type { Owned } from "../base/owned.ts";

/**
 * A protobuf message being written, with those parts of the encoding that ONNX files need. Fields are written in the
 * order of the calls, with their numbers in the message's definition.
 */
export class ProtobufMessage {
  /**
   * Small fields as lists of bytes, large blocks such as weights by reference, so that they are copied only once, at the
   * end.
   */
  private readonly parts: (number[] | Uint8Array)[] = [];
  private size = 0;

  /** Number of bytes written so far. */
  get byteLength(): number {
    return this.size;
  }

  /** Writes a field of type int64, int32 or enum; `value` is an integer ≥ 0. */
  integer(field: number, value: number): this {
    this.varint(field << 3);
    this.varint(value);
    return this;
  }

  /** Writes a field of type float. */
  float(field: number, value: number): this {
    this.varint((field << 3) | FIXED32);
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, true);
    this.append(new Uint8Array(view.buffer));
    return this;
  }

  /** Writes a field of type string. */
  string(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value));
  }

  /** Writes a field of type bytes. Large values are only copied by `toBytes()`, and must not change until then. */
  raw(field: number, value: Uint8Array): this {
    this.varint((field << 3) | LENGTH_DELIMITED);
    this.varint(value.length);
    this.append(value);
    return this;
  }

  /** Writes a field that is a message, with its content so far. */
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

  /** Writes a varint: seven bits per byte, lowest first; the eighth bit is set if more bytes follow. */
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

/** Byte arrays longer than this are stored by reference. */
const LARGEST_SMALL = 256;

/** Protobuf wire type of strings, bytes and messages, in the lowest three bits of a field's key; integers have type 0. */
const LENGTH_DELIMITED = 2;
/** Protobuf wire type of floats. */
const FIXED32 = 5;
