// Tries the package, as npm packs it, in each environment, in a small project of its own, and prints a table:
//
//   npm run test:everywhere                   all of them, which takes a while
//   npm run test:everywhere -- Vite Node      those whose names contain one of these
//   npm run test:everywhere -- --quick        those that take seconds
//   npm run test:everywhere -- --write        puts the table into site/reference/tried.md; --json FILE writes it as JSON,
//                                             --keep leaves the projects there
//
// It ends with 1 where one of them does not work. What cannot be had here is "not tried".
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { environments } from "./environments.ts";
import { runEnvironments } from "./run.ts";
import { formatTable } from "./table.ts";

interface Options {
  quick?: true;
  json?: string;
  keep?: true;
  write?: true;
}

const DOCUMENT = fileURLToPath(new URL("../../site/reference/tried.md", import.meta.url));

const program = new Command("test:everywhere")
  .argument("[name...]", "only environments whose name contains one of these, in any case")
  .option("--quick", "only those that take seconds")
  .option("--json <file>", "also write the rows to a file")
  .option("--keep", "leave the projects' folders where they are")
  .option("--write", "put the table into site/reference/tried.md")
  .parse();

const { quick, json, keep = false, write } = program.opts<Options>();
const names = program.args.map((name) => name.toLowerCase());
const chosen = environments.filter(
  (environment) =>
    (!quick || environment.quick) &&
    (names.length === 0 || names.some((name) => environment.name.toLowerCase().includes(name))),
);
if (chosen.length === 0) {
  program.error(`no environment matches; there are\n  ${environments.map(({ name }) => name).join("\n  ")}`);
}
if (write && chosen.length < environments.length) {
  program.error("--write is for the whole table: leave out names and --quick");
}
// Not after half an hour.
if (write) partsOfDocument();

const rows = await runEnvironments(chosen, { keep, log: (line) => console.log(line) });
const table = formatTable(rows);
console.log(`\n${table}`);
if (json) writeFileSync(json, `${JSON.stringify(rows, undefined, 2)}\n`);
if (write) writeTable(table);
process.exitCode = rows.some(({ works }) => works === "no") ? 1 : 0;

/** Replaces the table in the document, which is all between the two marks. */
function writeTable(text: string): void {
  const [before, , after] = partsOfDocument();
  writeFileSync(DOCUMENT, `${before}\n${text}\n${after}`);
}

/** What is before the table, the table, what is after it; the marks are no parts of the table. */
function partsOfDocument(): [string, string, string] {
  const parts = /^([\s\S]*<!-- table -->)([\s\S]*)(<!-- end of table -->[\s\S]*)$/.exec(
    readFileSync(DOCUMENT, "utf8"),
  );
  if (!parts) {
    throw new Error(`${DOCUMENT} has no place for the table, from <!-- table --> to <!-- end of table -->`);
  }
  return [parts[1]!, parts[2]!, parts[3]!];
}
