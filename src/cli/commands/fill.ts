import { realpath } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { gzipSync } from "node:zlib";
import type { Command } from "commander";
import { about } from "../../base/calling.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { escapeText, showList, showPath } from "../../base/show.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { showCandidate } from "../fill/candidate.ts";
import { type ColumnErrors, cellsOf, columnErrors, roundAsSeen } from "../fill/column-errors.ts";
import { FITS, type Filled, fillValues } from "../fill/fill-values.ts";
import { verdictOf } from "../fill/verdict.ts";
import { limitsOf, SIZE_FLAGS } from "../input/decoder-file.ts";
import { openData } from "../input/open-data.ts";
import { formatTable } from "../input/tables/format-table.ts";
import { type Table, valueNames } from "../input/tables/table.ts";
import { idColumnHelp, TABLE_FLAGS, tableReadingOf } from "../input/tables/table-flags.ts";
import { interruptSignal, unlessInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { parseSeed } from "../options/parse.ts";
import { addRunningOptions, backendOf, type RunningOptions } from "../options/running.ts";
import { makeFolder, writeOutputs } from "../output/output-files.ts";
import { print } from "../output/print.ts";
import { showProgress } from "../output/progress.ts";
import { countOf, type Figure, figure, formatMean, formatReport, formatShare } from "../output/report.ts";

const FILL_FLAGS = {
  out: flag("<file>", "file for the filled table", { required: true }),
  idColumn: flag("<name>", idColumnHelp),
  ...TABLE_FLAGS,
  ...SIZE_FLAGS,
  seed: flag("<n>", "seed of all random numbers, an integer >= 0", { parse: parseSeed, standard: 0 }),
};

interface FillJob extends RunningOptions, OptionsOf<typeof FILL_FLAGS> {}

/** Adds `latentflow fill` to the program. */
export function addFillCommand(program: Command): void {
  const command = program
    .command("fill")
    .summary("fill the missing cells of a table")
    .description(
      "Trains decoders on a CSV or TSV table with its missing cells, and fills them.\n" +
        "All other cells stay as they are. A tenth of the seen cells is held out and\n" +
        "chooses among some decoders, linear ones and some with a hidden layer. The\n" +
        "report has the errors of these cells, beside those of the columns' means and\n" +
        "of iterative PCA.",
    )
    .argument("<table>", "CSV or TSV file; empty cells, NA and NaN are missing");
  addFlags(command, FILL_FLAGS, "What and where:");
  addRunningOptions(command).addHelpText(
    "after",
    `
${exitCodesHelp("nothing is written")}
Examples:
  $ latentflow fill measured.csv --out filled.csv
  $ latentflow fill patients.csv --out filled.csv --id-column patient \\
      --categories sex,smoker`,
  );
  command.action(runFill);
}

async function runFill(file: string, job: FillJob): Promise<void> {
  const signal = interruptSignal();
  const done = await unlessInterrupted(signal, fillTable(file, job, signal), "stopped; nothing is written");
  if (!done) return;
  const { table, filled } = done;
  const bytes = Buffer.concat([...formatTable(table, filled.values)]);
  const name = basename(job.out);
  const content = "the table with its missing cells filled";
  const outputs = await writeOutputs(dirname(job.out), [
    { name, bytes: /\.gz$/i.test(name) ? gzipSync(bytes) : bytes, content },
  ]);
  print(formatReport(figuresOf(file, table, filled), outputs, job.json));
}

async function fillTable(file: string, job: FillJob, signal: AbortSignal) {
  const reading = { target: () => undefined, table: tableReadingOf(job), isRewritten: true };
  const array = await openData("fill", [file], limitsOf(job, signal), reading);
  const table = array.tables?.[0];
  if (!table) {
    const advice = "; of an array train a decoder, then encode --complete";
    throw invalidFile(`${showPath(file)}: it is no table, expected a CSV or TSV file${advice}`);
  }
  checkTable(file, table);
  const at = `--out ${showPath(job.out)}`;
  const ending = table.text?.delimiter === "\t" ? ".tsv" : ".csv";
  if (!/\.(csv|tsv|txt)(\.gz)?$/i.test(job.out)) {
    throw invalid(`${at}: the filled table is text, as the table is; give a name that ends in ${ending}`);
  }
  await about(at, () => makeFolder(dirname(job.out), [basename(job.out)], {}));
  if (await isSameFile(file, job.out)) throw invalid(`${at} is the table itself; give another file`);
  const { rows, values } = table;
  const columns = values.length / rows;
  const display = showProgress(
    `filling ${countOf(rows, "row")}, ${FITS} fits`,
    FITS * rows,
    job.quiet,
    signal,
  );
  const start = performance.now();
  try {
    const filled = await about(showPath(file), () =>
      fillValues({ values, rows, columns }, cellsOf(table), {
        seed: job.seed,
        backend: backendOf(job),
        signal,
        onFit(fits, error) {
          const done = Math.floor(fits * rows);
          const samplesPerSecond = (1000 * done) / (performance.now() - start);
          display.update({ done, meanLoss: error, samplesPerSecond });
        },
      }),
    );
    roundAsSeen(table, filled.values);
    return { table, filled };
  } finally {
    display.stop();
  }
}

/** True if both paths lead to one file that exists; asked once the folders of both are there. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [own, other] = await Promise.all([a, b].map((path) => realpath(path).catch(() => undefined)));
  return own !== undefined && own === other;
}

/** Throws if a table has no missing cell, too few rows, or a column of which nothing is seen. */
function checkTable(file: string, table: Table): void {
  const { values, rows } = table;
  const where = showPath(file);
  if (rows < 5) throw invalidFile(`${where}: it has ${countOf(rows, "row")}, expected 5 at least`);
  const columns = values.length / rows;
  const empty = valueNames(table).filter((_, column) => {
    for (let i = column; i < values.length; i += columns) if (!Number.isNaN(values[i])) return false;
    return true;
  });
  if (empty.length > 0) {
    const names = showList(empty.map((name) => JSON.stringify(name)));
    throw invalidFile(`${where}: nothing is seen of ${names}; leave out what is empty, by --columns`);
  }
  if (!values.some(Number.isNaN)) throw invalidFile(`${where}: no cell is missing`);
}

/** Largest number of columns that the report shows; the JSON document has all. */
const MOST_SHOWN = 40;

function figuresOf(file: string, table: Table, { values, chosen, heldOut, errors }: Filled): Figure[] {
  const columns = columnErrors(table, heldOut);
  // Cells, not values: a missing category is one cell, whatever number of values stands for it.
  const firsts = cellsOf(table).map(([first]) => first);
  const width = values.length / table.rows;
  const cells = table.rows * firsts.length;
  let missing = 0;
  for (let row = 0; row < values.length; row += width) {
    for (const first of firsts) if (Number.isNaN(table.values[row + first])) missing++;
  }
  const held = columns.reduce((sum, column) => sum + column.cells, 0);
  const { fill, mean, pca } = errors;
  return [
    figure(
      "table",
      `${showPath(file)}: ${countOf(table.rows, "row")}, ${countOf(columns.length, "column")}`,
      {
        table: { file, rows: table.rows, columns: columns.length },
      },
    ),
    figure("missing cells", `${countOf(missing, "cell")} (${formatShare(missing / cells)})`, {
      missing,
    }),
    figure("filled by", chosen.map(showCandidate).join("; the mean of it and ") || "the columns' means", {
      chosen,
    }),
    figure(
      `error of ${countOf(held, "held-out cell")}`,
      `${formatMean(fill)} standard deviations; columns' means ${formatMean(mean)}, iterative PCA ${formatMean(pca)}`,
      { heldOut: held, errors },
    ),
    figure("note", verdictOf(errors)),
    ...columns.slice(0, MOST_SHOWN).map((column) => figure(escapeText(column.name), showErrors(column))),
    figure("more columns", columns.length > MOST_SHOWN ? "in the document of --json" : undefined, {
      columns,
    }),
  ];
}

function showErrors({ cells, unit, fill, mean, pca }: ColumnErrors): string {
  if (cells === 0) return "no value was held out";
  const show = unit === "wrong" ? (error: number) => `${formatShare(error)} wrong` : formatMean;
  return `${show(fill)}; mean ${show(mean)}, iterative PCA ${show(pca)}`;
}
