import { mean } from "../../bench/timing.ts";
import { recordKey, type Task, taskKey } from "./cases.ts";
import { type CaseRecord, MEASURES, type MeasureOptions, measure, measuresOf } from "./measures.ts";
import { appendRecord, readRecords, recordsFile } from "./records.ts";
import { startsAt } from "./starts.ts";
import { madeBy } from "./summarise.ts";

/** Of `count` processes that share tasks, number `index`, from 0. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/**
 * Measures the tasks of a part that the solver's file in a folder has no record of, and appends theirs.
 *
 * @returns the records of all tasks that the file has then
 */
export async function measureAll(
  tasks: readonly Task[],
  folder: string,
  part: Part,
  options: MeasureOptions,
): Promise<CaseRecord[]> {
  const file = recordsFile(folder, options.solver);
  const known = readRecords(file);
  const own = tasks.filter((_, i) => i % part.count === part.index);
  const due = own.filter((task) => measuresOf(options).some((name) => !known.get(taskKey(task))?.[name]));
  const kept = own.length - due.length;
  if (kept > 0) console.log(`${kept} cases are kept from before; remove ${file} to measure them anew`);
  const begin = performance.now();
  for (const [i, task] of due.entries()) {
    const start = performance.now();
    const record = await measureTask(task, options);
    appendRecord(file, record);
    const now = performance.now();
    const left = ((now - begin) / (i + 1)) * (due.length - i - 1);
    console.log(`${progress(i + 1, due.length, left)} ${describe(record)} ${seconds(now - start)} s`);
  }
  const records = readRecords(file);
  return tasks.flatMap((task) => records.get(taskKey(task)) ?? []);
}

/** Encodes a case's samples from a start, and examines the ends. */
export async function measureTask({ case: each, start }: Task, options: MeasureOptions): Promise<CaseRecord> {
  const { family, name } = each;
  const subject = await each.make();
  const { sampleCount, decoder, units } = subject;
  const z0 = startsAt(start, sampleCount, decoder.latentSize, units);
  const record = { family, name, start, ...(await measure(subject, z0, options)) };
  decoder.dispose();
  return record;
}

function progress(done: number, all: number, left: number): string {
  return `[${done}/${all}, ${(left / 60_000).toFixed(1)} min left]`;
}

function describe(record: CaseRecord): string {
  const { samples, passes, objective } = record;
  const shares = madeBy([record]).map(
    (name) => `${MEASURES[name].title} ${(record[name]!.length / samples).toFixed(2)}`,
  );
  const figures = [...shares, `loss ${objective.toPrecision(5)}`, `passes ${mean(passes).toFixed(1)}`];
  return `${recordKey(record)}: ${figures.join(", ")}`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
