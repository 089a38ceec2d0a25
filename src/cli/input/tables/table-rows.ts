import { CsvError, Parser } from "csv-parse";
import { makeTurns } from "../../../base/event-loop.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { rowLine } from "./table-text.ts";

/** Number of bytes parsed at once: some milliseconds of work. */
const PIECE = 2 ** 16;

/**
 * Parses the rows of a table. Blank lines are skipped, and spaces around cells without quotes.
 *
 * @param start offset of the first row
 * @param take gets the cells of each row, without their quotes, and the offset of its end, behind its line end
 * @throws LatentflowError `invalid_file` for quotes that do not match
 */
export async function parseRows(
  bytes: Uint8Array,
  start: number,
  delimiter: string,
  take: (cells: readonly string[], end: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let last = start;
  const parser = new Parser({
    delimiter,
    trim: true,
    skip_empty_lines: true,
    // The caller compares the numbers of cells, and says more.
    relax_column_count: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    on_record(cells: readonly string[], { bytes: end }) {
      take(cells, start + end);
      last = start + end;
      // Nothing is queued to be read from the stream.
      return null;
    },
  });
  // The same error is passed to the call that caused it.
  parser.on("error", () => {});
  const turn = makeTurns();
  try {
    for (let from = start; from < bytes.length; from += PIECE) {
      throwIfAborted(signal);
      const piece = bytes.subarray(from, from + PIECE);
      await called((done) => parser.write(piece, done));
      await turn();
    }
    await called((done) => parser.end(done));
  } catch (error) {
    throw error instanceof CsvError ? damagedQuotes(error.code, rowLine(bytes, last)) : error;
  } finally {
    parser.destroy();
  }
}

/** Awaits a call of a stream, which passes its error to a callback. */
function called(call: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}

function damagedQuotes(code: string, line: number) {
  if (code === "CSV_QUOTE_NOT_CLOSED") {
    return invalidFile(
      `the row in line ${line} has a quote that is not closed until the file ends; is the file cut short, or a quote within a ` +
        'cell not doubled, as in "5"" screen"?',
    );
  }
  return invalidFile(
    `the row in line ${line} has a quote within a cell, expected quotes around whole cells; double those within: "5"" screen"`,
  );
}
