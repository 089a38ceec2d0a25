// File names that are not valid UTF-8, which a system may have, as strings: each byte that is not ASCII becomes a lone
// surrogate, U+DC80 to U+DCFF, as by Python's surrogateescape (PEP 383). Messages escape lone surrogates.

/** Returns a file name as a string. */
export function nameFrom(bytes: Buffer): string {
  const text = bytes.toString();
  if (bytes.equals(Buffer.from(text))) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
}

/** Returns a path for the file system: its bytes if a name in it is not valid UTF-8. */
export function systemPath(path: string): string | Buffer {
  const parts = path.split(/([\udc80-\udcff])/u);
  if (parts.length === 1) return path;
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part))),
  );
}
