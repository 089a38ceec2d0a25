import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { recordKey } from "./cases.ts";
import type { CaseRecord, SolverName } from "./measures.ts";

/** File of a solver's records, one JSON object a line. */
export function recordsFile(folder: string, solver: SolverName): string {
  return join(folder, `converged-${solver}.jsonl`);
}

/** The records that a file has, by their keys; none where there is no file. A line that a killed run left unfinished is left out. */
export function readRecords(file: string): Map<string, CaseRecord> {
  const records = new Map<string, CaseRecord>();
  if (!existsSync(file)) return records;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const record = parse(line);
    if (record) records.set(recordKey(record), record);
  }
  return records;
}

function parse(line: string): CaseRecord | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Appends a record by one write, so that two runs may share a file; it begins a line of its own after one left unfinished. */
export function appendRecord(file: string, record: CaseRecord): void {
  appendFileSync(file, `\n${JSON.stringify(record)}`);
}
