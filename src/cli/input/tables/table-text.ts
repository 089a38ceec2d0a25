import { isUtf8 } from "node:buffer";
import { aboutSteps } from "../../../base/calling.ts";
import { inTurns, type Pausable } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { recognise, TEXT } from "../../../files/file-kind.ts";
import { gunzip, gunzipWithin, isGzip } from "../../../files/gzip.ts";
import type { Limits } from "../../../files/limits.ts";

// Recognises tables: text by its content, or by the name of its file.

/** Number of bytes at a file's beginning that tell text from other files. */
const LOOKED_AT = 2 ** 12;

/** True if a file with this beginning is text, and so may be a table. */
export function isText(beginning: Uint8Array): boolean {
  const kind = recognise(beginning);
  if (kind) return kind.name === TEXT;
  return beginning.subarray(0, LOOKED_AT).every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/** True if a file's name says that it is a table. */
export function isTableName(name: string): boolean {
  return /\.[ct]sv(\.gz)?$/i.test(name);
}

/**
 * Returns the text of a table, unpacked; undefined for another file.
 *
 * @param bytes the whole file
 * @param name name of the file, which decides where the beginning is that of no known kind
 * @throws LatentflowError `invalid_file` if it is packed and damaged, or unpacks to more than `maxBytes`
 */
export async function tableText(
  bytes: Uint8Array,
  name: string,
  { maxBytes, signal }: Limits,
): Promise<Uint8Array | undefined> {
  const isTable = (beginning: Uint8Array) =>
    isText(beginning) || (isTableName(name) && recognise(beginning) === undefined);
  if (!isGzip(bytes)) return isTable(bytes) ? bytes : undefined;
  const beginning = await inTurns(aboutSteps("gzip", gunzip(bytes, LOOKED_AT)), signal);
  if (!isTable(beginning)) return undefined;
  return inTurns(aboutSteps("gzip", gunzipWithin(bytes, maxBytes)), signal);
}

/** Byte order mark of UTF-8. */
const BOM = [0xef, 0xbb, 0xbf];

/** Number of bytes checked between two pauses. */
const PIECE = 2 ** 22;

/**
 * Checks that bytes are text in UTF-8.
 *
 * @returns the offset of the text, behind a byte order mark
 * @throws LatentflowError `invalid_file`
 */
export function* checkText(bytes: Uint8Array): Pausable<number> {
  for (let start = 0; start < bytes.length; ) {
    let end = Math.min(start + PIECE, bytes.length);
    // No piece ends within a character, of four bytes at most.
    for (let i = 0; i < 3 && end < bytes.length && bytes[end]! >> 6 === 0b10; i++) end++;
    const piece = bytes.subarray(start, end);
    const nul = piece.indexOf(0);
    if (nul >= 0) {
      throw invalidFile(
        `line ${lineAt(bytes, start + nul)} has a NUL byte, expected text in UTF-8; if it is UTF-16, save it as "CSV UTF-8"`,
      );
    }
    if (!isUtf8(piece)) {
      throw invalidFile(
        'it is text in another encoding, expected UTF-8; save it as "CSV UTF-8", or: iconv -f windows-1252 -t utf-8 FILE',
      );
    }
    start = end;
    yield;
  }
  return BOM.every((byte, i) => bytes[i] === byte) ? BOM.length : 0;
}

/** Returns the number of the line at an offset, from 1. Lines end with \n, \r\n or \r. */
export function lineAt(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) {
    if (bytes[i] === 0x0a || (bytes[i] === 0x0d && bytes[i + 1] !== 0x0a)) line++;
  }
  return line;
}

/** Returns the number of a row's first line. `offset` is the end of the row before, which blank lines may follow. */
export function rowLine(bytes: Uint8Array, offset: number): number {
  let begin = offset;
  while (bytes[begin] === 0x0a || bytes[begin] === 0x0d) begin++;
  return lineAt(bytes, begin);
}

/** Returns the delimiter of a table by its first line: a tab if it has one outside of quotes, else a semicolon, else a comma. */
export function findDelimiter(bytes: Uint8Array, start: number): string {
  const found = new Set<number>();
  let isQuoted = false;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0x22) isQuoted = !isQuoted;
    else if (!isQuoted && (byte === 0x0a || byte === 0x0d)) {
      if (found.size > 0) break;
    } else if (!isQuoted) found.add(byte);
  }
  return ["\t", ";"].find((delimiter) => found.has(delimiter.charCodeAt(0))) ?? ",";
}
