// CRC-32 with the polynomial of gzip and PNG, in its reflected form.
const POLYNOMIAL = 0xedb88320;

/** CRC-32 of each value of a single byte, without the inversions at beginning and end. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/**
 * Returns the CRC-32 of bytes, an integer in [0, 2^32). It detects every change of one byte or of up to four adjacent bytes,
 * and any other change with probability 1 - 2^-32: damage and mistakes, not forgery.
 *
 * @param before checksum of the bytes that precede these. Default: none precede
 */
export function checksum(bytes: Uint8Array, before = 0): number {
  let remainder = ~before;
  for (let i = 0; i < bytes.length; i++) {
    remainder = TABLE[(remainder ^ bytes[i]!) & 0xff]! ^ (remainder >>> 8);
  }
  return ~remainder >>> 0;
}

/** Formats a checksum as eight hexadecimal digits. */
export function showChecksum(value: number): string {
  return value.toString(16).padStart(8, "0");
}
