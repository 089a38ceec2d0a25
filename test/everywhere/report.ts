import type { Outcome } from "./environment.ts";

/** What projects/program.js tells. */
export interface Report {
  readonly bits: Numbers;
  readonly threads: number;
  readonly reason?: string;
}

type Numbers = Readonly<Record<"z" | "loss" | "x", readonly number[]>>;

/**
 * What came out, from what a program has printed or a page shows.
 *
 * @param version of the tool
 * @param text the report as JSON, or an output with the line "latentflow: …"
 * @throws Error where there is no report, where it is of an error, or where its numbers are not the expected ones
 */
export async function outcome(version: string, text: string): Promise<Outcome> {
  const json = /^latentflow: (.*)$/m.exec(text)?.[1] ?? text;
  const { bits, threads, reason } = parse(json);
  expectedBits ??= findExpectedBits();
  const expected = await expectedBits;
  for (const name of ["z", "loss", "x"] as const) compare(name, bits[name], expected[name]);
  return { version, threads, ...(reason !== undefined && { reason }) };
}

function parse(json: string): Report {
  let report: Partial<Report> & { error?: string };
  try {
    report = JSON.parse(json);
  } catch {
    throw new Error(`no report in what it printed:\n${json}`);
  }
  if (report.error !== undefined) throw new Error(`the program failed: ${report.error}`);
  if (!report.bits || typeof report.threads !== "number") throw new Error(`not a report: ${json}`);
  return report as Report;
}

function compare(name: string, bits: readonly number[], expected: readonly number[]): void {
  const differs = expected.findIndex((value, i) => value !== bits[i]);
  if (differs < 0 && bits.length === expected.length) return;
  const [found, wanted] = [bits, expected].map((all) => new Float32Array(Uint32Array.from(all).buffer));
  throw new Error(
    `other numbers than in Node: ${name}[${differs}] is ${found![differs]}, expected ${wanted![differs]} (${bits.length} numbers, expected ${expected.length})`,
  );
}

let expectedBits: Promise<Numbers> | undefined;

async function findExpectedBits(): Promise<Numbers> {
  return (await reportHere()).bits;
}

/** What the program tells in this Node of what `npm run build` has made, on one thread. */
export async function reportHere(): Promise<Report> {
  // Node finds the package by its own name here, as its users do.
  const { encodeSome } = await import(new URL("projects/program.js", import.meta.url).href);
  return encodeSome({ threads: 1 });
}
