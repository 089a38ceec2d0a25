import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync, type Zippable, zipSync } from "fflate";
import { passesOf } from "../bench/passes.ts";
import { mean } from "../bench/timing.ts";
import { toNpy } from "../src/files/npy.ts";
import { type Amd, amd, type EncodeResult, encode, type Lbfgs, lbfgs, wasm } from "../src/index.ts";
import { STATUSES } from "../src/solver/status.ts";
import { readDataset } from "../src/train/index.ts";
import { type Subject, subjects, writeHashes } from "./decoders.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { compareRuns, recordRuns } from "./run-hashes.ts";
import { type Row, report } from "./table.ts";

// What the solvers did before they were changed, kept sample by sample, and what they do now beside it.

const folder = join("experiments", "baseline");
const solversFile = join(folder, "solvers.npz");

/** The solvers there are now, each as it comes. */
const solvers: Readonly<Record<string, () => Amd | Lbfgs>> = { amd, lbfgs };

/** What is kept of each sample, in this order, as float32: all of it is exact there. */
const COLUMNS = 3;

interface SampleRecord {
  readonly loss: number;
  /** See `passesOf`. */
  readonly passes: number;
  readonly status: string;
}

/** Of an array of `solvers.npz`, see `arrayOf`. */
function recordsOf(values: Float32Array): SampleRecord[] {
  return Array.from({ length: values.length / COLUMNS }, (_, sample) => {
    const [loss, passes, status] = values.subarray(sample * COLUMNS, (sample + 1) * COLUMNS);
    return { loss: loss!, passes: passes!, status: STATUSES[status!]! };
  });
}

function arrayOf({ decoder }: Subject, result: EncodeResult): Float32Array {
  const { loss, status } = result;
  const values = new Float32Array(loss.length * COLUMNS);
  for (const [sample, passes] of passesOf(result, decoder.latentSize).entries()) {
    values.set([loss[sample]!, passes, STATUSES.indexOf(status[sample]!)], sample * COLUMNS);
  }
  return values;
}

const nameOf = (subject: Subject, solver: string) => `${subject.name}/${solver}`;

/** The solvers that the baseline has for a decoder, which need not be those that there are now. */
function solversOf(arrays: readonly string[], subject: Subject): string[] {
  const [before, after] = [nameOf(subject, ""), ".npy"];
  const own = arrays.filter((array) => array.startsWith(before) && array.endsWith(after));
  if (own.length === 0) {
    throw new Error(`${solversFile} has nothing for ${subject.name}: record the baseline again`);
  }
  return own.map((array) => array.slice(before.length, -after.length));
}

/** Keeps what the solvers do now, and the hashes of the plain build's runs. */
export async function recordBaseline(): Promise<void> {
  const arrays: Zippable = {};
  for await (const subject of subjects("all")) {
    for (const [name, make] of Object.entries(solvers)) {
      const result = await encode(subject.decoder, subject.y, { solver: make(), backend: plain });
      const values = arrayOf(subject, result);
      arrays[`${nameOf(subject, name)}.npy`] = toNpy(values, [values.length / COLUMNS, COLUMNS]);
      console.log(nameOf(subject, name), Object.values(figuresOf(recordsOf(values))).join(", "));
    }
    subject.decoder.dispose();
  }
  // The same bytes for the same values: without the time of the writing.
  writeFileSync(solversFile, zipSync(arrays, { level: 9, mtime: new Date(1980, 0, 1) }));
  writeHashes();
  await recordRuns();
}

const plain = wasm({ relaxed: false });

/**
 * What each solver does now beside what each did at the baseline, on every decoder: passes and end loss as ratios of
 * means, the samples whose end is the same bit for bit, and the worst row.
 */
export async function compareWithBaseline(
  { out }: Pick<ExperimentSettings, "out">,
  compared: typeof solvers = solvers,
): Promise<void> {
  await compareRuns();
  const kept = Object.keys(unzipSync(readFileSync(solversFile)));
  const rows: Row[] = [];
  for await (const subject of subjects("all")) {
    const before = await Promise.all(
      solversOf(kept, subject).map(async (name) => {
        const dataset = await readDataset(solversFile, { array: nameOf(subject, name) });
        return [name, recordsOf(dataset.toFloat32())] as const;
      }),
    );
    for (const [now, make] of Object.entries(compared)) {
      const result = await encode(subject.decoder, subject.y, { solver: make(), backend: plain });
      const records = recordsOf(arrayOf(subject, result));
      const own = figuresOf(records);
      rows.push({
        decoder: subject.name,
        solver: now,
        loss: own.loss.toFixed(6),
        passes: own.passes.toFixed(1),
        ...Object.fromEntries(before.flatMap(([name, then]) => ratios(name, records, then))),
        statuses: own.statuses,
        s: result.seconds.toFixed(2),
      });
      console.log(Object.values(rows.at(-1)!).join("  "));
    }
    subject.decoder.dispose();
  }
  const columns = Object.keys(rows[0]!).filter((column) => column.includes(" ÷ "));
  for (const solver of Object.keys(compared)) {
    const own = rows.filter((row) => row.solver === solver);
    const over = (choose: (values: number[]) => number) =>
      Object.fromEntries(
        columns.map((column) => [column, choose(own.map((row) => Number(row[column]))).toFixed(4)]),
      );
    const blank = { solver, loss: "", passes: "" };
    const rest = { same: "", statuses: "", s: "" };
    rows.push({ decoder: "MEAN", ...blank, ...over((values) => mean(values)), ...rest });
    rows.push({ decoder: "WORST", ...blank, ...over((values) => Math.max(...values)), ...rest });
  }
  report(out, "baseline", rows);
}

/** Now beside then, as a table's columns. */
function ratios(
  name: string,
  now: readonly SampleRecord[],
  then: readonly SampleRecord[],
): [string, string][] {
  const [own, before] = [figuresOf(now), figuresOf(then)];
  const same = now.filter((record, sample) => JSON.stringify(record) === JSON.stringify(then[sample]));
  return [
    [`loss ÷ ${name}`, (own.loss / before.loss).toFixed(4)],
    [`passes ÷ ${name}`, (own.passes / before.passes).toFixed(4)],
    [`as ${name}`, `${same.length} of ${now.length}`],
  ];
}

function figuresOf(records: readonly SampleRecord[]): { loss: number; passes: number; statuses: string } {
  const counts = STATUSES.map((status) => [
    records.filter((record) => record.status === status).length,
    status,
  ]);
  return {
    loss: mean(records.map(({ loss }) => loss)),
    passes: mean(records.map(({ passes }) => passes)),
    statuses: counts
      .filter(([count]) => count !== 0)
      .map((count) => count.join(" "))
      .join(" "),
  };
}
