import { about } from "../../../base/calling.ts";
import { bytesIn } from "../../../base/values.ts";
import { isGzip } from "../../../files/gzip.ts";
import type { Limits } from "../../../files/limits.ts";
import { type ArrayFile, fingerprintOf } from "../array-files/array-file.ts";
import { readTable } from "./read-table.ts";
import { rewritableTable } from "./rewrite-table.ts";
import { valueNames, widthOfAll } from "./table.ts";
import type { TableReading } from "./table-flags.ts";
import { isTableName, tableText } from "./table-text.ts";

/**
 * Reads a table as an array of float32 numbers, [rows, values of a row].
 *
 * @param where beginning of error messages
 * @param bytes the whole file, packed by gzip or not
 * @param name name of the file; "" for standard input
 * @returns undefined if the file is no text
 * @throws LatentflowError `invalid_file` if it is text and no table
 */
export async function openTable(
  where: string,
  bytes: Uint8Array,
  name: string,
  reading: TableReading,
  limits: Limits,
): Promise<ArrayFile | undefined> {
  const text = await about(where, () => tableText(bytes, name, limits));
  if (!text) return undefined;
  const kind = isTableName(name) ? "" : "it is text, read as a table (CSV)";
  const table = await about(where, () => about(kind, () => readTable(text, reading, limits)));
  const bytesOfValues = bytesIn(table.values);
  const content = JSON.stringify([valueNames(table), table.rows, table.ids]);
  return {
    shape: [table.rows, widthOfAll(table.columns)],
    type: "float32",
    tables: [table],
    rewritable: table.text && [rewritableTable(table, isGzip(bytes))],
    read: async (start, end) => table.values.subarray(start, end),
    fingerprint: () =>
      fingerprintOf(content, bytesOfValues.length, async (start, end) => bytesOfValues.subarray(start, end)),
  };
}
