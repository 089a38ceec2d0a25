/**
 * A protobuf message being written: as much of the encoding as ONNX files need. Fields are written in the order
 * of the calls, each under its number in the message's definition.
 */
export class ProtobufMessage {
  private readonly bytes: number[] = [];

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

  /** A field of type bytes. */
  raw(field: number, value: Uint8Array): this {
    this.varint((field << 3) | LENGTH_DELIMITED);
    this.varint(value.length);
    this.append(value);
    return this;
  }

  /** A field that is itself a message. */
  message(field: number, value: ProtobufMessage): this {
    this.varint((field << 3) | LENGTH_DELIMITED);
    this.varint(value.bytes.length);
    this.append(value.bytes);
    return this;
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }

  /** Seven bits a byte, the lowest first; the eighth says that more follow. */
  private varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.bytes.push(rest);
  }

  private append(bytes: Iterable<number>): void {
    for (const byte of bytes) this.bytes.push(byte);
  }
}

/** How a field's value is laid out, in the low three bits before it; an integer's is 0. */
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
